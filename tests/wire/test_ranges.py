"""Ranges of octets: what RANG takes, and how HASH tells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.ranges import Range, octet_range

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 0", Range(0, 1)),
        ("0 49", Range(0, 50)),
        ("802816 1000000", Range(802816, 1000001)),  # the example of the draft
        ("007 0000000000000000008", Range(7, 9)),
        (f"0 {LARGEST - 1}", Range(0, LARGEST)),
        ("1 0", None),
    ],
)
def test_first_and_last(text, wanted):
    assert octet_range(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1 2 3", "2 1", "2 0", "-1 2", "0 -1", "1  2", "1-2", "٣ ٤", "0x1 2", "1e1 20"),
        *(f"0 {LARGEST}", "0 " + "9" * 19, "0 " + "9" * 8000),
    ],
)
def test_what_is_no_range(text):
    with pytest.raises(ArgumentError) as caught:
        octet_range(text)
    assert caught.value.code == 501


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_any_two_numbers(first, last):
    text = f"{first} {last}"
    if (first, last) == (1, 0):
        return
    if first <= last < LARGEST:
        wanted = octet_range(text)
        assert wanted is not None
        assert wanted.shown == text.replace(" ", "-")
        assert wanted.octets == last - first + 1
    else:
        with pytest.raises(ArgumentError):
            octet_range(text)


def test_of_nothing_the_end_is_not_before_the_start():
    """draft-bryan-ftpext-hash-02 §3: the end point is not below the start point."""
    assert Range(0, 0).shown == "0-0"
    assert Range(0, 1).shown == "0-0"
    assert Range(5, 5).shown == "5-5"
