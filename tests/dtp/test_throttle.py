"""Rates: buckets, links that wait for their time, and whole transfers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from ftptls.dtp.throttle import Bucket, Rates, ThrottledLink
from ftptls.settings import Policy

steps = st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=50)


@given(st.integers(1, 10**9), steps)
def test_never_more_than_the_rate_and_one_burst(rate, sequence):
    clock = Clock()
    bucket = Bucket(clock, rate)
    moved, most = 0, max(rate / 4, 1024)
    for seconds, takes in sequence:
        clock.advance(seconds)
        allowed = bucket.allowance()
        assert 0 <= allowed <= most
        if takes:
            bucket.take(allowed)
            moved += allowed
        assert moved <= rate * clock.seconds() + most + 1


@given(st.integers(1, 10**9))
def test_it_is_ready_when_it_says(rate):
    clock = Clock()
    bucket = Bucket(clock, rate)
    bucket.take(bucket.allowance())
    assert bucket.allowance() == 0
    clock.advance(bucket.ready_in() * 1.000001 + 1e-6)
    assert bucket.ready_in() == 0
    assert bucket.allowance() > 0


def test_a_clock_that_is_set_back():
    clock = Clock()
    clock.advance(1000)
    bucket = Bucket(clock, 1000)
    clock.rightNow = 10.0
    bucket.take(bucket.allowance())
    clock.advance(1)
    assert bucket.allowance() > 0


class Endless:
    """A link that always has something, and room."""

    threadable = False

    def __init__(self) -> None:
        self.shuts = 0

    def receive_into(self, buffer):
        return len(buffer)

    def send(self, data):
        return len(data)

    def shut(self):
        self.shuts += 1


def test_a_link_waits_for_its_time():
    clock, link = Clock(), Endless()
    slow = Rates(clock).slow_down(link, Policy(download_rate=4096, upload_rate=8192))
    data = memoryview(bytes(10**6))
    ways = (
        (slow.send, slow.wait_writable, 1024),
        (slow.receive_into, slow.wait_readable, 2048),
    )
    for move, wait, burst in ways:
        assert move(data) == burst
        with pytest.raises(BlockingIOError):
            move(data)
        waiting = wait()
        assert not waiting.called
        clock.advance(0.126)
        assert waiting.called
        assert move(data) >= burst / 2
        clock.advance(1)
    assert clock.getDelayedCalls() == []


def test_who_shuts_it_wakes_who_waits():
    clock, link = Clock(), Endless()
    slow = Rates(clock).slow_down(link, Policy(download_rate=1))
    slow.send(memoryview(bytes(2000)))
    waiting = slow.wait_writable()
    slow.shut()
    assert waiting.called
    assert link.shuts == 1
    assert clock.getDelayedCalls() == []


def test_without_a_rate_the_link_stays_what_it_is():
    link = Endless()
    rates = Rates(Clock())
    assert rates.slow_down(link, Policy()) is link
    assert isinstance(rates.slow_down(link, Policy(upload_rate=1)), ThrottledLink)
    assert rates.slow_down(link, Policy()) is link
