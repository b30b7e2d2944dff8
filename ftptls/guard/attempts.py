"""Attempts to log in: each waits for its turn, and the longer the more there were in vain."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ftptls import observe
from ftptls.guard.asked import Waiter
from ftptls.guard.banfile import Ban, Kind
from ftptls.guard.bans import Bans
from ftptls.guard.recent import Recent, name_key
from ftptls.guard.turns import Turns
from ftptls.interfaces import IWorkers
from ftptls.settings import Guard

if TYPE_CHECKING:
    from ftptls.session import Session

# For so many seconds after a login, the name is not slowed at the address it came from.
_KNOWN_FOR = 30 * 24 * 3600.0


class Attempts:
    """What is remembered of all attempts.

    Args:
        reactor: For the time.
        settings: Bounds.
        workers: For the file of bans.

    Attributes:
        now: Tells the time.
        settings: Bounds.
        bans: What is banned.
        addresses: Failed logins, by where they came from.
        names: The same, by who was to be logged in.
        pairs: The same, by both.
        known: Who was logged in lately, by both.
        turns_of_addresses: Who is being checked, by where it comes from.
        turns_of_names: The same, by who is to be logged in.
    """

    def __init__(self, reactor: Any, settings: Guard, workers: IWorkers) -> None:
        self.now: Callable[[], float] = reactor.seconds
        self.settings = settings
        self.bans = Bans(reactor, settings, workers, self._lifted)
        each = max(settings.ban_after, settings.wary_after, 32)
        self.addresses = Recent(settings.window, settings.remembered, each)
        self.names = Recent(settings.window, settings.remembered, each)
        self.pairs = Recent(settings.window, settings.remembered, each)
        self.known = Recent(_KNOWN_FOR, settings.remembered, 1)
        self.turns_of_addresses = Turns(settings.checks)
        self.turns_of_names = Turns(settings.checks)

    def _lifted(self, ban: Ban) -> None:
        """Who was let off begins anew; else the next mistake would be one too many."""
        (self.addresses if ban.kind is Kind.ADDRESS else self.names).forget(ban.what)


class Attempt:
    """One attempt. Its time is the same whether the name exists or not.

    Enter it (``async with``) to check what the client says: it waits for its turn, and is
    within it until it is left. What needs no turn is told to :meth:`failed` all the same.

    Args:
        attempts: What is remembered of all.
        network: Where it comes from; empty if that is not counted.
        trusted: Whether nothing is held against it.
        name: Who is to be logged in.
        session: For the log.
        control: What waits.
        delay: Seconds that the first failure costs.

    Attributes:
        banned: Whether the address is banned by now.
        locked: Whether the name is: the password must not be looked at.
    """

    _against = 0
    banned = locked = False

    def __init__(
        self,
        attempts: Attempts,
        network: str,
        trusted: bool,
        name: str,
        session: Session,
        control: Waiter,
        delay: float,
    ) -> None:
        self._attempts = attempts
        self._network = network
        self._trusted = trusted
        self._name = key = name_key(name)
        self._pair = f"{network} {key}"
        self._session = session
        self._control = control
        self._delay = delay
        self._turns: list[tuple[Turns, str]] = []
        self._began = self._looked_at = attempts.now()

    async def __aenter__(self) -> Attempt:
        """It waits for a turn, so that attempts side by side are no more than one by one."""
        if self._trusted:
            return self
        attempts, network, name = self._attempts, self._network, self._name
        known = self._is_known(self._began)
        queues = [(attempts.turns_of_addresses, network)] if network else []
        if not known:
            queues.append((attempts.turns_of_names, name))
        try:
            for turns, key in queues:
                if not turns.take_now(key):
                    if not await self._control.until(turns.take(key)):
                        return self
                    self._began = self._looked_at = attempts.now()
                    known = self._is_known(self._began)
                self._turns.append((turns, key))
            of_name = 0 if known else attempts.names.count(name, self._began)
            against = max(of_name, attempts.addresses.count(network, self._began))
            if against >= attempts.settings.wary_after:
                await self._pause(against)
        except BaseException:
            self.give_back()
            raise
        bans = attempts.bans
        if bans.held:
            self.banned = bans.holds(Kind.ADDRESS, network)
            self.locked = bans.holds(Kind.NAME, name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_back()

    def succeeded(self) -> None:
        """His own mistakes are forgiven, and for a while others cannot slow him down here.

        Those are not that were made with other names: who has one could try others for ever.
        """
        if not self._network:
            return
        attempts = self._attempts
        now = attempts.now()
        mistakes = attempts.pairs.count(self._pair, now)
        if mistakes:
            attempts.addresses.forget(self._network, mistakes)
            attempts.names.forget(self._name, mistakes)
            attempts.pairs.forget(self._pair)
        attempts.known.note(self._pair, now)

    def failed(self) -> None:
        """It counts against address and name, and may be one too many."""
        if self._trusted:
            return
        attempts, bans = self._attempts, self._attempts.bans
        now = attempts.now()
        most = attempts.settings.ban_after if attempts.settings.ban_time else 0
        of_name = attempts.names.add(self._name, now)
        of_address = 0
        if self._network:
            of_address = attempts.addresses.add(self._network, now)
            attempts.pairs.note(self._pair, now)
        self._against = max(of_address, 0 if self._is_known(now) else of_name)
        if 0 < most <= of_address:
            bans.add(Kind.ADDRESS, self._network, of_address)
            attempts.addresses.forget(self._network)
            self.banned = True
        if attempts.settings.lock_names and 0 < most <= of_name and not self.locked:
            bans.add(Kind.NAME, self._name, of_name)

    async def remaining(self, failures: int) -> float:
        """How many seconds to wait before a failure is told.

        They count from when the turn came, and the first delay from when the password was
        looked at, however long that had to wait: how long the check took does not show.

        Args:
            failures: How many there were in this session, this one included.
        """
        due = self._began + self._wait_for(max(self._against, failures))
        least = self._looked_at + self._wait_for(1)
        return max(0.0, max(due, least) - self._attempts.now())

    def give_back(self) -> None:
        """The turn is over; harmless when repeated."""
        while self._turns:
            turns, key = self._turns.pop()
            turns.give_back(key)

    async def _pause(self, failures: int) -> None:
        """After so many failures, the password has to wait as well."""
        seconds = self._wait_for(failures)
        observe.slowed(self._session, self._name, seconds)
        await self._control.pause(seconds)
        self._looked_at = self._attempts.now()

    def _wait_for(self, failures: int) -> float:
        """The wait, in seconds, that so many failures bring about."""
        if not failures:
            return 0.0
        longest: float = self._attempts.settings.delay_maximum
        return min(longest, self._delay * 2.0 ** min(failures - 1, 64))

    def _is_known(self, now: float) -> bool:
        """Whether the user was here lately: others cannot slow him down."""
        return self._attempts.known.happened(self._pair, now)
