"""Events that wait for a URL, in a file that survives a restart (SQLite); everything blocks."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass

_PATIENCE = 5.0  # seconds for another process that has it locked
_TABLE = """
    create table if not exists events (
        number integer primary key autoincrement,
        id text not null,
        body text not null
    )
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits.

    Attributes:
        number: Its place.
        id: Its own name.
        body: What is to be sent.
    """

    number: int
    id: str
    body: str


class Queue:
    """First in, first out, with a bound.

    What was put is on the disk. It is opened with the first call, so that it belongs to the
    user that the server became. Threads may use it side by side.

    Args:
        path: The file; it is made if there is none, for its owner alone.
        most: How many events may wait.
    """

    def __init__(self, path: str, most: int) -> None:
        self._path = path
        self._most = most
        self._opened: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def put(self, event_id: str, body: str) -> int:
        """Add an event, and drop the oldest if there are too many.

        Returns:
            How many there were with it, before any was dropped.

        Raises:
            OSError: The file cannot be made.
            sqlite3.Error: It cannot be used.
        """
        with self._lock, self._database() as database:
            database.execute("insert into events (id, body) values (?, ?)", (event_id, body))
            (count,) = database.execute("select count(*) from events").fetchone()
            database.execute(
                "delete from events where number in "
                "(select number from events order by number limit ?)",
                (max(0, count - self._most),),
            )
        return int(count)

    def first(self) -> Waiting | None:
        """The oldest event; ``None`` if none waits.

        Raises:
            OSError: The file cannot be made.
            sqlite3.Error: It cannot be used.
        """
        query = "select number, id, body from events order by number limit 1"
        with self._lock:
            row = self._database().execute(query).fetchone()
        return Waiting(*row) if row else None

    def remove(self, waiting: Waiting) -> None:
        """It waits no more.

        Raises:
            sqlite3.Error: The file cannot be used.
        """
        with self._lock, self._database() as database:
            database.execute("delete from events where number = ?", (waiting.number,))

    def close(self) -> None:
        """Close the file, until the next call; harmless when repeated."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened.close()

    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._opened = _connect(self._path)
        return self._opened


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        # Asked first: only to ask waits for another process, such as one that just ends.
        if database.execute("pragma journal_mode").fetchone() != ("wal",):
            database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")  # with WAL, less would lose the last ones
        with database:
            database.execute(_TABLE)
    except BaseException:
        database.close()
        raise
    return database


def objection(path: str) -> str:
    """Why a file cannot be a queue; empty if it can. It is not made."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"is to be in {folder}, which is no folder"
    if not os.path.exists(path):
        return "" if os.access(folder, os.W_OK | os.X_OK) else f"cannot be made in {folder}"
    if not os.access(path, os.R_OK | os.W_OK):
        return "may not be read and written"
    try:
        with closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as database:
            database.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error as error:
        return f"is no queue ({error})"
    return ""


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
