"""The log as text: the lines that Twisted's own observer writes, in far fewer calls.

Twisted makes the time and the text of each event anew, and writes each by itself; seven times as
much work. Here the time is made once a second, a text that is ready is taken as it is, and lines
wait a moment for more.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Mapping
from threading import RLock
from typing import Any, Protocol

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python.logfile import LogFile
from twisted.python.threadable import isInIOThread
from zope.interface import implementer

READY = "{text}"
"""The format of an event whose text is ready."""
ORDINARY = "ftptls#info"
"""The system of what happens in every session; this very string, it vouches for the event.

Its text is ready and a string, it has its time, and is neither a failure nor urgent.
"""
MOMENT = 0.02
"""Seconds that a line waits for others; so much of the log goes with a process that is killed."""
_DEFAULT_FILE = "twistd.log"  # as twistd has it
_URGENT = frozenset({LogLevel.warn, LogLevel.error, LogLevel.critical})


class Octets(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take octets."""

    def flush(self) -> object:
        """Keep none of them back."""


class Lines:
    """Lines on their way to a file. They wait a moment for more, and are written by one call.

    Nothing waits while the reactor does not run, so an ordinary end of the process loses none.
    Threads may use it.

    Args:
        reactor: For the moment, and to know of the end.
        file: Where they go.
        encoding: That of the file; what it lacks is written as an escape.
        moment: Seconds that a line waits.
    """

    def __init__(
        self, reactor: Any, file: Octets, encoding: str = "utf-8", *, moment: float = MOMENT
    ) -> None:
        self._reactor = reactor
        self._file = file
        self._encoding = encoding
        self._moment = moment
        self._waiting: deque[str | None] = deque()  # None is how far is written now
        self._alarmed = False
        self._writing = RLock()  # who comes by a signal, in the middle of it, must not wait
        reactor.addSystemEventTrigger("after", "shutdown", self.flush)

    def add(self, line: str, *, urgent: bool) -> None:
        """Take a line; one that is urgent is written at once, behind those that wait."""
        if urgent:
            self._waiting.append(line)
            self.flush()
        else:
            self.take(line)

    def take(self, line: str) -> None:
        """Take a line that is not urgent."""
        self._waiting.append(line)
        if not self._alarmed:
            self._flush_later()

    def _flush_later(self) -> None:
        if not self._reactor.running:
            self.flush()
            return
        self._alarmed = True
        call = self._reactor.callLater
        if isInIOThread():
            call(self._moment, self.flush)
        else:
            self._reactor.callFromThread(call, self._moment, self.flush)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: It cannot be written, and is lost.
        """
        self._alarmed = False
        with self._writing:
            self._waiting.append(None)
            text = "".join(iter(self._waiting.popleft, None))
            if text:
                self._file.write(text.encode(self._encoding, "backslashreplace"))
                self._file.flush()


def ready_text(event: LogEvent) -> str | None:
    """The text of an event that has one; ``None`` if it must be made."""
    if event.get("log_format") != READY or "log_failure" in event:
        return None
    text = event.get("text")
    return text if isinstance(text, str) else None


def system_of(event: LogEvent) -> str:
    """Where an event is from, as Twisted tells it."""
    system: str | None = event.get("log_system")
    if system is None:
        level = event.get("log_level", LogLevel.info)
        system = f"{event.get('log_namespace', '-')}#{level.name}"
    return system


def is_urgent(event: LogEvent) -> bool:
    """Whether it is a warning or worse."""
    return event.get("log_level") in _URGENT


@implementer(ILogObserver)
class TextLog:
    """Writes events as lines of text.

    Args:
        lines: Where they go.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        # A second, its text, and how ordinary lines begin; replaced in one, for there are threads.
        self._told = (-1, "", "")

    def __call__(self, event: LogEvent) -> None:
        """Write one; a warning or worse at once."""
        if event.get("log_system") is not ORDINARY:
            self._write(event)
            return
        when: float = event["log_time"]
        text: str = event["text"]
        second, _, beginning = self._told
        if second != int(when):
            _, beginning = self._begin_second(when)
        if "\n" in text:
            text = text.replace("\n", "\n\t")
        self._lines.take(f"{beginning}{text}\n")

    def _write(self, event: LogEvent) -> None:
        """Write any."""
        text = ready_text(event)
        if text:
            when: float = event["log_time"]
            second, time, _ = self._told
            if second != int(when):
                time, _ = self._begin_second(when)
            system = event.get("log_system") or system_of(event)
            whole = f"{time} [{system}] {text}"
            line: str | None = whole.replace("\n", "\n\t") + "\n"
        else:
            line = formatEventAsClassicLogText(event)
        if line:
            self._lines.add(line, urgent=is_urgent(event))

    def _begin_second(self, when: float) -> tuple[str, str]:
        """The text of a second, and how its ordinary lines begin."""
        time = formatTime(when)
        told = int(when), time, f"{time} [{ORDINARY}] "
        if time == formatTime(int(when)):  # else it was rounded, to the second after this one
            self._told = told
        return told[1:]


def log_of_twistd(flags: Mapping[str, Any], reactor: Any) -> TextLog | None:
    """The log that ``twistd`` was asked for, where that is text; SIGUSR1 rotates a file.

    Args:
        flags: Those of ``twistd`` itself.
        reactor: The one it runs.

    Returns:
        ``None`` for what ``twistd`` does better: its syslog, an observer of the operator's, and
        to say that a daemon has no standard output.
    """
    foreground, name = flags.get("nodaemon"), flags.get("logfile")
    if flags.get("logger") or flags.get("syslog") or (name == "-" and not foreground):
        return None
    if name == "-" or (foreground and not name):
        return TextLog(standard(sys.stdout, reactor))
    file = LogFile.fromFullPath(name or _DEFAULT_FILE)
    lines = Lines(reactor, file)

    def rotate() -> None:
        lines.flush()
        file.rotate()

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(rotate))
    return TextLog(lines)


def standard(stream: Any, reactor: Any) -> Lines:
    """Lines to a standard stream of text, such as :data:`sys.stdout`."""
    stream.flush()
    return Lines(reactor, stream.buffer, stream.encoding)
