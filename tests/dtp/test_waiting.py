"""Times that are set again and again."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from ftptls.dtp.waiting import Alarm


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alarm(clock: Clock) -> Alarm:
    return Alarm(clock)


@pytest.fixture
def rung() -> list[str]:
    return []


def test_it_rings_once(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(10, lambda: rung.append("a"))
    clock.advance(9)
    assert rung == []
    clock.advance(1)
    assert rung == ["a"]
    clock.advance(100)
    assert rung == ["a"]
    assert clock.getDelayedCalls() == []


def test_a_later_time_takes_no_other_timer(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(10, lambda: rung.append("a"))
    (timer,) = clock.getDelayedCalls()
    clock.advance(5)
    alarm.set(15, lambda: rung.append("b"))
    assert clock.getDelayedCalls() == [timer]
    clock.advance(9)
    assert rung == []
    clock.advance(1)
    assert rung == ["b"]


def test_an_earlier_time_is_kept(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(10, lambda: rung.append("a"))
    alarm.set(3, lambda: rung.append("b"))
    clock.advance(3)
    assert rung == ["b"]
    assert clock.getDelayedCalls() == []


def test_what_was_stopped_does_not_ring(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(10, lambda: rung.append("a"))
    alarm.stop()
    clock.advance(10)
    assert rung == []
    assert clock.getDelayedCalls() == []


def test_it_can_be_set_from_its_own_ring(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(1, lambda: alarm.set(2, lambda: rung.append("again")))
    clock.advance(1)
    clock.advance(1)
    assert rung == ["again"]


def test_at_the_end_no_timer_is_left(clock: Clock, alarm: Alarm, rung: list[str]) -> None:
    alarm.set(10, lambda: rung.append("a"))
    alarm.end()
    alarm.end()
    assert clock.getDelayedCalls() == []
    clock.advance(10)
    assert rung == []
