"""A filesystem over two tables of SQL: a transaction around each step, on a worker thread."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ftptls.interfaces import IWorkers
from ftptls.vfs.pieces import Node
from ftptls.vfs.tables import TableFilesystem
from ftptls.wire.entries import Kind

TABLES = """
    CREATE TABLE IF NOT EXISTS names (
        directory INTEGER, name BLOB, number INTEGER, kind TEXT, size INTEGER, modified REAL,
        PRIMARY KEY (directory, name));
    CREATE TABLE IF NOT EXISTS pieces (
        file INTEGER, piece INTEGER, data BLOB, PRIMARY KEY (file, piece));
    DELETE FROM pieces WHERE file NOT IN (SELECT number FROM names); -- uploads of a crash
"""


class SQLFilesystem(TableFilesystem):
    """Files and directories in a database of SQLite, which this program alone uses."""

    def __init__(self, database: str, workers: IWorkers) -> None:
        super().__init__(workers)
        self._db = sqlite3.connect(database, check_same_thread=False)
        self._db.executescript(TABLES)

    @contextmanager
    def turn(self) -> Iterator[None]:
        try:
            with super().turn(), self._db:
                yield
        except sqlite3.OperationalError as error:
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            number = errno.ENOSPC if full else errno.EIO
            raise OSError(number, os.strerror(number)) from error

    def find(self, directory: int, name: bytes) -> Node | None:
        row = "SELECT * FROM names WHERE directory = ? AND name = ?"
        return next((_node(*found) for found in self._db.execute(row, (directory, name))), None)

    def names(self, directory: int, after: bytes, most: int) -> Sequence[tuple[bytes, Node]]:
        rows = "SELECT * FROM names WHERE directory = ? AND name > ? ORDER BY name LIMIT ?"
        return [(row[1], _node(*row)) for row in self._db.execute(rows, (directory, after, most))]

    def link(self, directory: int, name: bytes, node: Node) -> None:
        row = (directory, name, node.number, node.kind.value, node.size, node.modified)
        self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?, ?)", row)

    def unlink(self, directory: int, name: bytes) -> None:
        self._db.execute("DELETE FROM names WHERE directory = ? AND name = ?", (directory, name))

    def load(self, file: int, piece: int) -> bytes:
        row = "SELECT data FROM pieces WHERE file = ? AND piece = ?"
        return next((data for (data,) in self._db.execute(row, (file, piece))), b"")

    def save(self, file: int, piece: int, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)", (file, piece, data))

    def drop(self, file: int) -> None:
        self._db.execute("DELETE FROM pieces WHERE file = ?", (file,))


def _node(_: int, _name: bytes, number: int, kind: str, size: int, modified: float) -> Node:
    return Node(number, Kind(kind), size, modified)


if __name__ == "__main__":
    from serving import serve

    serve(lambda workers: SQLFilesystem("files.db", workers))
