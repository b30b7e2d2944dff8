"""What workers keep for who comes next: bounds and bans hold all the same, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ftptls.guard import Ban, Door, Kind, Refusal
from ftptls.guard.waits import Waits
from ftptls.processes.conversation import Conversation
from ftptls.processes.doors import SharedAttempt, SharedDoor, SharedVisit
from ftptls.processes.guests import Guests
from ftptls.processes.keeping import KEPT_FOR, Recall
from ftptls.session import Peers, Session
from ftptls.settings import Guard
from tests.processes.wires import Wire

ADDRESS, ELSEWHERE = "192.0.2.1", "192.0.2.2"
DELAY = 1.0


class SlowWire(Wire):
    """Carries nothing while the process that reads it is held up."""

    held_up = False

    def _deliver(self) -> None:
        if self.held_up:
            self._reactor.callLater(0.01, self._deliver)
        else:
            super()._deliver()


class Control(Waits):
    """A client who is there."""

    client_present = True

    def __init__(self, clock: Clock) -> None:
        self._reactor = clock


class Worker:
    """One process, and what the supervisor knows of it."""

    def __init__(self, clock: Clock, door: Door, recall: Recall) -> None:
        bounded = door._settings.sessions_per_user > 0
        self.heard: list[str] = []
        self._clock = clock
        self._recall = recall
        here, there = {}, {}
        self._conversation = Conversation(clock, here, lambda: None)
        self.door = SharedDoor(clock, self._conversation, asks_for_users=bounded)
        here |= self.door.verbs
        self.supervisor = Conversation(clock, there, lambda: None)
        self._guests = Guests(clock, door, recall, lambda n: self.supervisor.tell("make_way", n))
        there |= {name: self._noted(name, verb) for name, verb in self._guests.verbs.items()}
        self.wire = SlowWire(clock, self._conversation)
        self._conversation.makeConnection(Wire(clock, self.supervisor))
        self.supervisor.makeConnection(self.wire)
        recall.add(self.supervisor)

    def enter(self, address: str = ADDRESS) -> SharedVisit | Refusal:
        """What comes of a knock."""
        answer = self.door.knock(address)
        visit = settled(self._clock, answer) if isinstance(answer, Deferred) else answer
        return visit if isinstance(visit, Refusal) else visit.enter(address, lambda: None)

    def attempt(self, name: str = "alice", address: str = ADDRESS) -> SharedAttempt:
        """Of a client that is in."""
        visit = self.enter(address)
        assert isinstance(visit, SharedVisit)
        session = Session(Peers(client=address, server="", port=1))
        return visit.attempt(name, session, Control(self._clock), DELAY)

    def log_in(self, name: str = "alice", address: str = ADDRESS) -> None:
        """With the right password, and out."""
        attempt = self.attempt(name, address)
        begun = settled(self._clock, Deferred.fromCoroutine(attempt.__aenter__()))
        assert begun is attempt
        attempt.succeeded()
        settled(self._clock, Deferred.fromCoroutine(attempt.__aexit__(None, None, None)))
        assert not attempt.banned

    def guess(self, name: str = "alice", address: str = ADDRESS) -> Deferred[float]:
        """With a wrong one; the seconds until that is told."""
        attempt = self.attempt(name, address)

        async def told() -> float:
            async with attempt:
                attempt.failed()
            return await attempt.remaining(1)

        return Deferred.fromCoroutine(told())

    def die(self) -> None:
        """Its connection is gone."""
        self._conversation.connectionLost()
        self._recall.remove(self.supervisor)
        self._guests.leave()

    def _noted(self, name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.heard.append(name)
            return verb(*arguments)

        return call


class Service:
    """A door, and two workers."""

    def __init__(self, **guard: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.whole = Door(self.clock, Guard(**guard), workers=None)  # type: ignore[arg-type]
        self.recall = Recall(self.clock)
        self.one, self.other = (Worker(self.clock, self.whole, self.recall) for _ in range(2))

    @property
    def connections(self) -> int:
        """As the supervisor counts them."""
        return self.whole.presence.sessions.total


def settled(clock: Clock, waiting: Deferred[Any], seconds: float = 0.0) -> Any:
    """What comes of it, when all that is on its way has arrived."""
    got: list[Any] = []
    waiting.addCallback(got.append)
    for wait in (0, seconds):
        clock.advance(wait)
    (result,) = got
    return result


@pytest.fixture
def make() -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(**guard: Any) -> Service:
        made.append(Service(**guard))
        return made[-1]

    yield make
    for service in made:
        for worker in (service.one, service.other):
            worker.door.opened()
            worker.door.closed()
        settle(service)
        assert service.clock.getDelayedCalls() == []


def settle(service: Service) -> None:
    """Everything that is on its way arrives, and what is said about it."""
    service.clock.advance(0)


def test_who_comes_again_asks_nobody(make):
    service = make()
    service.one.log_in()
    asked = len(service.one.heard)
    for _ in range(5):
        for visit in list(service.one.door._common.present.values()):
            visit.leave()
        service.one.log_in()
    settle(service)
    assert len(service.one.heard) == asked
    assert service.connections == 1


def test_what_is_kept_is_given_back_in_time(make):
    service = make()
    service.one.log_in()
    (visit,) = service.one.door._common.present.values()
    visit.leave()
    settle(service)
    assert service.connections == 1
    service.clock.advance(KEPT_FOR)
    settle(service)
    assert service.connections == 0
    assert not len(service.whole.attempts.turns_of_addresses)
    assert service.one.heard[-2:] == ["leave", "turn_over"]


def test_a_login_that_lasts_is_told_of(make):
    service = make()
    visit = service.one.enter()
    leave = settled(service.clock, Deferred.fromCoroutine(visit.log_in("alice")))
    settle(service)
    assert service.whole.presence.users["alice"] == 0
    service.clock.advance(KEPT_FOR)
    settle(service)
    assert service.whole.presence.users["alice"] == 1
    assert service.whole.presence.waiting.total == 0
    leave()
    settle(service)
    assert service.whole.presence.users["alice"] == 0
    assert service.whole.presence.waiting.total == 1


def test_a_place_that_one_keeps_is_there_for_the_other(make):
    service = make(sessions_per_address=1)
    service.one.enter().leave()
    settle(service)
    assert service.connections == 1
    assert isinstance(service.other.enter(), SharedVisit)
    assert isinstance(service.one.enter(), Refusal)
    assert service.connections == 1


def test_who_waits_makes_way_only_where_nothing_is_kept(make):
    service = make(waiting=1)
    first = service.one.enter()
    first.leave()
    second = service.other.enter()
    assert not second._given_up
    third = service.one.enter(ELSEWHERE)
    settle(service)
    assert second._given_up
    assert not third._given_up


def test_users_who_are_in_do_not_make_way(make):
    """Nobody was told that they are, so far."""
    service = make(waiting=1)
    first = service.one.enter()
    settled(service.clock, Deferred.fromCoroutine(first.log_in("alice")))
    second = service.other.enter()
    settle(service)
    assert isinstance(second, SharedVisit)
    assert not first._given_up


def test_who_leaves_while_others_are_asked_to_give_back(make):
    service = make(sessions_per_address=1)
    service.one.enter().leave()
    settle(service)
    service.one.wire.held_up = True
    knock = service.other.door.knock(ADDRESS)
    settle(service)
    knock.cancel()
    knock.addErrback(lambda _: None)
    service.one.wire.held_up = False
    service.clock.advance(0.01)
    settle(service)
    assert service.other.heard == ["enter", "leave"]
    assert service.connections == 0
    assert isinstance(service.one.enter(), SharedVisit)


def test_a_worker_that_is_held_up_keeps_its_place_and_no_more(make):
    service = make(sessions_per_address=1)
    service.one.enter().leave()
    settle(service)
    service.one.wire.held_up = True
    knock = service.other.door.knock(ADDRESS)
    assert isinstance(settled(service.clock, knock, KEPT_FOR), Refusal)
    service.one.wire.held_up = False
    service.clock.advance(0.01)
    settle(service)
    assert isinstance(service.other.enter(), SharedVisit)


def test_a_worker_that_dies_gives_everything_back(make):
    service = make(sessions_per_address=3, checks=1)
    for _ in range(2):
        service.one.log_in()
    service.one.enter().leave()
    settle(service)
    assert service.connections == 3
    assert len(service.whole.attempts.turns_of_addresses) == 1
    service.one.die()
    assert service.connections == 0
    assert not len(service.whole.attempts.turns_of_addresses)
    service.other.log_in()


def test_a_failure_is_told_when_a_ban_holds_everywhere(make):
    service = make(ban_after=1)
    service.other.log_in()
    service.other.enter().leave()
    told: list[float] = []
    service.one.guess().addCallback(told.append)
    settle(service)
    assert told
    refusal = service.other.enter()
    assert isinstance(refusal, Refusal)
    assert refusal.banned


def test_a_failure_is_told_late_where_a_worker_is_held_up(make):
    """What it keeps is of no use by then."""
    service = make(ban_after=1)
    service.other.log_in()
    service.other.enter().leave()
    settle(service)
    service.other.wire.held_up = True
    told: list[float] = []
    service.one.guess().addCallback(told.append)
    settle(service)
    assert told == []
    assert isinstance(service.other.enter(), SharedVisit)  # as if it had come in before
    service.clock.advance(KEPT_FOR)
    settle(service)
    assert told
    service.other.wire.held_up = False
    service.clock.advance(0.01)
    assert service.other.enter().banned


def test_a_turn_that_is_kept_is_no_way_around_a_wait(make):
    """Once enough has failed, the next login asks, and waits."""
    service = make(wary_after=2)
    service.other.log_in()
    for _ in range(2):
        settled(service.clock, service.one.guess("bob"))
    attempt = service.other.attempt()
    begun: list[object] = []
    Deferred.fromCoroutine(attempt.__aenter__()).addCallback(begun.append)
    settle(service)
    assert begun == []
    service.clock.advance(2 * DELAY)
    settle(service)
    assert begun
    settled(service.clock, Deferred.fromCoroutine(attempt.__aexit__(None, None, None)))


def test_how_long_a_password_was_looked_at_does_not_show(make):
    service = make()
    service.one.log_in()
    attempt = service.one.attempt()
    settled(service.clock, Deferred.fromCoroutine(attempt.__aenter__()))
    service.clock.advance(0.25)
    attempt.failed()
    settled(service.clock, Deferred.fromCoroutine(attempt.__aexit__(None, None, None)))
    seconds = settled(service.clock, Deferred.fromCoroutine(attempt.remaining(1)))
    assert seconds == DELAY - 0.25


def test_a_ban_that_others_have_made(make):
    service = make()
    service.one.log_in()
    for what in (Ban(Kind.ADDRESS, ADDRESS, 0, 9e9, 1), Ban(Kind.NAME, "alice", 0, 9e9, 1)):
        service.one.log_in()
        kept = service.one.door._common.keeping
        service.recall.call_in_banned(what)
        settle(service)
        assert len(kept._turns) == 0


@given(
    st.lists(st.tuples(st.sampled_from("eeel."), st.booleans(), st.integers(0, 5)), max_size=60),
    st.integers(1, 4),
)
def test_bounds_are_never_passed_and_nobody_is_refused_without_need(steps, most):
    service = Service(sessions_per_address=most)
    present: list[SharedVisit] = []
    for what, first, which in steps:
        worker = service.one if first else service.other
        if what == "e":
            answer = worker.enter()
            if isinstance(answer, SharedVisit):
                present.append(answer)
            else:
                assert len(present) == most
        elif what == "l" and present:
            present.pop(which % len(present)).leave()
        elif what == ".":
            service.clock.advance(which / 4)
        settle(service)
        assert len(present) <= service.connections <= most


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["begin", "end"])), max_size=40))
def test_no_more_passwords_are_looked_at_than_may(steps):
    """However turns are kept, and by whom."""
    service = Service(checks=2)
    begun: list[SharedAttempt] = []
    for first, what in steps:
        worker = service.one if first else service.other
        if what == "begin":
            attempt = worker.attempt()
            entering = Deferred.fromCoroutine(attempt.__aenter__())
            entering.addCallback(begun.append)
        elif begun:
            attempt = begun.pop(0)
            attempt.succeeded()
            Deferred.fromCoroutine(attempt.__aexit__(None, None, None))
        settle(service)
        assert len(begun) <= 2
