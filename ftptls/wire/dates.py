"""Times as listings show them (RFC 3659 §2.3, and as ls does).

What the times of a day share is rendered once and remembered, within bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from math import floor

SecondsEast = Callable[[int], int]
"""How far a zone is ahead of UTC at a time; both in seconds, times since the epoch."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY = 86400
"""In seconds."""
MINUTES_OF_A_DAY = 1440
_HALF_YEAR = 31556952 // 2  # as ls counts it

# A time-val has four digits for the year, from 1000 (RFC 3659 §2.3).
_EARLIEST = -30610224000
_LATEST = 253402300799
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def whole_seconds(modified: float) -> int:
    """Whole seconds within the years that four digits can show."""
    if _EARLIEST <= modified <= _LATEST:
        return floor(modified)
    if modified != modified:  # not a number
        return 0
    return _EARLIEST if modified < 0 else _LATEST


@lru_cache(maxsize=4096)
def day_texts(number: int) -> tuple[str, str, str]:
    """Of a day since the epoch: ``YYYYMMDD``, ``MMM dd`` and ``MMM dd  YYYY``.

    Raises:
        ValueError: It is of a year that has no four digits.
    """
    if not _EARLIEST <= number * DAY <= _LATEST:
        raise ValueError("no year of four digits")
    day = date.fromordinal(_EPOCH_ORDINAL + number)
    month_and_day = f"{_MONTHS[day.month - 1]} {day.day:02}"
    return (
        f"{day.year:04}{day.month:02}{day.day:02}",
        month_and_day,
        f"{month_and_day}  {day.year:04}",
    )


_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))
_HOUR_MINUTE = tuple(f"{hour:02}{minute}" for hour in range(24) for minute in _TWO_DIGITS)
CLOCK = tuple(f"{hour:02}:{minute}" for hour in range(24) for minute in _TWO_DIGITS)
"""``HH:MM`` of each minute of a day."""


def time_value(modified: float) -> str:
    """A time-val, ``YYYYMMDDHHMMSS`` in UTC (RFC 3659 §2.3).

    Args:
        modified: Seconds since the epoch. Fractions are cut off; times before the
            year 1000 or after 9999 are shown as the nearest that can be.
    """
    return "".join(time_parts(whole_seconds(modified)))


def time_parts(seconds: int) -> tuple[str, str, str]:
    """``YYYYMMDD``, ``HHMM`` and ``SS``.

    Raises:
        ValueError: It is of a year that has no four digits.
    """
    day, _, _ = day_texts(seconds // DAY)
    return day, _HOUR_MINUTE[seconds // 60 % MINUTES_OF_A_DAY], _TWO_DIGITS[seconds % 60]


@lru_cache(maxsize=4096)
def _shift_of_day(seconds_east: SecondsEast, number: int) -> int | None:
    """How far a zone is ahead of UTC all day long; None if that changes on this day."""
    first = seconds_east(number * DAY)
    return first if first == seconds_east((number + 1) * DAY) else None


def shifted(seconds: int, seconds_east: SecondsEast) -> int:
    """What a clock in the zone shows, as if it were UTC."""
    shift = _shift_of_day(seconds_east, seconds // DAY)
    if shift is None:
        shift = seconds_east(seconds)
    return min(max(seconds + shift, _EARLIEST), _LATEST)


def list_date(modified: float, now: float, seconds_east: SecondsEast | None) -> str:
    """``MMM dd HH:MM`` if recent, else ``MMM dd  YYYY``: both twelve characters."""
    seconds = whole_seconds(modified)
    if seconds_east is not None:
        seconds = shifted(seconds, seconds_east)
    _, day, day_and_year = day_texts(seconds // DAY)
    oldest, newest = recent(now)
    if oldest <= modified <= newest:
        return f"{day} {CLOCK[seconds // 60 % MINUTES_OF_A_DAY]}"
    return day_and_year


def recent(now: float) -> tuple[float, float]:
    """From when until when times are shown with their hour, not with their year."""
    return now - _HALF_YEAR, now + DAY
