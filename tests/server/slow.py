"""Workers and filesystems for tests of what takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from ftptls.interfaces import IWorkers


@implementer(IWorkers)
class CountingWorkers:
    """No threads, but a list of what they were given.

    Attributes:
        pieces: How many octets each call had.
        before: Called before each of them, with its number.
    """

    def __init__(self, before: Callable[[int], object] = lambda _: None) -> None:
        self.pieces: list[int] = []
        self.before = before

    def run(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        self.before(len(self.pieces))
        self.pieces.append(sum(len(each) for each in args))
        return succeed(call(*args))


@implementer(IWorkers)
class HeldWorkers:
    """Workers that do nothing until they are told to.

    Attributes:
        waiting: What they are to do.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def run(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        result: Deferred[Any] = Deferred()
        self.waiting.append(lambda: maybeDeferred(call, *args).chainDeferred(result))
        return result

    def work(self) -> None:
        """Do the next thing."""
        self.waiting.pop(0)()
