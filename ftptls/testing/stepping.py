"""Workers whose calls are made when a test says so: what is slow, and may be cancelled."""

from __future__ import annotations

import errno
import inspect
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import directlyProvides, implementer, providedBy

from ftptls.interfaces import IWorkers
from ftptls.wire.entries import Entry

T = TypeVar("T")


@implementer(IWorkers)
class SteppedWorkers:
    """Calls are made at once, or, while :attr:`held`, at a step each.

    As with threads, a call is made also when nobody waits for it any more, and its result may be
    there before who waits for it knows: first the call is a step, then the news of it.

    Attributes:
        held: Whether calls wait.
        last_first: Whether the call that came last is made first.
        calls: How many were made.
    """

    def __init__(self) -> None:
        self.held = False
        self.last_first = False
        self.calls = 0
        self._fails = 0
        self._late = False
        self._waiting: deque[Callable[[], Callable[[], None] | None]] = deque()

    def run(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        result: Deferred[T] = Deferred()
        if self.held:
            self._waiting.append(lambda: self._answer(result, call, args))
        else:
            self._answer(result, call, args)()
        return result

    def step(self) -> bool:
        """Have one more thing happen, if there is one; whether there was."""
        if not self._waiting:
            return False
        news = (self._waiting.pop if self.last_first else self._waiting.popleft)()()
        if news is not None:  # the news is told before another call is made
            (self._waiting.append if self.last_first else self._waiting.appendleft)(news)
        return True

    def fail(self, number: int, *, late: bool) -> None:
        """Have one of the next calls fail with ``EIO``.

        Args:
            number: Which of them, from 1 on; 0 for none.
            late: Whether it does what it should before it fails.
        """
        self.calls, self._fails, self._late = 0, number, late

    def _answer(
        self, result: Deferred[T], call: Callable[..., T], args: tuple[Any, ...]
    ) -> Callable[[], None]:
        """Make a call; what is returned tells who waits, if anybody still does."""
        try:
            value = self._call(call, args)
        except Exception as error:  # noqa: BLE001 - for who waits
            failure = error
            return lambda: None if result.called else result.errback(failure)
        return lambda: None if result.called else result.callback(value)

    def _call(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        self.calls += 1
        if self.calls != self._fails:
            return call(*args)
        if self._late:
            call(*args)
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class OnWorkers:
    """A filesystem that never waits, as one whose every call is made by workers.

    For the tests of one around it::

        Wrapper(OnWorkers(MemoryFilesystem(content), self.workers))

    Args:
        filesystem: The other one; also a reader or an upload of it.
        workers: Who make its calls.
    """

    def __init__(self, filesystem: Any, workers: IWorkers) -> None:
        self._other = filesystem
        self._workers = workers
        directlyProvides(self, providedBy(filesystem))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._other, name)
        if inspect.iscoroutinefunction(found):
            return lambda *args: self._call(found, *args)
        if name in ("with_umask", "without_links"):
            return lambda *args: OnWorkers(found(*args), self._workers)
        return found

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        batches = self._other.scan(path)
        while (batch := await self._workers.run(_next, batches)) is not None:
            yield batch

    async def _call(self, method: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        result = await self._workers.run(lambda: run_now(method(*args)))
        opens = method.__name__ in ("open_read", "open_write")
        return OnWorkers(result, self._workers) if opens else result


def _next(batches: Any) -> Any:
    return run_now(anext(batches, None))


def run_now(awaitable: Awaitable[T]) -> T:
    """The result of something awaitable that never has to wait.

    Raises:
        AssertionError: It waits; inject another ``run``.
    """
    coroutine = _wrapped(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("this filesystem waits for something: override run()")


async def _wrapped(awaitable: Awaitable[T]) -> T:
    return await awaitable
