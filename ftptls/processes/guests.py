"""Those who came in through one worker, as the supervisor's guard knows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from ftptls.guard import Attempt, Door, Refusal, Visit
from ftptls.guard.recent import name_key, network_of
from ftptls.guard.waits import Waits
from ftptls.processes.conversation import Verbs
from ftptls.processes.keeping import Recall
from ftptls.session import Peers, Session


class Guests:
    """What one worker asks of the door that all of them share.

    Args:
        reactor: For the time.
        door: The door.
        recall: Has all workers give back what they keep.
        make_way: Told the number of a connection that has to go, in favour of others.
    """

    def __init__(
        self, reactor: Any, door: Door, recall: Recall, make_way: Callable[[int], None]
    ) -> None:
        self._reactor = reactor
        self._door = door
        self._recall = recall
        self._make_way = make_way
        self._knocking: set[int] = set()
        self._present: dict[int, Visit] = {}
        self._log_outs: dict[int, Callable[[], None]] = {}
        self._trying: dict[int, Trying] = {}

    @property
    def verbs(self) -> Verbs:
        """What can be asked and told. All numbers are the worker's."""
        return {
            "enter": self._enter,
            "leave": self._leave,
            "log_in": self._log_in,
            "log_out": self._log_out,
            "turn": self._turn,
            "turn_over": self._turn_over,
            "succeeded": self._succeeded,
            "failed": self._failed,
            "remaining": self._remaining,
        }

    def leave(self) -> None:
        """The worker is gone, and with it all who came in through it."""
        self._knocking.clear()
        for number in list(self._trying):
            self._trying.pop(number).end()
        for number in list(self._present):
            self._leave(number)

    def _enter(self, number: int, address: str) -> Any:
        """Why it may not come in, or None; before somebody has to go, all is called in."""
        answer = self._door.knock(address)
        refused = isinstance(answer, Refusal) and not answer.banned
        if refused or self._door.presence.full:
            return self._enter_among_others(number, address)
        return self._let_in(number, address, answer)

    async def _enter_among_others(self, number: int, address: str) -> Refusal | None:
        self._knocking.add(number)
        await self._recall.settle()
        if number not in self._knocking:
            return None  # it has left meanwhile
        self._knocking.remove(number)
        return self._let_in(number, address, self._door.knock(address))

    def _let_in(self, number: int, address: str, answer: Refusal | Door) -> Refusal | None:
        if isinstance(answer, Refusal):
            return answer
        self._present[number] = answer.enter(address, partial(self._make_way, number))
        return None

    def _leave(self, number: int) -> None:
        self._knocking.discard(number)
        self._log_outs.pop(number, None)
        visit = self._present.pop(number, None)
        if visit is not None:  # else it was refused, and left before it knew
            visit.leave()

    async def _log_in(self, number: int, user: str) -> None:
        self._log_outs[number] = await self._present[number].log_in(user)

    def _log_out(self, number: int) -> None:
        self._log_outs.pop(number)()

    # --- attempts to log in; they are over with their turn, or once a failure is told ----------

    def _attempt(self, number: int, address: str, port: int, name: str, delay: float) -> Trying:
        """The attempt of this number, which begins with the first that is heard of it."""
        if number not in self._trying:
            trying = Trying(self._reactor)
            session = Session(Peers(client=address, server="", port=port))
            trying.attempt = self._door.attempt(address, name, session, trying, delay)
            self._trying[number] = trying
        return self._trying[number]

    async def _turn(self, number: int, *about: Any) -> tuple[bool, bool, bool]:
        """Whether the address is banned, the name is locked, and the turn came at once."""
        attempt = self._attempt(number, *about).attempt
        entered = Deferred.fromCoroutine(attempt.__aenter__())
        at_once = entered.called
        if not at_once:  # perhaps for a turn that is kept for nobody
            self._call_in(*about)
        await entered
        return attempt.banned, attempt.locked, at_once

    def _turn_over(self, number: int) -> None:
        trying = self._trying[number]
        trying.end()
        if trying.told is None:
            del self._trying[number]

    def _succeeded(self, number: int) -> None:
        self._trying[number].attempt.succeeded()

    def _failed(self, number: int, *about: Any) -> None:
        *of_attempt, took = about
        begins = number not in self._trying  # with a turn that was kept, or without any
        trying = self._attempt(number, *of_attempt)
        trying.took = took if begins else 0.0
        trying.attempt.failed()
        trying.told = self._call_in(*of_attempt)

    async def _remaining(self, number: int, failures: int) -> tuple[float, bool]:
        """A failure may be told when no worker lets anybody in who was known before it."""
        trying = self._trying.pop(number)
        if trying.told is not None:
            await trying.told
        seconds = await trying.attempt.remaining(failures) - trying.took
        return max(0.0, seconds), trying.attempt.banned

    def _call_in(self, address: str, _port: int, name: str, _delay: float) -> Deferred[None]:
        return self._recall.call_in(network_of(address), name_key(name))


class Trying(Waits):
    """An attempt, and what it waits for: the part of :class:`ftptls.guard.Waiter` here.

    Args:
        reactor: For the time.

    Attributes:
        attempt: The attempt.
        took: Seconds for which the password was looked at before it was heard of.
        told: Fires when all workers know that it has failed; None if it has not.
        client_present: Whether somebody waits for its end.
    """

    attempt: Attempt
    took = 0.0
    told: Deferred[None] | None = None
    client_present = True

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def end(self) -> None:
        """It waits for nothing any more, and its turn is over."""
        self.client_present = False
        self._stop_waiting()
        self.attempt.give_back()
