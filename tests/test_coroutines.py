"""Coroutines that mostly wait for nothing: at once, or by a Deferred."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from ftptls.coroutines import outcome


async def _waits_for(*waiting: Deferred[int]) -> int:
    return sum([await each for each in waiting])


def test_what_waits_for_nothing_is_there_at_once() -> None:
    assert outcome(_waits_for()).result == 0


def test_what_waits_is_there_once_all_of_it_is() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()
    found = outcome(_waits_for(first, second))
    first.callback(2)
    assert not found.called
    second.callback(3)
    assert found.result == 5


@pytest.mark.parametrize("waits", [False, True])
def test_an_error_is_one_of_the_deferred(waits: bool) -> None:
    gate: Deferred[int] = Deferred()

    async def fail() -> int:
        if waits:
            await gate
        raise ValueError

    found = outcome(fail())
    errors: list[BaseException] = []
    found.addErrback(lambda failure: errors.append(failure.value))
    if waits:
        assert errors == []
        gate.callback(1)
    assert [type(error) for error in errors] == [ValueError]


def test_what_it_waits_for_may_fail_and_be_forgiven() -> None:
    gate: Deferred[int] = Deferred()

    async def forgive() -> int:
        try:
            return await gate
        except ValueError:
            return 7

    found = outcome(forgive())
    gate.errback(ValueError())
    assert found.result == 7


def test_cancelled_it_waits_no_more() -> None:
    gate: Deferred[int] = Deferred()
    found = outcome(_waits_for(gate))
    errors: list[BaseException] = []
    found.addErrback(lambda failure: errors.append(failure.value))
    found.cancel()
    assert [type(error) for error in errors] == [CancelledError]
    assert gate.called
