"""Dialogues in which calls are made by real threads."""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from zope.interface import implementer

from ftptls.testing.socket_reactor import SocketReactor
from ftptls.workers import Workers

_PATIENCE = 120  # seconds; who waits so long for a thread waits for ever


@implementer(IReactorCore, IReactorFromThreads)
class ThreadedReactor(SocketReactor):
    """Sockets in memory, and threads; it is at rest when no thread has anything to do.

    Which of two threads is done first is up to the machine.

    Attributes:
        workers: The threads.
    """

    def __init__(self, threads: int = 2) -> None:
        super().__init__()
        self.workers = Workers(self, threads)
        self._news: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._triggers: list[Callable[[], object]] = []

    def callFromThread(self, callable: Callable[..., object], *args: Any, **more: Any) -> None:
        """Make a call in the next round."""
        self._news.put(lambda: callable(*args, **more))

    def addSystemEventTrigger(
        self, _phase: str, _event: str, callable: Callable[..., object], *args: Any
    ) -> None:
        """Make a call at the end."""
        self._triggers.append(lambda: callable(*args))

    def step(self) -> bool:
        """The same; and where nothing else is to be done, what threads do is waited for."""
        done = super().step()
        if not done and self.workers._unanswered:
            self._news.get(timeout=_PATIENCE)()
            done = True
        while not self._news.empty():
            self._news.get()()
            done = True
        return done

    def stop_threads(self) -> None:
        """End them, every call made."""
        self.settle()
        for each in self._triggers:
            each()
