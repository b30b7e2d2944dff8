"""The ledger of quotas: who stored which file, and how much that is; one SQLite database.

A change of the files and one of the ledger cannot be one step. So a change is noted first, and
struck out when files and ledger agree: what is left of a server that stopped half-way is looked
up on the disk by the next one that starts (:meth:`Ledger.recover`).

Several servers may share a ledger. Everything here blocks, and may be called on any thread.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

_PATIENCE = 10.0  # seconds that a call waits for another process that writes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, octets INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS charges (
    path BLOB NOT NULL, account TEXT NOT NULL, PRIMARY KEY (path, account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, octets INTEGER NOT NULL, files INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL, target BLOB NOT NULL,
    accounts TEXT NOT NULL, octets_before INTEGER, accounts_before TEXT NOT NULL
);
"""
# Everything at a path and below; "0" is the octet behind "/".
_BELOW = "path = ?1 OR (path > CAST(?1 || '/' AS BLOB) AND path < CAST(?1 || '0' AS BLOB))"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or several people together, for whom storage is counted.

    Attributes:
        name: Its name in the ledger, such as ``user:alice`` or ``group:partners``.
        octets: How much may be stored; ``None`` is any amount.
        files: How many files; ``None`` is any number.
    """

    name: str
    octets: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has stored.

    Attributes:
        octets: The sum of the sizes of its files.
        files: How many there are.
    """

    octets: int = 0
    files: int = 0


class _Note(NamedTuple):
    """What is written down before a change.

    Attributes:
        path: What is changed.
        target: Where it is renamed to; nothing for other changes.
        accounts: Who accounts for it then.
        octets_before: How large it was, as far as that was counted.
        accounts_before: Who accounted for it.
        octets: How large it becomes, if that is known.
    """

    path: bytes
    target: bytes
    accounts: list[str]
    octets_before: int | None
    accounts_before: list[str]
    octets: int | None = None


class Ledger:
    """A ledger file; it is made if there is none.

    Paths in it are octets, and unique among everything whose storage it counts. Methods raise
    :class:`OSError` if the file cannot be used.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        # Ours that are not over. Another server that starts looks them up, too, and strikes
        # them out; how they end is written down all the same.
        self._notes: dict[int, _Note] = {}

    def usage(self) -> dict[str, Usage]:
        """What each account has stored, by name."""
        with self._transaction() as connection:
            found = connection.execute("SELECT name, octets, files FROM accounts ORDER BY name")
            return {name: Usage(octets, files) for name, octets, files in found}

    def room(self, accounts: Sequence[Account]) -> tuple[int | None, int | None]:
        """How many octets, and how many files, all of the accounts allow still."""
        with self._transaction() as connection:
            used = [(each, _usage(connection, each)) for each in accounts]
        octets = [each.octets - it.octets for each, it in used if each.octets is not None]
        files = [each.files - it.files for each, it in used if each.files is not None]
        return min(octets, default=None), min(files, default=None)

    def room_for(self, path: bytes, accounts: Sequence[Account]) -> int | None:
        """How large a file may be that is there, or is to be made, for all of the accounts.

        Raises:
            OSError: ``EDQUOT``, it may not be made.
        """
        with self._transaction() as connection:
            size, theirs = _size(connection, path), _accounts(connection, path)
            sizes = []
            for each in accounts:
                used = _usage(connection, each)
                own = size if size is not None and _text(each.name) in theirs else None
                if each.files is not None and own is None and used.files >= each.files:
                    raise _over()
                if each.octets is not None:
                    sizes.append(each.octets - used.octets + (own or 0))
        return min(sizes, default=None)

    def note(self, path: bytes, accounts: Sequence[Account], target: bytes = b"") -> int:
        """A file is about to change, or to be renamed; a number for the note."""
        with self._transaction() as connection:
            change, note = _noted(connection, path, accounts, target)
        self._notes[change] = note
        return change

    def charge(self, path: bytes, octets: int, accounts: Sequence[Account]) -> int:
        """A file is about to be replaced by one that others may have to account for.

        Args:
            path: Which.
            octets: The size of the new one.
            accounts: Who accounts for it.

        Returns:
            A number for the note.

        Raises:
            OSError: ``EDQUOT``, an account would have more than it may, and than it has.
        """
        with self._transaction() as connection:
            change, note = _noted(connection, path, accounts, b"")
            before = [_usage(connection, each) for each in accounts]
            _put(connection, path, octets, [each.name for each in accounts])
            for each, had in zip(accounts, before, strict=True):
                has = _usage(connection, each)
                too_much = each.octets is not None and has.octets > max(each.octets, had.octets)
                too_many = each.files is not None and has.files > max(each.files, had.files)
                if too_much or too_many:
                    raise _over()
        self._notes[change] = note._replace(octets=octets)
        return change

    def settle(self, change: int, octets: int | None) -> None:
        """A noted file has a size now, or is no more; who accounted for it still does."""
        with self._ending(change) as (connection, note, _):
            accounts = _accounts(connection, note.path) or note.accounts
            _put(connection, note.path, octets, accounts)

    def undo(self, change: int) -> None:
        """A noted file is what it was."""
        with self._ending(change) as (connection, note, _):
            if not note.target:
                _put(connection, note.path, note.octets_before, note.accounts_before)

    def move(self, change: int) -> None:
        """What was noted, a file or a directory, has been renamed."""
        with self._ending(change) as (connection, note, struck):
            if not struck or _below(connection, note.path):
                _move(connection, note.path, note.target)

    def strike(self, change: int) -> None:
        """A file has been replaced as it was charged."""
        with self._ending(change) as (connection, note, struck):
            if struck:
                _put(connection, note.path, note.octets, note.accounts)

    def forget(self, path: bytes) -> None:
        """A directory is no more; whatever was in it somebody else has taken away."""
        with self._transaction() as connection:
            _forget(connection, path)

    def recover(self, size_of: Callable[[bytes], int | None]) -> int:
        """Look up what a server left behind that stopped half-way; how many changes that were.

        Of what is not on the disk (its path does not begin with a slash) what was noted counts.

        Args:
            size_of: Octets of the file at a path; ``None`` if there is none.
        """
        with self._transaction() as connection:
            changes = connection.execute(
                "SELECT id, path, target, accounts, octets_before, accounts_before FROM changes"
            ).fetchall()
            for change, path, target, accounts, octets, before in changes:
                note = _Note(path, target, json.loads(accounts), octets, json.loads(before))
                if path.startswith(b"/"):  # else nobody knows
                    _look_up(connection, note, size_of)
                _strike(connection, change)
        return len(changes)

    def recount(self, size_of: Callable[[bytes], int | None]) -> int:
        """Correct what others have changed; how many files were not as the ledger had them.

        Args:
            size_of: As of :meth:`recover`.
        """
        with self._transaction() as connection:
            recorded = connection.execute(
                "SELECT path, octets FROM files WHERE substr(path, 1, 1) = CAST('/' AS BLOB)"
            ).fetchall()
        wrong = [(path, size) for path, octets in recorded if (size := size_of(path)) != octets]
        with self._transaction() as connection:
            for path, size in wrong:
                _put(connection, path, size, _accounts(connection, path))
        return len(wrong)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _ending(self, change: int) -> Iterator[tuple[sqlite3.Connection, _Note, bool]]:
        """A noted change is over; also whether somebody else has struck it out already."""
        note = self._notes.pop(change)
        with self._transaction() as connection:
            yield connection, note, not _strike(connection, change)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connect(self._path)
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.Error as error:
                raise OSError(f"{self._path}: {error}") from error


def _over() -> OSError:
    return OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # What a crash of the server has committed is there; a power failure may cost the last.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(name: str) -> str:
    """The name of an account; octets that are no UTF-8 have no text in the database."""
    return name.encode("utf-8", "backslashreplace").decode()


def _usage(connection: sqlite3.Connection, account: Account) -> Usage:
    found = connection.execute(
        "SELECT octets, files FROM accounts WHERE name = ?", (_text(account.name),)
    ).fetchone()
    return Usage(*found) if found else Usage()


def _size(connection: sqlite3.Connection, path: bytes) -> int | None:
    found = connection.execute("SELECT octets FROM files WHERE path = ?", (path,)).fetchone()
    return found[0] if found else None


def _accounts(connection: sqlite3.Connection, path: bytes) -> list[str]:
    found = connection.execute("SELECT account FROM charges WHERE path = ?", (path,))
    return [name for (name,) in found]


def _put(
    connection: sqlite3.Connection, path: bytes, octets: int | None, accounts: Sequence[str]
) -> None:
    """What is recorded of a file, in place of what was; ``None`` for a file that is no more."""
    before = _size(connection, path)
    if before is not None:
        connection.executemany(
            "UPDATE accounts SET octets = octets - ?, files = files - 1 WHERE name = ?",
            [(before, name) for name in _accounts(connection, path)],
        )
        connection.execute("DELETE FROM charges WHERE path = ?", (path,))
        connection.execute("DELETE FROM files WHERE path = ?", (path,))
    if octets is None:
        return
    names = list(dict.fromkeys(map(_text, accounts)))
    connection.execute("INSERT INTO files VALUES (?, ?)", (path, octets))
    connection.executemany("INSERT INTO charges VALUES (?, ?)", [(path, name) for name in names])
    connection.executemany(
        "INSERT INTO accounts VALUES (?1, ?2, 1) ON CONFLICT (name) "
        "DO UPDATE SET octets = octets + ?2, files = files + 1",
        [(name, octets) for name in names],
    )


def _move(connection: sqlite3.Connection, path: bytes, target: bytes) -> None:
    if path == target:
        return
    _forget(connection, target)  # also what somebody else has taken away there
    for table in ("files", "charges"):
        connection.execute(
            f"UPDATE {table} SET path = CAST(?2 || substr(path, ?3) AS BLOB) "  # noqa: S608
            f"WHERE {_BELOW}",
            (path, target, len(path) + 1),
        )


def _below(connection: sqlite3.Connection, path: bytes) -> list[bytes]:
    """The files that are recorded at a path and below."""
    found = connection.execute(f"SELECT path FROM files WHERE {_BELOW}", (path,))  # noqa: S608
    return [below for (below,) in found.fetchall()]


def _forget(connection: sqlite3.Connection, path: bytes) -> None:
    for below in _below(connection, path):
        _put(connection, below, None, ())


def _look_up(
    connection: sqlite3.Connection, note: _Note, size_of: Callable[[bytes], int | None]
) -> None:
    """What became of a noted change; a directory has been renamed if its files have."""
    if note.target:
        for path in _below(connection, note.path):
            target = note.target + path[len(note.path) :]
            if size_of(path) is None and size_of(target) is not None:
                _move(connection, path, target)
        return
    size = size_of(note.path)
    same = note.octets_before is not None and size == note.octets_before
    _put(connection, note.path, size, note.accounts_before if same else note.accounts)


def _noted(
    connection: sqlite3.Connection, path: bytes, accounts: Sequence[Account], target: bytes
) -> tuple[int, _Note]:
    """Write a note; its number, and what it says."""
    names = [_text(each.name) for each in accounts]
    note = _Note(path, target, names, _size(connection, path), _accounts(connection, path))
    added = connection.execute(
        "INSERT INTO changes (path, target, accounts, octets_before, accounts_before) "
        "VALUES (?, ?, ?, ?, ?)",
        (path, target, json.dumps(names), note.octets_before, json.dumps(note.accounts_before)),
    )
    return int(added.lastrowid or 0), note


def _strike(connection: sqlite3.Connection, change: int) -> bool:
    """Strike a note out; whether it was there."""
    return connection.execute("DELETE FROM changes WHERE id = ?", (change,)).rowcount > 0
