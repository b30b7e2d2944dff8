"""A bounded pool of threads for what would block the reactor: disk, crypto, transfers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from ftptls.errors import BusyError
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


class BoundedWorkers(Workers):
    """Threads behind a queue that ends: what comes too many is refused at once.

    For what strangers can ask for, such as the check of a password. When the reactor stops,
    it waits for no more than the calls that run already.

    Args:
        reactor: Where results are delivered.
        threads: How many calls may run at once.
        queue: How many more may wait.
    """

    def __init__(self, reactor: Any, threads: int, queue: int) -> None:
        super().__init__(reactor, threads)
        self._places = threads + queue
        self._closed = False

    def run(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """The same, or a Deferred that has failed with :class:`~ftptls.errors.BusyError`."""
        if self._places == 0:
            return fail(BusyError())
        self._places -= 1
        return super().run(self._carry_out, call, args).addBoth(self._leave)

    def _start(self) -> None:
        super()._start()
        IReactorCore(self._reactor).addSystemEventTrigger("before", "shutdown", self._close)

    def _close(self) -> None:
        self._closed = True

    def _carry_out(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        if self._closed:
            raise BusyError
        return call(*args)

    def _leave(self, result: Any) -> Any:
        self._places += 1
        return result


@implementer(IWorkers)
class InlineWorkers:
    """No threads at all: calls run at once, where they are made. For tests in memory."""

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """``call(*args)``, here and now."""
        return call(*args)
