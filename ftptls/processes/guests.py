"""Those who came in through one worker, as the supervisor's guard knows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ftptls.guard import Attempt, Door, Refusal, Visit
from ftptls.guard.waits import Waits
from ftptls.processes.conversation import Verbs
from ftptls.session import Peers, Session


class Guests:
    """What one worker asks of the door that all of them share.

    Args:
        reactor: For the time.
        door: The door.
        make_way: Told the number of a connection that has to go, in favour of others.
    """

    def __init__(self, reactor: Any, door: Door, make_way: Callable[[int], None]) -> None:
        self._reactor = reactor
        self._door = door
        self._make_way = make_way
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
        for number in list(self._trying):
            self._trying.pop(number).end()
        for number in list(self._present):
            self._leave(number)

    def _enter(self, number: int, address: str) -> Refusal | None:
        answer = self._door.knock(address)
        if isinstance(answer, Refusal):
            return answer
        self._present[number] = answer.enter(address, partial(self._make_way, number))
        return None

    def _leave(self, number: int) -> None:
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

    async def _turn(self, number: int, *about: Any) -> tuple[bool, bool]:
        attempt = self._attempt(number, *about).attempt
        await attempt.__aenter__()
        return attempt.banned, attempt.locked

    def _turn_over(self, number: int) -> None:
        trying = self._trying[number]
        trying.end()
        if not trying.in_vain:
            del self._trying[number]

    def _succeeded(self, number: int) -> None:
        self._trying[number].attempt.succeeded()

    def _failed(self, number: int, *about: Any) -> None:
        trying = self._attempt(number, *about)
        trying.in_vain = True
        trying.attempt.failed()

    async def _remaining(self, number: int, failures: int) -> tuple[float, bool]:
        attempt = self._trying.pop(number).attempt
        return await attempt.remaining(failures), attempt.banned


class Trying(Waits):
    """An attempt, and what it waits for: the part of :class:`ftptls.guard.Waiter` here.

    Args:
        reactor: For the time.

    Attributes:
        attempt: The attempt.
        in_vain: Whether it has failed.
        client_present: Whether somebody waits for its end.
    """

    attempt: Attempt
    client_present = True

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.in_vain = False

    def end(self) -> None:
        """It waits for nothing any more, and its turn is over."""
        self.client_present = False
        self._stop_waiting()
        self.attempt.give_back()
