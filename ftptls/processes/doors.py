"""The door of all workers, as one of them knows it: what it asks is answered elsewhere.

Every answer takes its time, and the supervisor hears what a worker says in its order. So a
connection that is gone is forgotten there behind everything that was asked for it. Where a place
or a turn was kept from before, nobody is asked: see :mod:`ftptls.processes.keeping`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from ftptls.guard import Entrance, Refusal, Waiter
from ftptls.processes.conversation import Conversation, Verbs
from ftptls.processes.keeping import Given, Keeping

if TYPE_CHECKING:
    from ftptls.session import Session

_MADE_WAY = Refusal("Too many connections; try again later.", banned=False)


class SharedDoor:
    """See :class:`ftptls.guard.AnyDoor`.

    Args:
        reactor: For the time.
        supervisor: Who knows what all workers do.
        asks_for_users: Whether it is asked if a user may have one more session; else, as where
            he may have any number, it is told of it, and nobody waits.
    """

    def __init__(self, reactor: Any, supervisor: Conversation, *, asks_for_users: bool) -> None:
        self._common = _Common(supervisor, Keeping(reactor, supervisor), asks_for_users)
        self._listeners = 0

    @property
    def verbs(self) -> Verbs:
        """What the supervisor asks for."""
        return {"make_way": self._make_way, **self._common.keeping.verbs}

    def opened(self) -> None:
        """The file of bans is not watched here."""
        self._listeners += 1

    def closed(self) -> None:
        """Nor is it let go; with the last listener, nothing is kept any longer."""
        self._listeners -= 1
        if not self._listeners:
            self._common.keeping.stop()

    def knock(self, address: str) -> Entrance | Deferred[Refusal | Entrance]:
        """Whether one more connection of an address may come in."""
        common = self._common
        if (place := common.keeping.take_place(address)) is not None:
            return SharedVisit(common, address, place)
        place = Given(next(common.numbers), common.keeping.now())
        return Deferred.fromCoroutine(SharedVisit(common, address, place).come_in())

    def _make_way(self, number: int) -> None:
        """The supervisor wants the place of a connection for another one."""
        if (visit := self._common.present.get(number)) is not None:
            visit.give_up()
        else:
            self._common.keeping.give_back_place(number)


@dataclass
class _Common:
    """What connections and attempts of one worker share.

    Attributes:
        supervisor: Who is asked.
        keeping: What was given before.
        asks_for_users: See :class:`SharedDoor`.
        numbers: What places and turns are called at the supervisor.
        present: All connections that there are, by the number of their place.
    """

    supervisor: Conversation
    keeping: Keeping
    asks_for_users: bool
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    present: dict[int, SharedVisit] = field(default_factory=dict)


class SharedVisit:
    """One connection; see :class:`ftptls.guard.Visit`.

    Args:
        common: What connections share.
        address: Whose it is.
        place: Its own, or to be asked for.
    """

    def __init__(self, common: _Common, address: str, place: Given) -> None:
        self._common = common
        self._address = address
        self._place = place
        self._make_way: Callable[[], None] | None = None
        self._given_up = self._logged_in = False
        common.present[place.number] = self

    async def come_in(self) -> Refusal | Entrance:
        """Ask for the place.

        Raises:
            FTPError: 421, nobody can answer.
        """
        number = self._place.number
        try:
            refusal = await self._common.supervisor.ask("enter", number, self._address)
        except BaseException:
            self._gone()
            raise
        if refusal is not None:
            del self._common.present[number]
            return Refusal(*refusal)
        if self._given_up:
            self._gone()
            return _MADE_WAY
        return self

    def enter(self, address: str, make_way: Callable[[], None]) -> SharedVisit:
        """The client is in, by the place that it was given."""
        self._make_way = make_way
        return self

    def give_up(self) -> None:
        """Another connection is to have the place; not that of one who is logged in by now."""
        if self._logged_in:
            return
        self._given_up = True
        if self._make_way is not None:
            self._make_way()

    def attempt(self, name: str, session: Session, control: Waiter, delay: float) -> SharedAttempt:
        """Somebody is to be logged in."""
        about = (self._address, session.peers.port, name, delay)
        return SharedAttempt(self._common, about, control)

    async def log_in(self, user: str) -> Callable[[], None]:
        """A user is in; what is to be called when he is out.

        Raises:
            FTPError: He has as many sessions as he may, or nobody can answer.
        """
        common, number = self._common, self._place.number
        if common.asks_for_users:
            await common.supervisor.ask("log_in", number, user)
        else:
            common.keeping.log_in(number, user)
        self._logged_in = True
        return self._log_out

    def leave(self) -> None:
        """The connection is gone."""
        if not self._is_present:
            return
        if self._given_up or self._common.asks_for_users:  # a login may still be on its way
            self._gone()
            return
        self._log_out()
        del self._common.present[self._place.number]
        self._common.keeping.leave_place(self._address, self._place)

    def _gone(self) -> None:
        """So is its place, and the supervisor forgets who was in."""
        del self._common.present[self._place.number]
        self._common.supervisor.tell("leave", self._place.number)

    def _log_out(self) -> None:
        if self._logged_in and self._is_present:  # who leaves is out at once
            self._logged_in = False
            self._common.keeping.log_out(self._place.number)

    @property
    def _is_present(self) -> bool:
        """Whether the place is its own; once it was left, somebody else may have it."""
        return self._common.present.get(self._place.number) is self


class SharedAttempt:
    """One attempt to log in; see :class:`ftptls.guard.Attempt`.

    It may end behind its connection: who leaves while a password is looked at has tried.

    Args:
        common: What connections share.
        about: Address and port of the client, the name, and the first delay.
        control: What waits.

    Attributes:
        banned: Whether the address is banned by now.
        locked: Whether the name is: the password must not be looked at.
    """

    def __init__(
        self, common: _Common, about: tuple[str, int, str, float], control: Waiter
    ) -> None:
        self._supervisor = common.supervisor
        self._keeping = common.keeping
        self._numbers = common.numbers
        self._about = about
        self._key = (about[0], about[2])
        self._control = control
        self._began = common.keeping.now()
        self._turn: Given | None = None
        self._number = 0  # of the attempt at the supervisor, once that knows of it
        self._can_be_kept = False
        self.banned = self.locked = False

    async def __aenter__(self) -> SharedAttempt:
        self._turn = self._keeping.take_turn(self._key)
        self._can_be_kept = self._turn is not None
        if self._turn is None:
            self._number = next(self._numbers)
            self._turn = Given(self._number, self._began)
            asked = self._supervisor.ask("turn", self._number, *self._about)
            await self._control.until(asked.addCallback(self._has_turn))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._turn is not None:
            self._supervisor.tell("turn_over", self._turn.number)

    def succeeded(self) -> None:
        """The password was right: the next login of this name from there need not wait."""
        if self._number:
            self._supervisor.tell("succeeded", self._number)
        if self._can_be_kept and self._turn is not None:
            turn, self._turn = self._turn, None
            self._keeping.leave_turn(self._key, turn)

    def failed(self) -> None:
        """It counts against address and name, and may be one too many."""
        self._number = self._number or next(self._numbers)
        took = self._keeping.now() - self._began
        self._supervisor.tell("failed", self._number, *self._about, took)

    async def remaining(self, failures: int) -> float:
        """How many seconds to wait before a failure is told; ``banned`` is known then."""
        seconds, self.banned = await self._supervisor.ask("remaining", self._number, failures)
        return float(seconds)

    def _has_turn(self, answer: tuple[bool, bool, bool]) -> None:
        self.banned, self.locked, self._can_be_kept = answer
