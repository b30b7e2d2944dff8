"""The door: one for all listeners, through which every connection comes in."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from ftptls.errors import PermanentError
from ftptls.guard.asked import Refusal, Waiter
from ftptls.guard.attempts import Attempt, Attempts
from ftptls.guard.banfile import Kind
from ftptls.guard.presence import Presence
from ftptls.guard.recent import name_key, network_of
from ftptls.interfaces import IWorkers
from ftptls.settings import Guard

if TYPE_CHECKING:
    from ftptls.session import Session

_BANNED = "Too many failed logins from your address; try again later."


class Door:
    """Who is in, who may come in, and who has tried too often.

    Args:
        reactor: For the time.
        settings: Bounds.
        workers: For the file of bans.

    Raises:
        OSError: The file of bans cannot be used.

    Attributes:
        attempts: What is remembered of logins.
        presence: Who is connected.
    """

    def __init__(self, reactor: Any, settings: Guard, workers: IWorkers) -> None:
        self._settings = settings
        self._trusted = tuple(ip_network(network) for network in settings.trusted)
        self._listeners = 0
        self.attempts = Attempts(reactor, settings, workers)
        self.presence = Presence(settings)

    def opened(self) -> None:
        """A listener was opened: with the first one, begin to watch the file of bans."""
        self._listeners += 1
        if self._listeners == 1:
            self.attempts.bans.start()

    def closed(self) -> None:
        """A listener was closed; the file is let go with the last one."""
        self._listeners -= 1
        if not self._listeners:
            self.attempts.bans.stop()

    def trusts(self, address: str) -> bool:
        """Whether nothing is held against an address."""
        if not self._trusted:
            return False
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._trusted)

    def knock(self, address: str) -> Refusal | Door:
        """Why one more connection of an address may not come in; the door itself if it may."""
        trusted = self.trusts(address)
        network = "" if trusted else network_of(address)
        if not trusted and self.attempts.bans.holds(Kind.ADDRESS, network):
            return Refusal(_BANNED, banned=True)
        objection = self.presence.objection(network, trusted=trusted)
        return Refusal(objection, banned=False) if objection else self

    def attempt(
        self, address: str, name: str, session: Session, control: Waiter, delay: float
    ) -> Attempt:
        """Somebody is to be logged in from an address.

        Args:
            address: Which.
            name: Who.
            session: For the log.
            control: What waits.
            delay: Seconds that the first failure costs.
        """
        trusted = self.trusts(address)
        network = "" if trusted else network_of(address)
        return self.attempt_from(network, trusted, name, session, control, delay)

    def attempt_from(
        self,
        network: str,
        trusted: bool,
        name: str,
        session: Session,
        control: Waiter,
        delay: float,
    ) -> Attempt:
        """The same where it is known already what is held against the address.

        Args:
            network: What the address is counted under; empty if it is trusted.
            trusted: Whether nothing is held against it.
            name: Who.
            session: For the log.
            control: What waits.
            delay: Seconds that the first failure costs.
        """
        return Attempt(
            self.attempts,
            network,
            name,
            trusted=trusted,
            session=session,
            control=control,
            delay=delay,
        )

    def enter(self, address: str, make_way: Callable[[], None]) -> Visit:
        """A client comes in.

        Args:
            address: Whose it is.
            make_way: Called if the connection has to go, for there are too many on which
                nobody is logged in.
        """
        visit = Visit(self, address, make_way)
        self.presence.make_room()
        return visit


class Visit:
    """One connection, from when it is made until it is gone.

    Args:
        door: Through which it came.
        address: Whose it is.
        make_way: Ends it, in favour of others.
    """

    def __init__(self, door: Door, address: str, make_way: Callable[[], None]) -> None:
        self._door = door
        self._presence = door.presence
        self._trusted = door.trusts(address)
        self._network = "" if self._trusted else network_of(address)
        self._make_way = make_way
        self._user = ""
        self._waits = False
        self._presence.sessions.add(self._network)
        self._wait(True)

    def attempt(self, name: str, session: Session, control: Waiter, delay: float) -> Attempt:
        """Somebody is to be logged in."""
        door, network, trusted = self._door, self._network, self._trusted
        return door.attempt_from(network, trusted, name, session, control, delay)

    async def log_in(self, user: str) -> Callable[[], None]:
        """A user is in.

        Returns:
            What is to be called when he is out.

        Raises:
            PermanentError: 530, he has as many sessions as he may.
        """
        user = name_key(user)
        if not self._presence.has_room_for(user):
            raise PermanentError(530, "This user has too many sessions; close one of them.")
        self._user = user
        self._presence.users.add(user)
        self._wait(False)
        return self._log_out

    def leave(self) -> None:
        """The connection is gone."""
        self._presence.sessions.remove(self._network)
        if self._user:
            self._presence.users.remove(self._user)
        self._wait(False)

    def give_up(self) -> None:
        """Another connection is to have the place."""
        self._wait(False)
        self._make_way()

    def _log_out(self) -> None:
        self._presence.users.remove(self._user)
        self._user = ""
        self._wait(True)

    def _wait(self, waits: bool) -> None:
        """Nobody is logged in, or somebody is by now."""
        if self._trusted or waits == self._waits:
            return
        self._waits = waits
        waiting = self._presence.waiting
        (waiting.add if waits else waiting.remove)(self._network, self)
