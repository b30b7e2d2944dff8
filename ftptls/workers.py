"""A bounded pool of threads for what would block the reactor: disk, crypto, transfers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from ftptls.interfaces import IWorkers

T = TypeVar("T")


@implementer(IWorkers)
class Workers:
    """Threads of our own, so that a slow disk never starves another part of the program.

    The pool starts with the first call and stops, its running calls finished, when
    the reactor does.

    Args:
        reactor: Where results are delivered.
        threads: How many calls may run at once; further ones wait their turn.
    """

    def __init__(self, reactor: Any, threads: int = 8) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name="ftptls")
        self._started = False

    def run(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """``call(*args)`` on a thread; its result or exception on the reactor."""
        if not self._started:
            self._start()
        result: Deferred[T] = deferToThreadPool(self._from_threads(), self._pool, call, *args)
        return result

    def _from_threads(self) -> IReactorFromThreads:
        return IReactorFromThreads(self._reactor)

    def _start(self) -> None:
        self._started = True
        self._pool.start()
        IReactorCore(self._reactor).addSystemEventTrigger("after", "shutdown", self._pool.stop)


@implementer(IWorkers)
class InlineWorkers:
    """No threads at all: calls run at once, where they are made. For tests in memory."""

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """``call(*args)``, here and now."""
        return call(*args)
