"""A bounded pool of threads for what would block the reactor: disk, crypto, transfers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.errors import BusyError
from ftptls.interfaces import IThreads, IWorkers

T = TypeVar("T")


class _Asked(NamedTuple):
    """A call, and who waits for it."""

    result: Deferred[Any]
    call: Callable[..., Any]
    args: tuple[Any, ...]


def transfer_threads(wanted: int) -> int:
    """How many threads transfers have.

    Steps of transfers leave Python for most of their time, and come back often: many at once
    keep each other and the reactor from that, and do no more.

    Args:
        wanted: By the settings; 0 leaves it to the processors.
    """
    return wanted or (os.cpu_count() or 1) + 1


@implementer(IThreads)
class Workers:
    """Threads of our own, so that a slow disk never starves another part of the program.

    A thread starts when there is a call that no other one is free for. All stop, every call
    made, when the reactor does. (Twisted's pool does that, too, at twice the cost of a call.)

    Args:
        reactor: Where results are delivered.
        threads: How many calls may run at once; further ones wait their turn.
    """

    def __init__(self, reactor: Any, threads: int = 8) -> None:
        self._reactor = reactor
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._unanswered = 0

    def run(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """``call(*args)`` on a thread; its result or exception on the reactor."""
        if not self._threads:
            self._start()
        self._unanswered += 1
        if len(self._threads) < min(self._unanswered, self._most):
            self._hire()
        result: Deferred[T] = Deferred()
        self._asked.put(_Asked(result, call, args))
        return result

    @property
    def crowded(self) -> bool:
        """Whether calls wait for a thread."""
        return self._unanswered > self._most

    def _start(self) -> None:
        IReactorCore(self._reactor).addSystemEventTrigger("after", "shutdown", self._stop)

    def _stop(self) -> None:
        """Every call that was asked for is made first."""
        self._most = 0
        for _ in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join()

    def _hire(self) -> None:
        told = IReactorFromThreads(self._reactor)
        name = f"ftptls-{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(told,), name=name)
        self._threads.append(thread)
        thread.start()

    def _work(self, reactor: IReactorFromThreads) -> None:
        while self._make_a_call(reactor):
            pass

    def _make_a_call(self, reactor: IReactorFromThreads) -> bool:
        """Wait for one and make it; nothing of it is kept while the next is waited for."""
        asked = self._asked.get()
        if asked is None:
            return False
        answer: Any
        try:
            answer = asked.call(*asked.args)
        except BaseException:  # noqa: BLE001 - whoever asked gets it; the thread goes on
            answer = Failure()
        reactor.callFromThread(self._deliver, asked.result, answer)
        del answer, asked  # an error knows this frame
        return True

    def _deliver(self, result: Deferred[Any], answer: Any) -> None:
        self._unanswered -= 1
        if isinstance(answer, Failure):
            result.errback(answer)
        else:
            result.callback(answer)


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
