"""What the ledger of quotas has written down: its tables, and what is done to them in one step."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SCHEMA = """
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


class Note(NamedTuple):
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


def text(name: str) -> str:
    """The name of an account; octets that are no UTF-8 have no text in the database."""
    return name.encode("utf-8", "backslashreplace").decode()


class Book:
    """The tables of a ledger, within one transaction.

    Args:
        connection: To the database.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def everybody(self) -> dict[str, Usage]:
        """What each account has stored, by name."""
        found = self._connection.execute("SELECT name, octets, files FROM accounts ORDER BY name")
        return {name: Usage(octets, files) for name, octets, files in found}

    def on_disk(self) -> list[tuple[bytes, int]]:
        """The files that are on the disk, and their sizes as recorded."""
        return self._connection.execute(
            "SELECT path, octets FROM files WHERE substr(path, 1, 1) = CAST('/' AS BLOB)"
        ).fetchall()

    def notes(self) -> list[tuple[int, Note]]:
        """What is noted and not struck out, by number."""
        found = self._connection.execute(
            "SELECT id, path, target, accounts, octets_before, accounts_before FROM changes"
        ).fetchall()
        return [
            (change, Note(path, target, json.loads(accounts), octets, json.loads(before)))
            for change, path, target, accounts, octets, before in found
        ]

    def usage(self, account: Account) -> Usage:
        """What an account has stored."""
        found = self._connection.execute(
            "SELECT octets, files FROM accounts WHERE name = ?", (text(account.name),)
        ).fetchone()
        return Usage(*found) if found else Usage()

    def size(self, path: bytes) -> int | None:
        """How large a file is, as recorded; ``None`` if it is not."""
        found = self._connection.execute(
            "SELECT octets FROM files WHERE path = ?", (path,)
        ).fetchone()
        return found[0] if found else None

    def accounts(self, path: bytes) -> list[str]:
        """The names of those who account for a file."""
        found = self._connection.execute("SELECT account FROM charges WHERE path = ?", (path,))
        return [name for (name,) in found]

    def put(self, path: bytes, octets: int | None, accounts: Sequence[str]) -> None:
        """What is recorded of a file, in place of what was; ``None`` for a file that is no more."""
        before = self.size(path)
        if before is not None:
            self._connection.executemany(
                "UPDATE accounts SET octets = octets - ?, files = files - 1 WHERE name = ?",
                [(before, name) for name in self.accounts(path)],
            )
            self._connection.execute("DELETE FROM charges WHERE path = ?", (path,))
            self._connection.execute("DELETE FROM files WHERE path = ?", (path,))
        if octets is None:
            return
        names = list(dict.fromkeys(map(text, accounts)))
        self._connection.execute("INSERT INTO files VALUES (?, ?)", (path, octets))
        self._connection.executemany(
            "INSERT INTO charges VALUES (?, ?)", [(path, name) for name in names]
        )
        self._connection.executemany(
            "INSERT INTO accounts VALUES (?1, ?2, 1) ON CONFLICT (name) "
            "DO UPDATE SET octets = octets + ?2, files = files + 1",
            [(name, octets) for name in names],
        )

    def move(self, path: bytes, target: bytes) -> None:
        """A file, or a directory with all that is recorded below, has another path."""
        if path == target:
            return
        self.forget(target)  # also what somebody else has taken away there
        for table in ("files", "charges"):
            self._connection.execute(
                f"UPDATE {table} SET path = CAST(?2 || substr(path, ?3) AS BLOB) "  # noqa: S608
                f"WHERE {_BELOW}",
                (path, target, len(path) + 1),
            )

    def below(self, path: bytes) -> list[bytes]:
        """The files that are recorded at a path and below."""
        found = self._connection.execute(
            f"SELECT path FROM files WHERE {_BELOW}",  # noqa: S608
            (path,),
        )
        return [below for (below,) in found.fetchall()]

    def forget(self, path: bytes) -> None:
        """Nothing is recorded any more at a path and below."""
        for below in self.below(path):
            self.put(below, None, ())

    def look_up(self, note: Note, size_of: Callable[[bytes], int | None]) -> None:
        """What became of a noted change; a directory has been renamed if its files have."""
        if note.target:
            for path in self.below(note.path):
                target = note.target + path[len(note.path) :]
                if size_of(path) is None and size_of(target) is not None:
                    self.move(path, target)
            return
        size = size_of(note.path)
        same = note.octets_before is not None and size == note.octets_before
        self.put(note.path, size, note.accounts_before if same else note.accounts)

    def note(self, path: bytes, accounts: Sequence[Account], target: bytes) -> tuple[int, Note]:
        """Write a note; its number, and what it says."""
        names = [text(each.name) for each in accounts]
        note = Note(path, target, names, self.size(path), self.accounts(path))
        added = self._connection.execute(
            "INSERT INTO changes (path, target, accounts, octets_before, accounts_before) "
            "VALUES (?, ?, ?, ?, ?)",
            (path, target, json.dumps(names), note.octets_before, json.dumps(note.accounts_before)),
        )
        return int(added.lastrowid or 0), note

    def strike(self, change: int) -> bool:
        """Strike a note out; whether it was there."""
        return self._connection.execute("DELETE FROM changes WHERE id = ?", (change,)).rowcount > 0
