"""Coroutines that mostly wait for nothing: a Deferred for one takes longer than many of them."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

T = TypeVar("T")


def outcome(work: Coroutine[Any, Any, T]) -> Deferred[T]:
    """What :meth:`Deferred.fromCoroutine` gives, sooner if the coroutine waits for nothing."""
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return succeed(end.value)
    except Exception:  # noqa: BLE001 - it is for who waits for the outcome
        return fail()
    return Deferred.fromCoroutine(rest(work, awaited))


@coroutine
def rest(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """What is left of a coroutine that waits for something.

    Args:
        work: The coroutine, begun.
        awaited: What it waits for.
    """
    while True:
        try:
            step = partial(work.send, (yield awaited))
        except BaseException as error:  # noqa: BLE001 - it is for the coroutine
            step = partial(work.throw, error)
        try:
            awaited = step()
        except StopIteration as end:
            result: T = end.value
            return result
