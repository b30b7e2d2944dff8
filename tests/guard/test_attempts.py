"""Attempts to log in at a door, and what is found out while they wait."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ftptls.guard import Attempt, Ban, Door, Kind, Refusal
from ftptls.guard.waits import Waits
from ftptls.session import Peers, Session
from ftptls.settings import Guard

ADDRESS, ELSEWHERE, TRUSTED = "192.0.2.1", "192.0.2.2", "198.51.100.1"


class Control(Waits):
    """A client who is there."""

    client_present = True

    def __init__(self, clock: Clock) -> None:
        self._reactor = clock


class Scene:
    """A door, and those who try to log in through it."""

    def __init__(self, **guard) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        settings = Guard(trusted=("198.51.100.0/24",), **guard)
        self.door = Door(self.clock, settings, workers=None)

    def attempt(self, address: str = ADDRESS, name: str = "alice") -> Attempt:
        session = Session(Peers(client=address, server="", port=1))
        return self.door.attempt(address, name, session, Control(self.clock), 1.0)

    def begin(self, attempt: Attempt) -> Deferred[Attempt]:
        return Deferred.fromCoroutine(attempt.__aenter__())

    def fail_elsewhere(self) -> None:
        """More often than a name may, until its next login has to wait."""
        for _ in range(3):
            self.attempt(ELSEWHERE).failed()


def test_who_gets_known_while_he_waits_for_his_turn_is_not_slowed_by_others():
    scene = Scene(checks=1, wary_after=2)
    first, second = scene.attempt(), scene.attempt()
    assert scene.begin(first).called
    waiting = scene.begin(second)
    assert not waiting.called
    scene.fail_elsewhere()
    first.succeeded()
    first.give_back()
    assert waiting.called  # three failures would have him wait
    second.give_back()
    assert len(scene.door.attempts.turns_of_addresses) == 0
    assert len(scene.door.attempts.turns_of_names) == 0


def test_what_fails_while_one_waits_for_a_turn_is_held_against_him():
    scene = Scene(checks=1, wary_after=2)
    first, second = scene.attempt(), scene.attempt()
    scene.begin(first)
    waiting = scene.begin(second)
    scene.fail_elsewhere()
    first.give_back()
    assert not waiting.called
    scene.clock.advance(4)
    assert waiting.called
    second.give_back()


def test_time_counts_from_when_the_turn_came():
    scene = Scene(checks=1)
    first, second = scene.attempt(), scene.attempt()
    scene.begin(first)
    scene.begin(second)
    scene.clock.advance(30)
    first.give_back()
    second.failed()
    left: list[float] = []
    Deferred.fromCoroutine(second.remaining(1)).addCallback(left.append)
    assert left == [1.0]
    second.give_back()


@pytest.mark.parametrize("address", [ADDRESS, TRUSTED])
def test_a_ban_is_of_those_who_are_not_trusted(address):
    scene = Scene()
    for kind, what in ((Kind.ADDRESS, address), (Kind.NAME, "alice")):
        scene.door.attempts.bans.held[kind, what] = Ban(kind, what, 1000, 1100, 20)
    banned = address != TRUSTED
    for _ in range(2):  # what is known of an address by now is the same
        assert isinstance(scene.door.knock(address), Refusal) == banned
        attempt = scene.attempt(address)
        assert scene.begin(attempt).called
        assert (attempt.banned, attempt.locked) == (banned, banned)
        attempt.give_back()
    scene.clock.advance(100)
    assert scene.door.knock(address) is scene.door
    after = scene.attempt(address)
    scene.begin(after)
    assert (after.banned, after.locked) == (False, False)
    after.give_back()


def test_the_trusted_come_as_often_as_they_like():
    scene = Scene(sessions_per_address=1, waiting_per_address=1)
    for address, welcome in ((TRUSTED, True), (ADDRESS, False)):
        visit = scene.door.enter(address, lambda: None)
        assert (scene.door.knock(address) is scene.door) == welcome
        visit.leave()
        assert scene.door.knock(address) is scene.door
