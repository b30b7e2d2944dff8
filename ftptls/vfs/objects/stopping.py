"""Ending requests that nobody waits for any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any


class Stop:
    """What is under way for one transfer, so that all of it can be ended; for any thread.

    Attributes:
        stopped: Whether it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Future[Any]] = set()
        self.stopped = False

    @contextmanager
    def watching(self, future: Future[Any]) -> Iterator[None]:
        """Have it cancelled if :meth:`now` is called meanwhile, or was before."""
        with self._lock:
            self._running.add(future)
            stopped = self.stopped
        try:
            if stopped:
                future.cancel()
            yield
        finally:
            with self._lock:
                self._running.discard(future)

    def now(self) -> None:
        """Cancel what runs, and what comes; harmless when repeated."""
        with self._lock:
            self.stopped = True
            running = list(self._running)
        for future in running:
            future.cancel()
