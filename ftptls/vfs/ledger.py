"""The ledger of quotas: who stored which file, and how much that is; one SQLite database.

A change of the files and one of the ledger cannot be one step. So a change is noted first, and
struck out when files and ledger agree: what is left of a server that stopped half-way is looked
up on the disk by the next one that starts (:meth:`Ledger.recover`).

Several servers may share a ledger. Everything here blocks, and may be called on any thread.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ftptls.vfs.book import SCHEMA, Account, Book, Note, Usage, text

_PATIENCE = 10.0  # seconds that a call waits for another process that writes


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
        self._notes: dict[int, Note] = {}

    def usage(self) -> dict[str, Usage]:
        """What each account has stored, by name."""
        with self._transaction() as book:
            return book.everybody()

    def room(self, accounts: Sequence[Account]) -> tuple[int | None, int | None]:
        """How many octets, and how many files, all of the accounts allow still."""
        with self._transaction() as book:
            used = [(each, book.usage(each)) for each in accounts]
        octets = [each.octets - it.octets for each, it in used if each.octets is not None]
        files = [each.files - it.files for each, it in used if each.files is not None]
        return min(octets, default=None), min(files, default=None)

    def room_for(self, path: bytes, accounts: Sequence[Account]) -> int | None:
        """How large a file may be that is there, or is to be made, for all of the accounts.

        Raises:
            OSError: ``EDQUOT``, it may not be made.
        """
        with self._transaction() as book:
            size, theirs = book.size(path), book.accounts(path)
            sizes = []
            for each in accounts:
                used = book.usage(each)
                own = size if size is not None and text(each.name) in theirs else None
                if each.files is not None and own is None and used.files >= each.files:
                    raise _over()
                if each.octets is not None:
                    sizes.append(each.octets - used.octets + (own or 0))
        return min(sizes, default=None)

    def note(self, path: bytes, accounts: Sequence[Account], target: bytes = b"") -> int:
        """A file is about to change, or to be renamed; a number for the note."""
        with self._transaction() as book:
            change, note = book.note(path, accounts, target)
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
        with self._transaction() as book:
            change, note = book.note(path, accounts, b"")
            before = [book.usage(each) for each in accounts]
            book.put(path, octets, [each.name for each in accounts])
            for each, had in zip(accounts, before, strict=True):
                has = book.usage(each)
                too_much = each.octets is not None and has.octets > max(each.octets, had.octets)
                too_many = each.files is not None and has.files > max(each.files, had.files)
                if too_much or too_many:
                    raise _over()
        self._notes[change] = note._replace(octets=octets)
        return change

    def settle(self, change: int, octets: int | None) -> None:
        """A noted file has a size now, or is no more; who accounted for it still does."""
        with self._ending(change) as (book, note, _):
            accounts = book.accounts(note.path) or note.accounts
            book.put(note.path, octets, accounts)

    def undo(self, change: int) -> None:
        """A noted file is what it was."""
        with self._ending(change) as (book, note, _):
            if not note.target:
                book.put(note.path, note.octets_before, note.accounts_before)

    def move(self, change: int) -> None:
        """What was noted, a file or a directory, has been renamed."""
        with self._ending(change) as (book, note, struck):
            if not struck or book.below(note.path):
                book.move(note.path, note.target)

    def strike(self, change: int) -> None:
        """A file has been replaced as it was charged."""
        with self._ending(change) as (book, note, struck):
            if struck:
                book.put(note.path, note.octets, note.accounts)

    def forget(self, path: bytes) -> None:
        """A directory is no more; whatever was in it somebody else has taken away."""
        with self._transaction() as book:
            book.forget(path)

    def recover(self, size_of: Callable[[bytes], int | None]) -> int:
        """Look up what a server left behind that stopped half-way; how many changes that were.

        Of what is not on the disk (its path does not begin with a slash) what was noted counts.

        Args:
            size_of: Octets of the file at a path; ``None`` if there is none.
        """
        with self._transaction() as book:
            notes = book.notes()
            for change, note in notes:
                if note.path.startswith(b"/"):  # else nobody knows
                    book.look_up(note, size_of)
                book.strike(change)
        return len(notes)

    def recount(self, size_of: Callable[[bytes], int | None]) -> int:
        """Correct what others have changed; how many files were not as the ledger had them.

        Args:
            size_of: As of :meth:`recover`.
        """
        with self._transaction() as book:
            recorded = book.on_disk()
        wrong = [(path, size) for path, octets in recorded if (size := size_of(path)) != octets]
        with self._transaction() as book:
            for path, size in wrong:
                book.put(path, size, book.accounts(path))
        return len(wrong)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _ending(self, change: int) -> Iterator[tuple[Book, Note, bool]]:
        """A noted change is over; also whether somebody else has struck it out already."""
        note = self._notes.pop(change)
        with self._transaction() as book:
            yield book, note, not book.strike(change)

    @contextmanager
    def _transaction(self) -> Iterator[Book]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connect(self._path)
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield Book(self._connection)
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
        connection.executescript(SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
