"""Coroutines that mostly wait for nothing."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any

from twisted.internet.defer import Deferred


def carry_out(work: Coroutine[Any, Any, None]) -> None:
    """Begin a coroutine, and see it through; it looks after its own errors.

    One that ends without waiting, as most commands do, takes no Deferred.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return
    Deferred.fromCoroutine(_rest(work, awaited))


@coroutine
def _rest(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that waits for something."""
    while True:
        try:
            step = partial(work.send, (yield awaited))
        except BaseException as error:  # noqa: BLE001 - it is for the coroutine
            step = partial(work.throw, error)
        try:
            awaited = step()
        except StopIteration:
            return
