"""What happened lately, and under what it is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.guard.recent import Recent, name_key, network_of


def test_counts_within_the_window():
    recent = Recent(window=10, keys=5, each=5)
    assert [recent.add("a", now) for now in (0, 4, 8)] == [1, 2, 3]
    assert [recent.count("a", now) for now in (9, 10, 13.9, 14, 18)] == [3, 2, 2, 1, 0]
    assert recent.count("b", 9) == 0


def test_what_is_only_noted_counts_as_well():
    recent = Recent(window=10, keys=2, each=3)
    for key in "abac":
        recent.note(key, 0)
    assert [recent.count(key, 0) for key in "abc"] == [2, 0, 1]
    assert recent.add("a", 5) == 3
    assert recent.happened("c", 9)
    recent.note("late", 10)
    assert len(recent) == 2


def test_of_one_key_it_counts_so_far():
    recent = Recent(window=10, keys=5, each=3)
    assert [recent.add("a", 0) for _ in range(5)] == [1, 2, 3, 3, 3]


def test_of_many_keys_those_go_that_were_quiet_for_longest():
    recent = Recent(window=10, keys=2, each=3)
    for key in "abac":
        recent.add(key, 0)
    assert [recent.count(key, 0) for key in "abc"] == [2, 0, 1]


def test_what_is_over_takes_no_memory():
    recent = Recent(window=10, keys=100, each=3)
    for number in range(50):
        recent.add(str(number), 0)
    recent.add("late", 10)
    assert len(recent) == 1


def test_forgetting_all_or_the_latest():
    recent = Recent(window=10, keys=2, each=5)
    for now in range(4):
        recent.add("a", now)
    recent.forget("a", 3)
    assert recent.count("a", 9.5) == 1
    recent.forget("a", 3)
    recent.forget("nobody")
    assert len(recent) == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 20))))
def test_it_counts_as_a_list_would(events):
    recent = Recent(window=5, keys=100, each=1000)
    now, seen = 0.0, []
    for key, later in events:
        now += later
        seen.append((key, now))
        expected = sum(each == key and time > now - 5 for each, time in seen)
        assert recent.add(key, now) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/ftp.socket", ""),
    ],
)
def test_what_an_address_is_counted_under(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize("name", ["alice", "jürgen", "a b", "x" * 64])
def test_a_plain_name_is_its_own_key(name):
    assert name_key(name) == name_key(name.upper()) == name.casefold()


@given(st.text() | st.binary().map(lambda octets: octets.decode("utf-8", "surrogateescape")))
def test_every_key_is_short_and_good_to_show(name):
    key = name_key(name)
    assert 0 < len(key) <= 64
    assert key.isprintable()
    assert key.encode()


def test_names_that_are_hard_to_show_stay_apart():
    assert len({name_key(name) for name in ("", " ", "a\n", "a\r", "\udc80", "x" * 65)}) == 6
