"""Listings: the lines of LIST and NLST (RFC 959).

A directory may hold a hundred thousand names: what many entries share (days, modes,
owners) is rendered once and remembered, within bounds.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import repeat
from math import floor

from ftptls.wire.dates import (
    CLOCK,
    DAY,
    MINUTES_OF_A_DAY,
    SecondsEast,
    day_texts,
    list_date,
    recent,
    shifted,
)
from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits
from ftptls.wire.paths import encoded, shown

# No client knows a letter for "something else"; with this one, none takes it for a file.
_LIST_TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.LINK: stat.S_IFLNK,
    Kind.OTHER: stat.S_IFSOCK,
}


@lru_cache(maxsize=1024)
def _list_head(kind: Kind, mode: int, links: int, owner: str, group: str) -> str:
    """The first columns of a line of LIST."""
    permissions = stat.filemode(_LIST_TYPES[kind] | (mode & 0o7777))
    return f"{permissions} {links:>3} {_column(owner):<8} {_column(group):<8}"


def _column(text: str) -> str:
    """A name that fills one column: clients split lines at blanks."""
    return "_".join(shown(text).split()) or "-"


def list_line(
    entry: Entry,
    now: float,
    seconds_east: SecondsEast | None = None,
    prefix: str = "",
    mark: str = "",
) -> bytes:
    """One line of LIST, in the form of ``ls -l``, which every client can read.

    Args:
        entry: What to show.
        now: Seconds since the epoch; decides whether the time or the year is shown.
        seconds_east: The zone of the times; UTC without.
        prefix: What is shown before the name.
        mark: What is shown behind it.

    Returns:
        The line with its CR LF, in UTF-8; months are English.
    """
    name, kind, size, modified, mode, links, owner, group, _, _, _, _, target, _ = entry
    head = _list_head(kind, mode, links, owner, group)
    name = shown(f"{prefix}{name}{mark}")
    if kind is Kind.LINK and target:
        name = f"{name} -> {shown(target)}"
    date_shown = list_date(modified, now, seconds_east)
    return encoded(f"{head} {size if size > 0 else 0:>12} {date_shown} {name}\r\n")


class ListLines:
    """The lines of one LIST: those of :func:`list_line`, of many entries at once.

    Args:
        now: Seconds since the epoch; decides whether the time or the year is shown.
        seconds_east: The zone of the times; UTC without.
        marked: Whether there is a :func:`type_mark` behind names, but not behind those of
            links: their target comes there.
    """

    def __init__(
        self, now: float, seconds_east: SecondsEast | None = None, *, marked: bool = False
    ) -> None:
        self._now = now
        self._seconds_east = seconds_east
        self._marked = marked
        self._heads: dict[Traits, str] = {}

    def render(self, entries: Sequence[Entry], prefix: str = "") -> bytes:
        """The lines of some entries, with their CR LF.

        Args:
            entries: They; of :class:`~ftptls.wire.entries.Rows` it is twice as fast.
            prefix: What is shown before each name.
        """
        if isinstance(entries, Rows) and entries.printable and not self._marked:
            with suppress(ValueError, OverflowError):  # a time or a target is odd
                return self._of_rows(entries.rows, shown(prefix))
        return b"".join([self._line(each, prefix) for each in entries])

    def _line(self, entry: Entry, prefix: str) -> bytes:
        mark = type_mark(entry) if self._marked and entry.kind is not Kind.LINK else ""
        return list_line(entry, self._now, self._seconds_east, prefix, mark)

    def _of_rows(self, rows: Iterable[Row], prefix: str) -> bytes:
        """The same of usual rows, with nothing called for each that can be spared."""
        heads, seconds_east = self._heads, self._seconds_east
        oldest, newest = recent(self._now)
        lines = []
        for name, traits, size, modified, links, _, target in rows:
            head = heads.get(traits) if links == 1 else _head_of(traits, links)
            if head is None:
                head = heads[traits] = _head_of(traits, 1)
            seconds = floor(modified)
            if seconds_east is not None:
                seconds = shifted(seconds, seconds_east)
            _, day, date_shown = day_texts(seconds // DAY)
            if oldest <= modified <= newest:
                date_shown = f"{day} {CLOCK[seconds // 60 % MINUTES_OF_A_DAY]}"
            end = f" -> {shown(target)}\r\n" if target else "\r\n"
            # rjust() takes half as long as a format.
            lines.append(f"{head} {str(size).rjust(12)} {date_shown} {prefix}{name}{end}")
        return "".join(lines).encode()


def _head_of(traits: Traits, links: int) -> str:
    return _list_head(traits.kind, traits.mode, links, traits.owner, traits.group)


def type_mark(entry: Entry) -> str:
    """What ``ls -F`` puts behind a name: of a directory, a link, or what can be executed."""
    if entry.kind is Kind.FILE:
        return "*" if entry.mode & 0o111 else ""
    return {Kind.DIRECTORY: "/", Kind.LINK: "@"}.get(entry.kind, "")


def heading_line(root: str, prefix: str) -> bytes:
    """The line before a directory in a listing of a tree, as ``ls -R`` has it.

    Args:
        root: Where the tree begins, as the client said it.
        prefix: What leads on from there: empty, or names that each end in a slash.
    """
    top = root.rstrip("/")
    path = f"{top}/{prefix[:-1]}" if prefix else top or "/"
    return encoded(f"{shown(path)}:\r\n")


def name_lines(entries: Sequence[Entry], lead: str = "", *, marked: bool = False) -> bytes:
    """Lines of NLST, with their CR LF (RFC 959 §4.1.3).

    Args:
        entries: What to name.
        lead: What is shown before each name.
        marked: Whether its :func:`type_mark` is shown behind it.
    """
    if isinstance(entries, Rows) and entries.printable and lead.isprintable() and not marked:
        return "".join([f"{lead}{row[0]}\r\n" for row in entries.rows]).encode()
    marks = map(type_mark, entries) if marked else repeat("")
    names = (f"{lead}{each.name}{mark}" for each, mark in zip(entries, marks, strict=False))
    return b"".join([encoded(f"{shown(name)}\r\n") for name in names])
