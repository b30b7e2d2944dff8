"""What a worker keeps of what it was given, for who comes next: places, and turns to log in.

Mostly the same clients come again. Who is given a place that was kept asks nobody for one, and
nobody is told when he leaves. What is kept counts as taken, so that no bound is ever passed, and
it is good for a second from when it was asked for. The supervisor calls it in before it says no to
anybody, and when a login has failed: a failure is told to the client only when no worker has
anything left that was given before it.

The first half is for a worker, the second for its supervisor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredList, TimeoutError, succeed
from twisted.python.failure import Failure

from ftptls.errors import FTPError
from ftptls.guard import Ban, Kind
from ftptls.guard.recent import name_key, network_of
from ftptls.processes.conversation import Conversation, Verbs

KEPT_FOR = 1.0
"""Seconds for which something is good, from when it was asked for."""
_MOST = 64  # of one kind, in one worker
_NEVER = float("-inf")

Key = tuple[str, str]
"""An address, and a name; that is empty for a place."""


class Given(NamedTuple):
    """A place or a turn.

    Attributes:
        number: What it is called between worker and supervisor.
        since: When it was asked for.
    """

    number: int
    since: float


class Kept:
    """What is kept of one kind.

    Args:
        give_back: Called with the number of one that is not kept any more.
    """

    def __init__(self, give_back: Callable[[int], None]) -> None:
        self.give_back = give_back
        self._given: dict[Key, list[Given]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, key: Key, given: Given) -> None:
        """Keep it."""
        self._given.setdefault(key, []).append(given)
        self._count += 1

    def take(self, key: Key, now: float) -> Given | None:
        """One that is still good; it is not kept any more."""
        while some := self._given.get(key):
            given = some.pop()
            self._count -= 1
            if not some:
                del self._given[key]
            if now < given.since + KEPT_FOR:
                return given
            self.give_back(given.number)
        return None

    def give_back_those(self, which: Callable[[Key, Given], bool]) -> None:
        """For whom this is true."""
        before, self._given, self._count = self._given, {}, 0
        for key, some in before.items():
            for given in some:
                if which(key, given):
                    self.give_back(given.number)
                else:
                    self.add(key, given)


class Keeping:
    """Everything that one worker keeps.

    Logins that nobody has to be asked for wait here, too, before they are told: most users are
    gone until then.

    Args:
        reactor: For the time.
        supervisor: To whom it is given back.
    """

    def __init__(self, reactor: Any, supervisor: Conversation) -> None:
        self._reactor = reactor
        self._supervisor = supervisor
        self._places = Kept(lambda number: supervisor.tell("leave", number))
        self._turns = Kept(lambda number: supervisor.tell("turn_over", number))
        self._untold: dict[int, str] = {}
        self._called_in = self._keeps_from = _NEVER
        self._later: Any = None

    @property
    def verbs(self) -> Verbs:
        """What the supervisor asks for."""
        return {"settle": self.settle, "call_in": self.call_in}

    def now(self) -> float:
        """The time."""
        return float(self._reactor.seconds())

    def take_place(self, address: str) -> Given | None:
        """One for a client of this address."""
        return self._places.take((address, ""), self.now())

    def leave_place(self, address: str, place: Given) -> None:
        """The client is gone; another one of this address may come."""
        self._keep(self._places, (address, ""), place)

    def give_back_place(self, number: int) -> None:
        """The supervisor needs it."""
        self._places.give_back_those(lambda _, place: place.number == number)

    def take_turn(self, key: Key) -> Given | None:
        """One for this address and name, against whom nothing is held."""
        return self._turns.take(key, self.now())

    def leave_turn(self, key: Key, turn: Given) -> None:
        """The login has succeeded."""
        self._keep(self._turns, key, turn)

    def log_in(self, number: int, user: str) -> None:
        """The client who has a place is logged in as a user."""
        if self.now() < self._keeps_from:
            self._supervisor.tell("log_in", number, user)
        else:
            self._untold[number] = user
            self._look_later()

    def log_out(self, number: int) -> None:
        """He is not logged in any more."""
        if self._untold.pop(number, None) is None:
            self._supervisor.tell("log_out", number)

    def settle(self, *, until: float | None = None) -> None:
        """Give everything back, tell everything, and keep nothing for a while.

        Args:
            until: How long; by default a second.
        """
        self._called_in = self.now()
        self._keeps_from = self._called_in + KEPT_FOR if until is None else until
        self._places.give_back_those(lambda *_: True)
        self._turns.give_back_those(lambda *_: True)
        self._tell()

    def call_in(self, network: str, name: str) -> None:
        """Give back what was kept for an address, and turns for a name; either may be empty.

        What is in use now is given back as soon as it is not, whoever has it.
        """
        self._called_in = self.now()
        self._places.give_back_those(lambda key, _: network_of(key[0]) == network)
        self._turns.give_back_those(
            lambda key, _: network_of(key[0]) == network or name_key(key[1]) == name
        )

    def _keep(self, kept: Kept, key: Key, given: Given) -> None:
        now = self.now()
        good = self._called_in < given.since and now < given.since + KEPT_FOR
        if good and now >= self._keeps_from and len(kept) < _MOST:
            kept.add(key, given)
            self._look_later()
        else:
            kept.give_back(given.number)

    def stop(self) -> None:
        """Keep nothing from now on."""
        self.settle(until=float("inf"))
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _look_later(self) -> None:
        if self._later is None:
            self._later = self._reactor.callLater(KEPT_FOR, self._look)

    def _look(self) -> None:
        """Give back what is not good any more, and tell of who is still there."""
        self._later = None
        past = self.now() - KEPT_FOR
        for kept in (self._places, self._turns):
            kept.give_back_those(lambda _, given: given.since <= past)
            if len(kept):
                self._look_later()
        self._tell()

    def _tell(self) -> None:
        untold, self._untold = self._untold, {}
        for number, user in untold.items():
            self._supervisor.tell("log_in", number, user)


class Recall:
    """Has all workers give back what they keep.

    Args:
        reactor: For the time.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._workers: set[Conversation] = set()
        self._settled = _NEVER
        self._settling = False
        self._waiting: list[Deferred[None]] = []

    def add(self, worker: Conversation) -> None:
        """There is one more."""
        self._workers.add(worker)
        self._settled = _NEVER

    def remove(self, worker: Conversation) -> None:
        """It is gone."""
        self._workers.discard(worker)

    def settle(self) -> Deferred[None]:
        """Fires when everything that is free has been given back; soon more may be kept.

        Who does not answer in time keeps what he has: it counts as taken.
        """
        now = float(self._reactor.seconds())
        if not self._settling and now < self._settled + KEPT_FOR:
            return succeed(None)
        settled: Deferred[None] = Deferred()
        self._waiting.append(settled)
        if not self._settling:
            self._settling, self._settled = True, now
            self._ask("settle").addCallback(self._has_settled)
        return settled

    def call_in(self, network: str, name: str) -> Deferred[None]:
        """Fires when nothing is kept that was given to an address, or a name, until now.

        Who does not answer in time keeps nothing that is good.
        """
        return self._ask("call_in", network, name)

    def call_in_banned(self, ban: Ban) -> None:
        """Somebody else has banned an address or a name."""
        of_address = ban.kind is Kind.ADDRESS
        self.call_in(ban.what if of_address else "", "" if of_address else ban.what)

    def _ask(self, *what: str) -> Deferred[None]:
        asked = [
            worker.ask(*what).addTimeout(KEPT_FOR, self._reactor).addErrback(_gone_or_late)
            for worker in self._workers
        ]
        return DeferredList(asked).addCallback(lambda _: None)

    def _has_settled(self, _: None) -> None:
        waiting, self._waiting, self._settling = self._waiting, [], False
        for each in waiting:
            each.callback(None)


def _gone_or_late(failure: Failure) -> None:
    failure.trap(FTPError, TimeoutError)
