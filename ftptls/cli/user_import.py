"""``ftptls user import``: many users from a file, with word of how far it is."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ftptls.cli.common import add_json, clean, print_json, refusing
from ftptls.cli.stores import add_store, opened

if TYPE_CHECKING:
    from ftptls.store.importing import Imported

_SHOWN = 20  # problems
_OFTEN, _SELDOM = 0.2, 10.0  # seconds between two words on progress: on a terminal, elsewhere


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of ``ftptls user import``."""
    parser.add_argument("file", metavar="FILE", help="the file, or - for standard input")
    parser.add_argument(
        "--format",
        choices=("json", "csv"),
        help="lines of JSON, or CSV whose first line names fields (default: by the file's ending)",
    )
    parser.add_argument("--replace", action="store_true", help="replace users who are there")
    parser.add_argument(
        "--keep-good", action="store_true", help="import who can be, and tell who cannot"
    )
    add_json(parser)
    add_store(parser)


def run(chosen: argparse.Namespace) -> int:
    """Import.

    Returns:
        The exit status: 1 if there was somebody who could not be imported.
    """
    is_csv = (chosen.format or Path(chosen.file).suffix.lstrip(".")).lower() == "csv"
    with _file(chosen.file) as file, opened(chosen, create=True) as users:
        from ftptls.store.importing import read_csv, read_json

        with Progress(sys.stderr, _line_count(file)) as progress:
            found = users.import_many(
                read_csv(file) if is_csv else read_json(file),
                replacing=chosen.replace,
                keep_good=chosen.keep_good,
                progress=progress.tell,
            )
    _tell(found, chosen)
    return 1 if found.problems else 0


@contextmanager
def _file(path: str) -> Iterator[TextIO]:
    """A file of users; what is no UTF-8 in it becomes signs that no name can have."""
    with (
        refusing(),
        open(
            sys.stdin.fileno() if path == "-" else path,
            encoding="utf-8-sig",  # for the byte order mark of spreadsheets
            errors="surrogateescape",
            newline="",
            closefd=path != "-",
        ) as file,
    ):
        yield file


def _line_count(file: TextIO) -> int:
    """How many lines there are; 0 if it cannot be known before they are read."""
    if not file.seekable():
        return 0
    start = file.tell()
    count = sum(1 for _ in file)
    file.seek(start)
    return count


def _tell(found: Imported, chosen: argparse.Namespace) -> None:
    if chosen.json:
        problems = [{"line": line, "problem": text} for line, text in found.problems]
        print_json({"added": found.added, "replaced": found.replaced, "problems": problems})
        return
    for line, text in found.problems[:_SHOWN]:
        print(f"line {line}: {clean(text)}", file=sys.stderr)
    if len(found.problems) > _SHOWN:
        print(f"... and {len(found.problems) - _SHOWN} more.", file=sys.stderr)
    if found.problems and not chosen.keep_good:
        print("Nobody was imported; mend these lines, or add --keep-good.", file=sys.stderr)
    print(f"{found.added} added, {found.replaced} replaced.")


class Progress:
    """Tells how far an import is: in place on a terminal, and now and then elsewhere.

    Args:
        where: What to tell it to.
        lines: How many lines there are; 0 if nobody knows.
    """

    def __init__(self, where: TextIO, lines: int = 0) -> None:
        self._where = where
        self._of = f" of {lines}" if lines else ""
        self._terminal = where.isatty()
        self._interval = _OFTEN if self._terminal else _SELDOM
        self._next = time.monotonic() + self._interval
        self._told = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._told and self._terminal:
            print(file=self._where)

    def tell(self, line: int, stored: int) -> None:
        """Say so, unless something was said just now."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._interval
        self._told = True
        text = f"ftptls: line {line}{self._of}, {stored} stored ..."
        print(
            f"\r{text}" if self._terminal else text,
            end="" if self._terminal else "\n",
            file=self._where,
            flush=True,
        )
