"""Times, modes, groups and facts, as clients write them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.attributes import (
    FactsRequest,
    GroupedPath,
    ModedPath,
    TimedPath,
    Touch,
    facts_request,
    grouped_path,
    is_timed_path,
    moded_path,
    optional_mode,
    precise_time_value,
    time_val,
    timed_path,
    touch,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("19700101000000", 0),
        ("19700101000000.5", 0.5),
        ("20020717210715", 1026940035),
        ("20020717210715.1234567", 1026940035.123456),
        ("19691231235959", -1),
        ("19691231235959.75", -0.25),
        ("20380119031408", 2**31),
        ("20240229000000", 1709164800),
        ("10000101000000", -30610224000),
        ("99991231235959", 253402300799),
        ("20161231235960", 1483228800),  # a leap second
        ("99991231235960", 253402300800),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert time_val(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020",
        "202001010000",
        "2020010100000",
        "202001010000000",
        "20200230000000",
        "20210229000000",
        "20201301000000",
        "20200001000000",
        "20200100000000",
        "20200101240000",
        "20200101006000",
        "20200101000060",
        "20161231235961",
        "09990101000000",
        "19100901000000.",
        "20200101000000.x",
        "20200101000000,5",
        "-0200101000000",
        "2020010100000\u0661",
        " 20200101000000",
        "20200101000000\n",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        time_val(text)
    assert caught.value.code == 501


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_a_time_comes_back(moment: datetime) -> None:
    text = f"{moment.year:04}{moment:%m%d%H%M%S}"
    assert precise_time_value(time_val(text)) == text


@given(st.integers(0, 2**32 - 1), st.integers(0, 999_999))
def test_microseconds_come_back(seconds: int, microseconds: int) -> None:
    whole = precise_time_value(seconds)
    text = f"{whole}.{microseconds:06}".rstrip("0") if microseconds else whole
    assert precise_time_value(time_val(text)) == text


@given(st.text(alphabet='0123456789. +-aZ\u0661\0;="', max_size=40))
@pytest.mark.parametrize(
    "parse", [time_val, timed_path, touch, facts_request, moded_path, grouped_path]
)
def test_parsers_return_or_refuse(parse: Callable[[str], object], text: str) -> None:
    with suppress(ArgumentError):
        parse(text)


def test_a_time_and_a_path() -> None:
    assert timed_path("19700101000001 a b ") == TimedPath(1.0, "a b ")
    for text in ("19700101000001", "19700101000001 ", "a 19700101000001"):
        with pytest.raises(ArgumentError):
            timed_path(text)
    assert is_timed_path("20200230000000 a")
    for text in ("20200101000000", "20200101000000 ", "2020 a", "a"):
        assert not is_timed_path(text)


def test_modes() -> None:
    assert moded_path("644 a b") == ModedPath(0o644, "a b")
    assert moded_path("0600 a") == ModedPath(0o600, "a")
    assert optional_mode("") is None
    assert optional_mode("027") == 0o027
    for text, code in (
        ("", 501),
        ("644", 501),
        ("64 a", 501),
        ("00644 a", 501),
        ("648 a", 501),
        ("u+x a", 501),
        ("+644 a", 501),
        ("1644 a", 504),
        ("4755 a", 504),
    ):
        with pytest.raises(ArgumentError) as caught:
            moded_path(text)
        assert caught.value.code == code, text


def test_groups() -> None:
    assert grouped_path("staff a b") == GroupedPath("staff", "a b")
    for text in ("", "staff", "staff ", " a"):
        with pytest.raises(ArgumentError):
            grouped_path(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("197001010001 a", Touch("a", 60.0, 60.0)),
        ("19700101000002 a b", Touch("a b", 2.0, 2.0)),
        ("19700101000002.5 a", Touch("a", 2.5, 2.5)),
        ("a 19700101000001 19700101000002 19700101000003 UTC", Touch("a", 2.0, 1.0)),
        ("a b  c 197001010001 197001010002 197001010003 utc", Touch("a b  c", 120.0, 60.0)),
        ("197001010001 a UTC", Touch("a UTC", 60.0, 60.0)),
        ("197001010001 a b c UTC", Touch("a b c UTC", 60.0, 60.0)),
    ],
)
def test_both_forms_of_utime(text: str, wanted: Touch) -> None:
    assert touch(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "197001010001",
        "1970010100 a",
        "a 197001010001",
        "197013010001 a",
        "a 197001010001 197001010001 197013010001 UTC",
        "a 197001010001 197001010001 197001010001 CET",
        " 197001010001 197001010001 197001010001 UTC",
    ],
)
def test_what_is_no_utime(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        touch(text)
    assert caught.value.code == 501


def test_facts() -> None:
    assert facts_request("Modify=19700101000001;unix.MODE=644; a b") == FactsRequest(
        {"Modify": 1.0, "UNIX.mode": 0o644}, "a b"
    )
    assert facts_request("UNIX.group=staff;CREATE=19700101000002; x") == FactsRequest(
        {"UNIX.group": "staff", "Create": 2.0}, "x"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 501),
        ("a", 501),
        ("; a", 501),
        ("Modify=19700101000001 a", 501),
        ("Modify; a", 501),
        ("Modify=; a", 501),
        ("Modify=19700101000001;; a", 501),
        ("Modify=19700101000001;", 501),
        ("Modify=19700101000001;modify=19700101000001; a", 501),
        ("Modify=19700230000001; a", 501),
        ("UNIX.mode=; a", 501),
        ("UNIX.group=; a", 501),
        ("UNIX.mode=1777; a", 504),
        ("size=1; a", 504),
        ("X.colour=red; a", 504),
    ],
)
def test_facts_that_are_refused(text: str, code: int) -> None:
    with pytest.raises(ArgumentError) as caught:
        facts_request(text)
    assert caught.value.code == code
    assert "colour" not in caught.value.text
