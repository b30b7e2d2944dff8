"""Arguments of what changes files' attributes (RFC 3659 §2.3, draft-somers-ftp-mfxx, SITE)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ftptls.wire.arguments import ArgumentError, path
from ftptls.wire.dates import time_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"([1-9][0-9]{3})" + "([0-9]{2})" * 5 + r"(?:\.([0-9]+))?")
_TOUCH_TIME = re.compile(r"[0-9]{12}(?:[0-9]{2}(?:\.[0-9]+)?)?")
_MODE = re.compile(r"[0-7]{3,4}")
_FACT = re.compile(r"([A-Za-z0-9.\-]+)=([^;]*)")


@dataclass(frozen=True, slots=True)
class TimedPath:
    """A time in seconds since the epoch, and the pathname that is to get it."""

    time: float
    path: str


@dataclass(frozen=True, slots=True)
class Touch:
    """What SITE UTIME asks for: when a file was modified and last read, as seconds."""

    path: str
    modified: float
    accessed: float


@dataclass(frozen=True, slots=True)
class ModedPath:
    """Permission bits, and the pathname that is to get them."""

    mode: int
    path: str


@dataclass(frozen=True, slots=True)
class GroupedPath:
    """A group's name or number, and the pathname that is to get it."""

    group: str
    path: str


@dataclass(frozen=True, slots=True)
class FactsRequest:
    """What MFF asks for: values by the names of facts, and the pathname that is to get them."""

    facts: Mapping[str, float | int | str]
    path: str


def time_val(text: str) -> float:
    """A time-val, ``YYYYMMDDHHMMSS[.sss]`` in UTC, as seconds since the epoch (RFC 3659 §2.3).

    Second 60, a leap second, is the first one of the next day. Digits behind the
    microseconds are cut off.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ArgumentError("A time is YYYYMMDDHHMMSS in UTC, from the year 1000 on.")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    leap = (hour, minute, second) == (23, 59, 60)
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    except ValueError:
        raise ArgumentError("There is no such date or time.") from None
    microseconds = int((found[7] or "")[:6].ljust(6, "0"))
    since = moment - _EPOCH
    return since / timedelta(seconds=1) + leap + microseconds / 1e6


def precise_time_value(seconds: float) -> str:
    """A time-val with its fraction, if there is one: down to microseconds."""
    whole, rest = divmod(round(seconds * 1e6), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return time_value(whole) + fraction


def timed_path(text: str) -> TimedPath:
    """A time-val and a pathname, for MFMT and MFCT."""
    time, _, name = text.partition(" ")
    return TimedPath(time_val(time), path(name))


def is_timed_path(text: str) -> bool:
    """Whether it looks like a time-val and a pathname, impossible dates included."""
    time, _, name = text.partition(" ")
    return bool(name and _TIME.fullmatch(time))


def facts_request(text: str) -> FactsRequest:
    """Facts and a pathname, for MFF: ``Modify=20020717212230;UNIX.mode=644; name``.

    Raises:
        ArgumentError: 501; or 504 for a fact that nobody here can set.
    """
    given, _, name = text.partition(" ")
    if not given.endswith(";"):
        raise ArgumentError("MFF takes facts, each with a semicolon, a space and a pathname.")
    facts: dict[str, float | int | str] = {}
    for part in given[:-1].split(";"):
        found = _FACT.fullmatch(part)
        if found is None:
            raise ArgumentError("A fact is a name, an equals sign and a value.")
        fact = _BY_LOWER_NAME.get(found[1].lower())
        if fact is None:
            raise unsettable(FACTS)
        if fact in facts:
            raise ArgumentError("MFF takes each fact once.")
        facts[fact] = FACTS[fact](found[2])
    return FactsRequest(facts, path(name))


def unsettable(facts: Iterable[str]) -> ArgumentError:
    """The 504 for an unknown fact; says which ones can be set (draft-somers-ftp-mfxx §5.5)."""
    return ArgumentError(f"The facts that can be set here: {', '.join(facts)}.", 504)


def mode(text: str) -> int:
    """Permission bits: three octal digits, or four that begin with 0."""
    if not _MODE.fullmatch(text):
        raise ArgumentError("A mode is three octal digits, such as 644.")
    value = int(text, 8)
    if value > 0o777:
        raise ArgumentError("Set-id and sticky bits are not set here; use three digits.", 504)
    return value


def group(text: str) -> str:
    """The name or number of a group."""
    if not text:
        raise ArgumentError("Give the name or number of a group.")
    return text


FACTS: Mapping[str, Callable[[str], float | int | str]] = {
    "UNIX.group": group,
    "UNIX.mode": mode,
    "Create": time_val,
    "Modify": time_val,
}
"""What reads the value of each fact that MFF knows."""
_BY_LOWER_NAME = {fact.lower(): fact for fact in FACTS}


def moded_path(text: str) -> ModedPath:
    """Permission bits and a pathname, for SITE CHMOD."""
    bits, _, name = text.partition(" ")
    return ModedPath(mode(bits), path(name))


def optional_mode(text: str) -> int | None:
    """Permission bits, or nothing, for SITE UMASK."""
    asked = text.strip(" ")
    return mode(asked) if asked else None


def grouped_path(text: str) -> GroupedPath:
    """A group and a pathname, for SITE CHGRP."""
    name, _, rest = text.partition(" ")
    return GroupedPath(group(name), path(rest))


def touch(text: str) -> Touch:
    """The two forms of SITE UTIME.

    ``YYYYMMDDhhmm[ss] path`` sets both times. ``path atime mtime ctime UTC`` sets each;
    its ctime cannot be set anywhere, and is only looked at.
    """
    words = text.rsplit(" ", 4)
    times = words[1:4]
    if words[4:] and words[4].upper() == "UTC" and all(map(_TOUCH_TIME.fullmatch, times)):
        accessed, modified, _ = map(_touch_time, times)
        return Touch(path(words[0]), modified, accessed)
    time, _, name = text.partition(" ")
    modified = _touch_time(time)
    return Touch(path(name), modified, modified)


def _touch_time(text: str) -> float:
    if not _TOUCH_TIME.fullmatch(text):
        raise ArgumentError("SITE UTIME takes YYYYMMDDhhmm[ss] in UTC, and a pathname.")
    return time_val(f"{text}00" if len(text) == 12 else text)
