"""Events, and what tests of hooks need."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from ftptls.hooks import Event
from ftptls.interfaces import IWorkers
from ftptls.settings import EventKind

NASTY = "/in/$(touch gone) `id`; rm -rf \"$HOME\" 'x' | & > < * ? \n\r\t\x1b\udcff -rf é.txt"
"""A path that is a trap for everything that reads a line, or calls a shell."""


def upload(**facts: Any) -> Event:
    """An upload by alice; or what else is said."""
    known: dict[str, Any] = {
        "event": EventKind.UPLOAD,
        "time": "2026-03-01T12:30:00.250Z",
        "session": "5e55",
        "client": "192.0.2.7",
        "port": 40_000,
        "user": "alice",
        "path": "/in/a.csv",
        "size": 5,
    }
    return Event(**known | facts)


@implementer(IWorkers)
class Threads:
    """The reactor's own threads.

    Args:
        most: How many calls may run at once.
    """

    def __init__(self, most: int = 10) -> None:
        self._places = DeferredSemaphore(most)

    def run(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        return self._places.run(deferToThread, call, *args)


class Quiet(TestCase):
    """A folder, and what the log says of hooks."""

    timeout = 120

    def setUp(self) -> None:
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = Path(kept.name)
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)

    def _note(self, event: dict[str, Any]) -> None:
        self.log.append(formatEvent(event) or "")

    def warnings(self) -> list[str]:
        """What was said of hooks."""
        return [line for line in self.log if line.startswith("the hook")]
