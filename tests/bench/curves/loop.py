"""Coroutines over one selector: what drives thousands of sessions in one process."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any

# What a coroutine waits for: a file to be readable or writable, or a time; None is its next turn.
_Wish = tuple[Any, int] | float | None
_Task = Coroutine[_Wish, None, None]


@types.coroutine
def _wait(wish: _Wish) -> Generator[_Wish, None, None]:
    yield wish


async def readable(file: Any) -> None:
    """Until there is something to read."""
    await _wait((file, selectors.EVENT_READ))


async def writable(file: Any) -> None:
    """Until there is room to write."""
    await _wait((file, selectors.EVENT_WRITE))


async def until(moment: float) -> None:
    """Until that time, by ``time.monotonic()``."""
    await _wait(moment)


async def turn() -> None:
    """Until all others had a turn."""
    await _wait(None)


class Loop:
    """Runs coroutines that wait for nothing but the functions above."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._ready: deque[_Task] = deque()
        self._sleeping: list[tuple[float, int, _Task]] = []
        self._numbers = itertools.count()

    def start(self, task: _Task) -> None:
        """Have one more run."""
        self._ready.append(task)

    def run(self, main: _Task) -> None:
        """Run everything that is started, until this one ends; what it raises, is raised."""
        ended = False

        async def mark() -> None:
            nonlocal ended
            try:
                await main
            finally:
                ended = True

        self.start(mark())
        while True:
            ready, self._ready = self._ready, deque()
            for task in ready:
                self._go_on(task)
            if ended:
                return
            self._wait()

    def _wait(self) -> None:
        """Until somebody can go on."""
        now = time.monotonic()
        while self._sleeping and self._sleeping[0][0] <= now:
            self._ready.append(heapq.heappop(self._sleeping)[2])
        patience = max(0.0, self._sleeping[0][0] - now) if self._sleeping else None
        for key, _ in self._selector.select(0 if self._ready else patience):
            self._selector.unregister(key.fileobj)
            self._ready.append(key.data)

    def _go_on(self, task: _Task) -> None:
        try:
            wish = task.send(None)
        except StopIteration:
            return
        if wish is None:
            self._ready.append(task)
        elif isinstance(wish, float):
            heapq.heappush(self._sleeping, (wish, next(self._numbers), task))
        else:
            self._selector.register(*wish, task)
