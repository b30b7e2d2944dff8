"""The file of bans: one SQLite database, shared by servers and by ``ftptls ban``.

Times are seconds since the epoch, as the reactor tells them.
"""

from __future__ import annotations

import enum
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ftptls.guard.recent import name_key

# How long a call waits for another process that writes, in seconds.
_PATIENCE = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bans (
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    since REAL NOT NULL,
    until REAL NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (kind, what)
)
"""
_COLUMNS = "kind, what, since, until, failures"


class Kind(enum.Enum):
    """What is banned."""

    ADDRESS = "address"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Ban:
    """Something that is refused for a while.

    Attributes:
        kind: What it is.
        what: An IPv4 address or IPv6 network (``2001:db8::/64``), or the name of a user.
        since: When it began.
        until: When it ends.
        failures: How many failed logins it is for.
    """

    kind: Kind
    what: str
    since: float
    until: float
    failures: int


def list_bans(path: str | os.PathLike[str], now: float | None = None) -> list[Ban]:
    """The bans in a file that have not ended, those first that end first.

    Args:
        path: The file, ``guard.state`` of the settings.
        now: The time; by default that of the system.

    Raises:
        OSError: There is no such file, or it is no file of bans.
    """
    with _existing(path) as connection:
        return _read(connection, time.time() if now is None else now)


def lift(path: str | os.PathLike[str], what: str = "", now: float | None = None) -> list[Ban]:
    """End bans at once; running servers that use the file learn of it within a second.

    Args:
        path: The file, ``guard.state`` of the settings.
        what: An address, which lifts the ban of its network; a network, which lifts those
            of all addresses in it; or the name of a user. Empty for all.
        now: The time; by default that of the system.

    Returns:
        The bans that were lifted.

    Raises:
        OSError: There is no such file, or it is no file of bans.
    """
    with _existing(path) as connection:
        present = _read(connection, time.time() if now is None else now)
        lifted = [ban for ban in present if not what or _is_meant(ban, what)]
        _transact(connection, _DELETE, [(ban.kind.value, ban.what) for ban in lifted])
    return lifted


class BanFile:
    """The file as a server uses it. Its methods block; they may be called on any thread.

    Args:
        path: The file; an exchange makes it if there is none, or none any more.
        most: How many bans it may hold; of more, those go that end first.
    """

    def __init__(self, path: str, most: int) -> None:
        self._path = path
        self._most = most
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version = -1

    def exchange(self, new: Sequence[Ban], now: float) -> list[Ban] | None:
        """Write new bans, and read what others have changed.

        Args:
            new: What to write.
            now: The time.

        Returns:
            All bans; ``None`` if only this object has changed any since the last call.

        Raises:
            OSError: The file cannot be used.
        """
        with self._lock:
            try:
                return self._exchange(self._open(), new, now)
            except sqlite3.Error as error:
                raise OSError(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Close the file; the next exchange opens it again."""
        with self._lock:
            self._close()

    def _open(self) -> sqlite3.Connection:
        """The file, or a new one where somebody took it away, which lifts all bans."""
        if self._connection is not None and _identity(self._path) != self._identity:
            self._close()
        if self._connection is None:
            self._connection = _connect(self._path)
            self._identity = _identity(self._path)
            self._version = -1
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(
        self, connection: sqlite3.Connection, new: Sequence[Ban], now: float
    ) -> list[Ban] | None:
        if new:
            rows = [(ban.kind.value, ban.what, ban.since, ban.until, ban.failures) for ban in new]
            _transact(connection, _REPLACE, rows)
            _transact(connection, _TRIM, [(now, self._most)])
        # It changes with each commit of somebody else, and costs no look at the table.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return None
        self._version = version
        return _read(connection, now)


_REPLACE = f"INSERT OR REPLACE INTO bans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
_DELETE = "DELETE FROM bans WHERE kind = ? AND what = ?"
_TRIM = (
    "DELETE FROM bans WHERE until <= ? OR rowid NOT IN "
    "(SELECT rowid FROM bans ORDER BY until DESC LIMIT ?)"
)


def _transact(
    connection: sqlite3.Connection, statement: str, rows: Iterable[tuple[object, ...]]
) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)


def _read(connection: sqlite3.Connection, now: float) -> list[Ban]:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM bans WHERE until > ? ORDER BY until",  # noqa: S608
        (now,),
    )
    return [Ban(Kind(kind), *rest) for kind, *rest in found]


def _identity(path: str) -> tuple[int, int] | None:
    """Which file it is; ``None`` if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _existing(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    os.stat(path)
    connection = _connect(os.fspath(path))
    try:
        yield connection
    except sqlite3.Error as error:
        raise OSError(f"{os.fspath(path)}: {error}") from error
    finally:
        connection.close()


def _connect(path: str) -> sqlite3.Connection:
    """Open the file, and make it if there is none.

    Raises:
        OSError: That cannot be done, or it is another kind of file.
    """
    try:
        connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error
    try:
        # Readers and the writer do not wait for each other; a crash may cost the last ban.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_SCHEMA)
    except sqlite3.Error as error:
        connection.close()
        raise OSError(f"{path}: {error}") from error
    return connection


def _is_meant(ban: Ban, what: str) -> bool:
    if ban.kind is Kind.NAME:
        return ban.what in (what, name_key(what))
    return _overlap(ban.what, what)


def _overlap(banned: str, what: str) -> bool:
    """Whether an address is in a banned network, or that in a network."""
    try:
        network = ip_network(what, strict=False) if "/" in what else ip_network(ip_address(what))
    except ValueError:
        return False
    one, other = ip_network(banned), network
    return one.version == other.version and one.overlaps(other)
