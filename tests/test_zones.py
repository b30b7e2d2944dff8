"""Time zones by name."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.settings.zones import is_time_zone, seconds_east


@pytest.mark.parametrize("name", ["UTC", "local", "Europe/Berlin", "Asia/Kathmandu", "EST5EDT"])
def test_zones_that_are_known(name):
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "utc ", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "a\0b", "ü"],
)
def test_zones_that_are_not(name):
    assert not is_time_zone(name)


def test_utc_needs_no_asking():
    assert seconds_east("UTC") is None


@given(st.integers(-(2**33), 2**33), st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe"]))
def test_the_database_is_believed(seconds, name):
    local = datetime.fromtimestamp(seconds, ZoneInfo(name))
    assert seconds_east(name)(seconds) == local.utcoffset().total_seconds()


@pytest.mark.parametrize("name", ["Europe/Berlin", "local"])
def test_years_that_no_calendar_has(name):
    for seconds in (-(10**17), 10**17, 253402300799):
        assert -86400 < seconds_east(name)(seconds) < 86400


def test_local_is_what_the_system_says(monkeypatch):
    try:
        monkeypatch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        assert seconds_east("local")(1e9) == 20700
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        assert seconds_east("local")(1e9) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
