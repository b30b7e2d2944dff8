"""Coroutines that mostly wait for nothing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from ftptls.coroutines import rest


def carry_out(work: Coroutine[Any, Any, None]) -> None:
    """Begin a coroutine, and see it through; it looks after its own errors.

    One that ends without waiting, as most commands do, takes no Deferred.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return
    Deferred.fromCoroutine(rest(work, awaited))
