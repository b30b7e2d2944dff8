"""Time zones by name, for the dates of LIST."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = "UTC"
LOCAL = "local"


def is_time_zone(name: str) -> bool:
    """Whether it is ``UTC``, ``local``, or a name in the time zone database of the system."""
    if name in (UTC, LOCAL):
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@cache
def seconds_east(name: str) -> Callable[[int], int] | None:
    """How far the clocks of a zone are ahead of UTC.

    Args:
        name: What :func:`is_time_zone` accepts.

    Returns:
        From seconds since the epoch to seconds; ``None`` for UTC itself.
    """
    if name == UTC:
        return None
    zone = None if name == LOCAL else ZoneInfo(name)

    def ahead(seconds: int) -> int:
        try:
            if zone is None:
                return time.localtime(seconds).tm_gmtoff
            offset = datetime.fromtimestamp(seconds, zone).utcoffset()
        except (ValueError, OverflowError, OSError):  # a year that nobody's clock shows
            return 0
        return int(offset.total_seconds()) if offset is not None else 0

    return ahead
