"""Lines of the log, on their way from a worker to the log of the supervisor.

Each is a JSON array of level, system, time and text; what the worker's interpreter itself
has to say, as it crashes, is no such line, and told as it is.
"""

from __future__ import annotations

import json

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsText
from zope.interface import implementer

from ftptls.textlog import READY, Lines, is_urgent, ready_text, system_of

MOMENT = 0.05
"""Seconds that a worker's line waits for others: to wake the supervisor costs more than a line."""

_ITEMS = 4
_LEVELS = {level.name: level for level in LogLevel.iterconstants()}


@implementer(ILogObserver)
class LineObserver:
    """Tells the supervisor what a worker logs.

    Args:
        lines: To the supervisor.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __call__(self, event: LogEvent) -> None:
        """Tell one event, with its traceback if it has one; threads may do so."""
        text = ready_text(event)
        if text is None:
            text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level = event.get("log_level", LogLevel.info)
        told = [level.name, system_of(event), event.get("log_time"), text]
        self._lines.add(json.dumps(told) + "\n", urgent=is_urgent(event))


class LineRelay:
    """Logs what a worker wrote.

    Args:
        worker: Its number.
    """

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._log = Logger(namespace="ftptls")
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Octets of the pipe."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._tell(line)

    def end(self) -> None:
        """The worker is gone; what is left is its last line."""
        if self._rest:
            self.feed(b"\n")

    def _tell(self, line: bytes) -> None:
        try:
            level, system, time, text = _parsed(line)
        except ValueError:
            shown = line.decode("utf-8", "backslashreplace")
            self._log.error("worker {worker}: {text}", worker=self._worker, text=shown)
            return
        self._log.observer(
            {
                "log_level": level,
                "log_namespace": self._log.namespace,
                "log_system": f"{system} worker {self._worker}",
                "log_source": None,
                "log_logger": self._log,
                "log_time": time,
                "log_format": READY,
                "text": text,
                "worker": self._worker,
            }
        )


def _parsed(line: bytes) -> tuple[LogLevel, str, float, str]:
    """What is in a line.

    Raises:
        ValueError: It is of somebody else.
    """
    items = json.loads(line)
    if not isinstance(items, list) or len(items) != _ITEMS:
        raise ValueError("no line of a worker's log")
    level, system, time, text = items
    if str(level) not in _LEVELS:
        raise ValueError("no level")
    return _LEVELS[str(level)], str(system), float(time), str(text)
