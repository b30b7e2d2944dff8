"""A file that is read again when it has changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.logger import Logger

_LARGEST = 16 << 20  # octets
_UNSETTLED = 2_000_000_000  # nanoseconds; some disks tell no finer when a file was changed

_log = Logger(namespace="ftptls")

T = TypeVar("T")


def whole_lines(text: str) -> list[str]:
    """The lines of a file.

    Raises:
        ValueError: The last one does not end: what is half written may mean something else.
    """
    lines = text.split("\n")
    if lines.pop():
        raise ValueError(f"line {len(lines) + 1}: it does not end; is the file half written?")
    return lines


class Rereading(Generic[T]):
    """What is in a file, as of now. It may be asked from several threads.

    A file that has become unreadable or wrong leaves what was in it before in force, and
    is told of in the log, once for each change.

    Args:
        path: The file.
        parse: From its text to what is in it; raises :class:`ValueError`, with a sentence
            for the operator.

    Raises:
        OSError: It cannot be read.
        ValueError: It is wrong, too large or not in UTF-8.
    """

    def __init__(self, path: str, parse: Callable[[str], T]) -> None:
        self._path = os.path.abspath(path)  # a daemon changes its folder
        self._parse = parse
        self._lock = threading.Lock()
        self._stamp: object = None
        self._told = ""
        self._content: T
        self._read()

    def content(self) -> T:
        """What is in it. This blocks."""
        with self._lock:
            try:
                self._read()
            except OSError as error:
                self._complain(error.strerror or type(error).__name__)
            except ValueError as error:
                self._complain(str(error))
            return self._content

    def _read(self) -> None:
        with open(self._path, "rb") as file:
            about = os.fstat(file.fileno())
            stamp = about.st_dev, about.st_ino, about.st_size, about.st_ctime_ns
            if stamp == self._stamp:
                return
            data = file.read(_LARGEST + 1)
        # A change that follows at once might have the same stamp. The time is that of the
        # inode, which nobody sets: a copy may bring an old time of modification along.
        settled = time.time_ns() - about.st_ctime_ns > _UNSETTLED
        self._stamp = stamp if settled else None
        if len(data) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} octets")
        self._content = self._parse(data.decode())
        self._told = ""

    def _complain(self, reason: str) -> None:
        if reason != self._told:
            self._told = reason
            _log.error(
                "ftptls: {path} cannot be used, and what was in it before stays in force: {reason}",
                path=self._path,
                reason=reason,
            )
