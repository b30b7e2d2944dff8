"""Lines of the log, on their way from a worker to the log of the supervisor.

Each is a JSON array of level, system, time and text; what the worker's interpreter itself
has to say, as it crashes, is no such line, and told as it is.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from twisted.logger import (
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    Logger,
    LogLevel,
    eventAsText,
)
from twisted.python.threadable import isInIOThread
from zope.interface import implementer

_ITEMS = 4
_MOMENT = 0.05  # seconds that a line waits for others


@implementer(ILogObserver)
class LineObserver:
    """Writes what a worker logs.

    What is no warning waits a moment for more: to wake the supervisor costs more than a line.

    Args:
        file: The pipe to the supervisor.
        reactor: For the moment.
    """

    def __init__(self, file: BinaryIO, reactor: Any) -> None:
        self._file = file
        self._reactor = reactor
        self._waits = False

    def __call__(self, event: LogEvent) -> None:
        """Write one event, with its traceback if it has one; threads may do so."""
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level, namespace = (
            event.get("log_level", LogLevel.info).name,
            event.get("log_namespace", "-"),
        )
        system = event.get("log_system") or f"{namespace}#{level}"
        line = json.dumps([level, system, event.get("log_time"), text])
        self._file.write(line.encode("ascii") + b"\n")
        if not self._reactor.running or event.get("log_level", LogLevel.info) >= LogLevel.warn:
            self._file.flush()
        elif not self._waits:
            self._waits = True
            call = self._reactor.callLater
            if isInIOThread():
                call(_MOMENT, self._flush)
            else:
                self._reactor.callFromThread(call, _MOMENT, self._flush)

    def _flush(self) -> None:
        self._waits = False
        self._file.flush()


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
                "log_format": "{text}",
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
    try:
        return LogLevel.levelWithName(str(level)), str(system), float(time), str(text)
    except InvalidLogLevelError as error:
        raise ValueError("no level") from error
