"""Coroutines that wait for nothing, for something, and for more than once."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ftptls.pi.steps import carry_out


def test_one_that_waits_for_nothing_is_done_at_once():
    done = []

    async def work() -> None:
        done.append(1)

    carry_out(work())
    assert done == [1]


def test_one_that_waits_goes_on_with_what_comes():
    first, second, done = Deferred(), Deferred(), []

    async def work() -> None:
        done.append(await first)
        try:
            await second
        except KeyError as error:
            done.append(error.args)

    carry_out(work())
    assert done == []
    first.callback("came")
    assert done == ["came"]
    second.errback(KeyError("none"))
    assert done == ["came", ("none",)]


def test_what_is_there_already_is_not_waited_for():
    there, done = Deferred(), []
    there.callback("there")

    async def work() -> None:
        done.append(await there)

    carry_out(work())
    assert done == ["there"]
