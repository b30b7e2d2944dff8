"""Listings: the lines of LIST and NLST, the facts of MLST and MLSD (RFC 959, RFC 3659 §7).

A directory may hold a hundred thousand names: what many entries share (days, modes,
owners) is rendered once and remembered, within bounds.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import lru_cache
from itertools import repeat
from math import floor
from types import MappingProxyType

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits
from ftptls.wire.paths import shown

FACTS: tuple[str, ...] = (
    "type",
    "size",
    "modify",
    "perm",
    "unique",
    "create",
    "media-type",
    "charset",
    "UNIX.mode",
    "UNIX.owner",
    "UNIX.group",
    "UNIX.uid",
    "UNIX.gid",
)
"""Every fact on offer, in the order of its rendering (RFC 3659 §7.5)."""

_RARE = frozenset({"create", "media-type", "charset"})

DEFAULT_FACTS: frozenset[str] = frozenset(FACTS) - _RARE
"""The facts that are sent until OPTS MLST says otherwise."""

SecondsEast = Callable[[int], int]
"""How far a zone is ahead of UTC at a time; both in seconds, times since the epoch."""

_BY_LOWER_NAME = {fact.lower(): fact for fact in FACTS}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = 86400
_MINUTES_OF_A_DAY = 1440
_HALF_YEAR = 31556952 // 2  # as ls counts it

# A time-val has four digits for the year, from 1000 (RFC 3659 §2.3).
_EARLIEST = -30610224000
_LATEST = 253402300799
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

# No client knows a letter for "something else"; with this one, none takes it for a file.
_LIST_TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.LINK: stat.S_IFLNK,
    Kind.OTHER: stat.S_IFSOCK,
}
_FACT_TYPES = {
    Kind.FILE: "file",
    Kind.DIRECTORY: "dir",
    Kind.LINK: "OS.unix=slink",
    Kind.OTHER: "OS.unix=other",
}

# RFC 3659 §2.1: RCHAR is what a token is made of.
_NO_RCHAR = re.compile(r"[^A-Za-z0-9,.:!@#$%^&()\-_+?/\\'\"]")


def _encoded(text: str) -> bytes:
    """UTF-8, with octets that are none as they are on the disk."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # lone surrogates, which no disk of octets can hold
        return text.encode("utf-8", "replace")


def _seconds(modified: float) -> int:
    """Whole seconds within the years that four digits can show."""
    if _EARLIEST <= modified <= _LATEST:
        return floor(modified)
    if modified != modified:  # not a number
        return 0
    return _EARLIEST if modified < 0 else _LATEST


@lru_cache(maxsize=4096)
def _day(number: int) -> tuple[str, str, str]:
    """Of a day since the epoch: ``YYYYMMDD``, ``MMM dd`` and ``MMM dd  YYYY``.

    Raises:
        ValueError: It is of a year that has no four digits.
    """
    if not _EARLIEST <= number * _DAY <= _LATEST:
        raise ValueError("no year of four digits")
    day = date.fromordinal(_EPOCH_ORDINAL + number)
    month_and_day = f"{_MONTHS[day.month - 1]} {day.day:02}"
    return (
        f"{day.year:04}{day.month:02}{day.day:02}",
        month_and_day,
        f"{month_and_day}  {day.year:04}",
    )


_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))
# Of each minute of a day: HHMM and HH:MM.
_HOUR_MINUTE = tuple(f"{hour:02}{minute}" for hour in range(24) for minute in _TWO_DIGITS)
_CLOCK = tuple(f"{hour:02}:{minute}" for hour in range(24) for minute in _TWO_DIGITS)


def time_value(modified: float) -> str:
    """A time-val, ``YYYYMMDDHHMMSS`` in UTC (RFC 3659 §2.3).

    Args:
        modified: Seconds since the epoch. Fractions are cut off; times before the
            year 1000 or after 9999 are shown as the nearest that can be.
    """
    return "".join(_time_parts(_seconds(modified)))


def _time_parts(seconds: int) -> tuple[str, str, str]:
    """``YYYYMMDD``, ``HHMM`` and ``SS``."""
    day, _, _ = _day(seconds // _DAY)
    return day, _HOUR_MINUTE[seconds // 60 % _MINUTES_OF_A_DAY], _TWO_DIGITS[seconds % 60]


@lru_cache(maxsize=4096)
def _shift_of_day(seconds_east: SecondsEast, number: int) -> int | None:
    """How far a zone is ahead of UTC all day long; None if that changes on this day."""
    first = seconds_east(number * _DAY)
    return first if first == seconds_east((number + 1) * _DAY) else None


def _shifted(seconds: int, seconds_east: SecondsEast) -> int:
    """What a clock in the zone shows, as if it were UTC."""
    shift = _shift_of_day(seconds_east, seconds // _DAY)
    if shift is None:
        shift = seconds_east(seconds)
    return min(max(seconds + shift, _EARLIEST), _LATEST)


def _list_date(modified: float, now: float, seconds_east: SecondsEast | None) -> str:
    """``MMM dd HH:MM`` if recent, else ``MMM dd  YYYY``: both twelve characters."""
    seconds = _seconds(modified)
    if seconds_east is not None:
        seconds = _shifted(seconds, seconds_east)
    _, day, day_and_year = _day(seconds // _DAY)
    oldest, newest = _recent(now)
    if oldest <= modified <= newest:
        return f"{day} {_CLOCK[seconds // 60 % _MINUTES_OF_A_DAY]}"
    return day_and_year


def _recent(now: float) -> tuple[float, float]:
    """From when until when times are shown with their hour, not with their year."""
    return now - _HALF_YEAR, now + _DAY


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
    date_shown = _list_date(modified, now, seconds_east)
    return _encoded(f"{head} {size if size > 0 else 0:>12} {date_shown} {name}\r\n")


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
        oldest, newest = _recent(self._now)
        lines = []
        for name, traits, size, modified, links, _, target in rows:
            head = heads.get(traits) if links == 1 else _head_of(traits, links)
            if head is None:
                head = heads[traits] = _head_of(traits, 1)
            seconds = floor(modified)
            if seconds_east is not None:
                seconds = _shifted(seconds, seconds_east)
            _, day, date_shown = _day(seconds // _DAY)
            if oldest <= modified <= newest:
                date_shown = f"{day} {_CLOCK[seconds // 60 % _MINUTES_OF_A_DAY]}"
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
    return _encoded(f"{shown(path)}:\r\n")


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
    return b"".join([_encoded(f"{shown(name)}\r\n") for name in names])


def _token(text: str) -> str:
    """The text with whatever could not stand in a fact's value replaced (RFC 3659 §2.1)."""
    return _NO_RCHAR.sub("_", text)


@lru_cache(maxsize=1024)
def _form(
    facts: frozenset[str],
    type_value: str,
    is_file: bool,
    unique: str,
    perm: str,
    mode: int,
    owner: str,
    group: str,
    uid: int,
    gid: int,
) -> str:
    """A line with what many entries share, and places for the rest.

    The places are, in this order, for: the size, the time in three parts (see
    :func:`_time_parts`), the unique fact, whatever facts are rare, and the name. One that is
    not asked for takes its value and shows nothing. ``unique`` is the place for that fact;
    empty without any.
    """

    def place(fact: str, values: str) -> str:
        return (
            f"{fact}={values};" if values and fact in facts else "%.0s" * max(1, values.count("%"))
        )

    begin = _shared_facts(facts, {"type": type_value})
    begin += place("size", "%s" if is_file else "") + place("modify", "%s%s%s")
    middle = _shared_facts(facts, {"perm": perm}) + place("unique", unique)
    system = _shared_facts(facts, _unix_values(mode, owner, group, uid, gid))
    return f"{begin}{middle}%s{system} %s"


def _shared_facts(facts: frozenset[str], values: Mapping[str, str]) -> str:
    given = "".join(f"{fact}={value};" for fact, value in values.items() if fact in facts)
    return given.replace("%", "%%")


def _unix_values(mode: int, owner: str, group: str, uid: int, gid: int) -> Mapping[str, str]:
    """The system dependent facts (RFC 3659 §7.6.1)."""
    return {
        "UNIX.mode": f"{mode & 0o7777:04o}",
        "UNIX.owner": _token(owner),
        "UNIX.group": _token(group),
        "UNIX.uid": str(uid),
        "UNIX.gid": str(gid),
    }


def _type_value(kind: Kind, target: str) -> str:
    """The value of the type fact (RFC 3659 §7.5.1); a link's target only if it is a token."""
    value = _FACT_TYPES[kind]
    return f"{value}:{target}" if target and not _NO_RCHAR.search(target) else value


_NO_MEDIA_TYPES: Mapping[str, str] = MappingProxyType({})


def _media_type(name: str, media_types: Mapping[str, str]) -> str:
    """What was said of names that end so; nothing is guessed (RFC 3659 §7.5.8)."""
    _, dot, ending = name.rpartition(".")
    return media_types.get(ending.lower(), "") if dot else ""


def _is_text(name: str) -> bool:
    """Whether it is UTF-8 when it is sent, and no other octets."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def facts_line(
    entry: Entry,
    facts: frozenset[str],
    type_name: str | None = None,
    media_types: Mapping[str, str] = _NO_MEDIA_TYPES,
) -> str:
    """One entry of MLST or MLSD: facts, one space, name (RFC 3659 §7.2).

    Args:
        entry: What to show.
        facts: Which of :data:`FACTS` to give. A fact that does not apply is left out.
        type_name: The type instead of the entry's own: ``cdir`` or ``pdir``.
        media_types: The media types of files, by the ends of their names in lower case.

    Returns:
        The entry without a space before it and without CR LF.
    """
    # At once: that is faster than to ask for each.
    name, kind, size, modified, mode, _, owner, group, uid, gid, unique, perm, target, _ = entry
    is_link = kind is Kind.LINK
    type_value = type_name or (_type_value(kind, target) if is_link else _FACT_TYPES[kind])
    is_file = kind is Kind.FILE
    place = "%s" if unique else ""
    form = _form(facts, type_value, is_file, place, perm, mode, owner, group, uid, gid)
    return form % (
        size if size > 0 else 0,
        *_time_parts(_seconds(modified)),
        unique if unique.isalnum() and unique.isascii() else _token(unique),
        "" if facts.isdisjoint(_RARE) else _rare_facts(entry, facts, media_types),
        shown(name),
    )


class FactLines:
    """The lines of one MLSD: those of :func:`facts_line`, of many entries at once.

    Args:
        facts: Which of :data:`FACTS` to give.
        media_types: The media types of files, by the ends of their names in lower case.
    """

    def __init__(
        self, facts: frozenset[str], media_types: Mapping[str, str] = _NO_MEDIA_TYPES
    ) -> None:
        self._facts = facts
        self._media_types = media_types
        self._usual = facts.isdisjoint(_RARE)
        self._forms: dict[Traits, str] = {}

    def render(self, entries: Sequence[Entry]) -> bytes:
        """The lines of some entries, with their CR LF.

        Args:
            entries: They; of :class:`~ftptls.wire.entries.Rows` it is twice as fast.
        """
        if isinstance(entries, Rows) and entries.printable and self._usual:
            with suppress(ValueError, OverflowError):  # a time is odd
                return self._of_rows(entries.rows)
        lines = [facts_line(each, self._facts, None, self._media_types) for each in entries]
        return b"".join([_encoded(f"{line}\r\n") for line in lines])

    def _of_rows(self, rows: Iterable[Row]) -> bytes:
        """The same of usual rows, with nothing called for each that can be spared."""
        forms = self._forms
        lines = []
        for name, traits, size, modified, _, serial, target in rows:
            form = self._form_of(traits, target) if target else forms.get(traits)
            if form is None:
                form = forms[traits] = self._form_of(traits)
            seconds = floor(modified)
            day, _, _ = _day(seconds // _DAY)
            minute, second = _HOUR_MINUTE[seconds // 60 % _MINUTES_OF_A_DAY], seconds % 60
            lines.append(form % (size, day, minute, _TWO_DIGITS[second], serial, "", name))
        return "".join(lines).encode()

    def _form_of(self, traits: Traits, target: str = "") -> str:
        """The form of a line, whose unique fact takes the serial number."""
        kind, mode, owner, group = traits.kind, traits.mode, traits.owner, traits.group
        unique, shared = f"{traits.device}%x", (mode, owner, group, traits.uid, traits.gid)
        is_file, type_value = kind is Kind.FILE, _type_value(kind, target)
        return _form(self._facts, type_value, is_file, unique, traits.perm, *shared) + "\r\n"


def _rare_facts(entry: Entry, facts: frozenset[str], media_types: Mapping[str, str]) -> str:
    line = ""
    if "create" in facts and entry.created is not None:
        line = f"create={time_value(entry.created)};"
    if "media-type" in facts and entry.kind is Kind.FILE:
        media_type = _media_type(entry.name, media_types)
        line += f"media-type={media_type};" if media_type else ""
    if "charset" in facts and _is_text(entry.name):
        line += "charset=UTF-8;"
    return line


def select_facts(text: str) -> frozenset[str]:
    """The facts that OPTS MLST chooses (RFC 3659 §7.9).

    Args:
        text: ``type;size;``, in any case; what is not on offer is ignored.

    Raises:
        ArgumentError: 501 if there is a space in it, as the RFC's examples have it.
    """
    if " " in text:
        raise ArgumentError("Invalid MLST options: end each fact with a semicolon, no spaces.")
    names = (_BY_LOWER_NAME.get(name.lower()) for name in text.split(";"))
    return frozenset(name for name in names if name)


def mlst_feature(facts: frozenset[str]) -> str:
    """The facts on offer for FEAT, the chosen ones with an asterisk (RFC 3659 §7.8)."""
    return "".join(f"{fact}*;" if fact in facts else f"{fact};" for fact in FACTS)
