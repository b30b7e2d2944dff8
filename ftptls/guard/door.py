"""The door: one for all listeners, through which every connection comes in."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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
        self._standing_of = lru_cache(maxsize=1024)(self._look_up)
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

    def knock(self, address: str) -> Refusal | Door:
        """Why one more connection of an address may not come in; the door itself if it may."""
        network, trusted = self._standing_of(address)
        bans = self.attempts.bans
        if bans.held and not trusted and bans.holds(Kind.ADDRESS, network):
            return Refusal(_BANNED, banned=True)
        objection = self.presence.objection(network, trusted)
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
        network, trusted = self._standing_of(address)
        return Attempt(self.attempts, network, trusted, name, session, control, delay)

    def enter(self, address: str, make_way: Callable[[], None]) -> Visit:
        """A client comes in.

        Args:
            address: Whose it is.
            make_way: Called if the connection has to go, for there are too many on which
                nobody is logged in.
        """
        network, trusted = self._standing_of(address)
        visit = Visit(self, network, trusted, make_way)
        self.presence.make_room()
        return visit

    def _look_up(self, address: str) -> tuple[str, bool]:
        """What an address is counted under, empty if it is not; and whether it is trusted."""
        network = network_of(address)
        if network and any(ip_address(address) in each for each in self._trusted):
            return "", True
        return network, False


class Visit:
    """One connection, from when it is made until it is gone.

    Args:
        door: Through which it came.
        network: What its address is counted under; empty if it is trusted.
        trusted: Whether nothing is held against that.
        make_way: Ends it, in favour of others.
    """

    _user = ""

    def __init__(
        self, door: Door, network: str, trusted: bool, make_way: Callable[[], None]
    ) -> None:
        self._attempts = door.attempts
        self._presence = door.presence
        self._network = network
        self._trusted = trusted
        self._make_way = make_way
        self._waits = not trusted
        door.presence.sessions.add(network)
        if not trusted:
            door.presence.waiting.add(network, self)

    def attempt(self, name: str, session: Session, control: Waiter, delay: float) -> Attempt:
        """Somebody is to be logged in."""
        network, trusted = self._network, self._trusted
        return Attempt(self._attempts, network, trusted, name, session, control, delay)

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
        if self._waits:
            self._wait_no_more()
        return self._log_out

    def leave(self) -> None:
        """The connection is gone."""
        self._presence.sessions.remove(self._network)
        if self._user:
            self._presence.users.remove(self._user)
        if self._waits:
            self._wait_no_more()

    def give_up(self) -> None:
        """Another connection is to have the place."""
        if self._waits:
            self._wait_no_more()
        self._make_way()

    def _log_out(self) -> None:
        self._presence.users.remove(self._user)
        self._user = ""
        if not self._trusted:
            self._waits = True
            self._presence.waiting.add(self._network, self)

    def _wait_no_more(self) -> None:
        """Somebody is logged in by now, or the place is another's."""
        self._waits = False
        self._presence.waiting.remove(self._network, self)
