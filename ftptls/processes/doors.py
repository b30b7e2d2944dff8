"""The door of all workers, as one of them knows it: what it asks is answered elsewhere.

Every answer takes its time, and the supervisor hears what a worker says in its order. So a
connection that is gone is forgotten there behind everything that was asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from ftptls.guard import Entrance, Refusal, Waiter
from ftptls.processes.conversation import Conversation

if TYPE_CHECKING:
    from ftptls.session import Session

_MADE_WAY = Refusal("Too many connections; try again later.", banned=False)


class SharedDoor:
    """See :class:`ftptls.guard.AnyDoor`.

    Args:
        supervisor: Who knows what all workers do.
        asks_for_users: Whether it is asked if a user may have one more session; else, as where
            he may have any number, it is told of it, and nobody waits.
    """

    def __init__(self, supervisor: Conversation, *, asks_for_users: bool) -> None:
        self._supervisor = supervisor
        self._asks_for_users = asks_for_users
        self._numbers = count(1)
        self._visits: dict[int, SharedVisit] = {}

    def opened(self) -> None:
        """The file of bans is not watched here."""

    def closed(self) -> None:
        """Nor is it let go."""

    def knock(self, address: str) -> Deferred[Refusal | Entrance]:
        """Whether one more connection of an address may come in."""
        visit = SharedVisit(self._supervisor, self._numbers, self._visits, self._asks_for_users)
        return Deferred.fromCoroutine(visit.come_in(address))

    def make_way(self, number: int) -> None:
        """The supervisor wants the place of a connection for another one."""
        if (visit := self._visits.get(number)) is not None:
            visit.give_up()


class SharedVisit:
    """One connection; see :class:`ftptls.guard.Visit`.

    Args:
        supervisor: Who is asked.
        numbers: Of connections and attempts: what they are called there.
        present: All connections that there are, by number.
        asks_for_users: See :class:`SharedDoor`.
    """

    def __init__(
        self,
        supervisor: Conversation,
        numbers: Iterator[int],
        present: dict[int, SharedVisit],
        asks_for_users: bool,
    ) -> None:
        self._supervisor = supervisor
        self._numbers = numbers
        self._number = next(numbers)
        self._present = present
        self._asks_for_users = asks_for_users
        self._address = ""
        self._make_way: Callable[[], None] | None = None
        self._given_up = False

    async def come_in(self, address: str) -> Refusal | Entrance:
        """Ask for a place.

        Raises:
            FTPError: 421, nobody can answer.
        """
        self._address = address
        self._present[self._number] = self
        try:
            refusal = await self._supervisor.ask("enter", self._number, address)
        except BaseException:
            self.leave()
            raise
        if refusal is not None:
            del self._present[self._number]
            return Refusal(*refusal)
        if self._given_up:
            self.leave()
            return _MADE_WAY
        return self

    def enter(self, address: str, make_way: Callable[[], None]) -> SharedVisit:
        """The client is in, by the place that it was given."""
        self._make_way = make_way
        return self

    def give_up(self) -> None:
        """Another connection is to have the place."""
        self._given_up = True
        if self._make_way is not None:
            self._make_way()

    def attempt(self, name: str, session: Session, control: Waiter, delay: float) -> SharedAttempt:
        """Somebody is to be logged in."""
        about = (next(self._numbers), self._address, session.peers.port, name, delay)
        return SharedAttempt(self._supervisor, about, control)

    async def log_in(self, user: str) -> Callable[[], None]:
        """A user is in; what is to be called when he is out.

        Raises:
            FTPError: He has as many sessions as he may, or nobody can answer.
        """
        if self._asks_for_users:
            await self._supervisor.ask("log_in", self._number, user)
        else:
            self._supervisor.tell("log_in", self._number, user)
        return self._log_out

    def leave(self) -> None:
        """The connection is gone."""
        if self._present.pop(self._number, None) is not None:
            self._supervisor.tell("leave", self._number)

    def _log_out(self) -> None:
        if self._number in self._present:  # who leaves is out at once
            self._supervisor.tell("log_out", self._number)


class SharedAttempt:
    """One attempt to log in; see :class:`ftptls.guard.Attempt`.

    It may end behind its connection: who leaves while a password is looked at has tried.

    Args:
        supervisor: Who is asked.
        about: Its number, address and port of the client, the name, and the first delay.
        control: What waits.

    Attributes:
        banned: Whether the address is banned by now.
        locked: Whether the name is: the password must not be looked at.
    """

    def __init__(
        self, supervisor: Conversation, about: tuple[int, str, int, str, float], control: Waiter
    ) -> None:
        self._supervisor = supervisor
        self._about = about
        self._control = control
        self.banned = self.locked = False

    async def __aenter__(self) -> SharedAttempt:
        turn = self._supervisor.ask("turn", *self._about).addCallback(self._has_turn)
        await self._control.until(turn)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._supervisor.tell("turn_over", self._about[0])

    def succeeded(self) -> None:
        """The password was right."""
        self._supervisor.tell("succeeded", self._about[0])

    def failed(self) -> None:
        """It counts against address and name, and may be one too many."""
        self._supervisor.tell("failed", *self._about)

    async def remaining(self, failures: int) -> float:
        """How many seconds to wait before a failure is told; ``banned`` is known then."""
        seconds, self.banned = await self._supervisor.ask("remaining", self._about[0], failures)
        return float(seconds)

    def _has_turn(self, answer: tuple[bool, bool]) -> None:
        self.banned, self.locked = answer
