"""Clear text, TLS, and clear text again on one connection."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from ftptls.testing.certificates import Authority
from ftptls.tls.stream import TLSStream
from ftptls.tls.switch import UP, Ended, Failed, Lowered, Raised, TLSSwitch

from .conftest import Peer

AUTHORITY = Authority()
SERVER = AUTHORITY.server_context()


class Line:
    """A switch and its client, with whatever is between them cut into pieces."""

    def __init__(self, sizes: list[int] | None = None, version: int = SSL.TLS1_3_VERSION) -> None:
        self.sent = bytearray()
        self.switch = TLSSwitch(self.sent.extend)
        self.events: list[object] = []
        self.peer: Peer | None = None
        self.version = version
        self._sizes = itertools.cycle(sizes or [1 << 20])
        self._in_one = itertools.cycle([True, True, False])
        self.session = SERVER.new_session()

    def feed(self, data: bytes) -> None:
        """What the client says arrives, in pieces; events are taken up as they come."""
        while data:
            size = next(self._sizes)
            if next(self._in_one):
                event = self.switch.take(data[:size])
                self.events += [event] if event is not None else []
            else:
                self.switch.feed(data[:size])
            data = data[size:]
            self.take_events()

    def take_events(self) -> None:
        while (event := self.switch.next_event()) is not None:
            self.events.append(event)

    def answer(self) -> bytes:
        """What the switch sent since the last time."""
        data = bytes(self.sent)
        self.sent.clear()
        return data

    def raise_tls(self) -> None:
        """Shake hands."""
        self.switch.raise_tls(TLSStream(self.session.connection()))
        self.peer = Peer(AUTHORITY.client_context(self.version))
        self.peer.take(b"")
        for _ in range(4):
            self.feed(self.peer.output())
            self.peer.take(self.answer())
        assert self.peer.established
        assert self.switch.phase is UP

    @property
    def received(self) -> bytes:
        return b"".join(each for each in self.events if isinstance(each, bytes))

    @property
    def changes(self) -> list[object]:
        return [each for each in self.events if not isinstance(each, bytes)]


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)
texts = st.lists(st.binary(min_size=1, max_size=60), max_size=5)
versions = st.sampled_from([SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
QUICK = settings(deadline=None, max_examples=100)


@QUICK
@given(sizes, versions, texts, texts, texts, st.sampled_from(["polite", "coalescing", "rude"]))
def test_clear_protected_and_clear_again_in_any_pieces(
    sizes, version, before, during, after, manner
):
    """Whatever the pieces, and however the client ends TLS, every octet arrives once."""
    line = Line(sizes, version)
    for text in before:
        line.feed(text)
    assert line.received == b"".join(before)
    line.raise_tls()
    peer = line.peer
    for text in during:
        line.feed(peer.send(text))
    assert line.received == b"".join(before + during)
    line.switch.lower_tls()
    if manner != "polite":
        # No octet of the text may look like TLS to a client that says no close_notify.
        after = [bytes(octet & 0x0F for octet in text) for text in after]
    clear = b"".join(after)
    if manner == "rude":
        line.feed(clear)
    elif manner == "coalescing":
        line.feed(peer.close() + clear)
    else:
        line.switch.say_close()
        peer.take(line.answer())
        assert peer.notified
        line.feed(peer.close())
        line.feed(clear)
    lowered = [Lowered()] if manner != "rude" or clear else []
    assert line.changes == [Raised(), *lowered]
    assert line.received == b"".join(before + during) + clear


@QUICK
@given(sizes, texts)
def test_what_is_written_goes_out_as_the_phase_wants(sizes, texts):
    line = Line(sizes)
    for text in texts:
        line.switch.write(text)
    assert line.answer() == b"".join(texts)
    line.raise_tls()
    for text in texts:
        line.switch.write(text)
    data = line.answer()
    line.peer.take(data)
    assert line.peer.received == b"".join(texts)
    assert not texts or data[0] == 23


@QUICK
@given(sizes, st.binary(min_size=1, max_size=200))
def test_garbage_where_a_handshake_is_due(sizes, garbage):
    line = Line(sizes)
    line.switch.raise_tls(TLSStream(line.session.connection()))
    line.feed(garbage)
    assert line.received == b""
    assert len(line.changes) <= 1
    assert all(isinstance(each, Failed) for each in line.changes)


@QUICK
@given(sizes, st.binary(min_size=1, max_size=200))
def test_garbage_among_records(sizes, garbage):
    line = Line(sizes)
    line.raise_tls()
    line.feed(garbage)
    line.feed(line.peer.send(b"NOOP\r\n"))
    assert line.received in (b"", b"NOOP\r\n")
    assert all(isinstance(each, Raised | Failed | Ended) for each in line.changes)
    assert b"NOOP" not in line.received or not garbage or Failed in map(type, line.changes)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_up_and_down_and_up_again(version):
    line = Line(version=version)
    for _ in range(3):
        line.raise_tls()
        line.feed(line.peer.send(b"protected "))
        line.switch.lower_tls()
        line.feed(line.peer.close())
        line.peer.take(line.answer())
        assert line.peer.notified
        line.feed(b"clear ")
    assert line.received == b"protected clear " * 3


def test_nothing_is_said_in_clear_while_tls_goes_up_or_down():
    line = Line()
    line.switch.raise_tls(TLSStream(line.session.connection()))
    line.switch.write(b"250 too early\r\n")
    assert line.answer() == b""
    line.raise_tls()
    line.switch.lower_tls()
    line.switch.write(b"250 too early\r\n")
    assert b"250" not in line.answer()


def test_protected_text_that_comes_too_late_is_dropped():
    line = Line()
    line.raise_tls()
    line.switch.lower_tls()
    line.feed(line.peer.send(b"DELE f\r\n") + line.peer.close() + b"\r\nNOOP\r\n")
    assert line.received == b"\r\nNOOP\r\n"


def test_close_notify_unasked_ends_it():
    line = Line()
    line.raise_tls()
    line.feed(line.peer.send(b"QUIT\r\n") + line.peer.close() + b"USER evil\r\n")
    assert line.received == b"QUIT\r\n"
    assert line.changes == [Raised(), Ended()]
    line.peer.take(line.answer())
    assert line.peer.notified
    line.feed(b"USER evil\r\n")
    assert line.received == b"QUIT\r\n"


def test_close_says_goodbye_and_hears_no_more():
    line = Line()
    line.raise_tls()
    line.switch.close()
    line.peer.take(line.answer())
    assert line.peer.notified
    line.switch.write(b"too late")
    line.feed(line.peer.send(b"too late"))
    assert line.answer() == b""
    assert line.received == b""


@pytest.mark.parametrize(
    "header",
    [
        b"\x16\x03\x01\xff\xff",
        b"\x17\x03\x03\x48\x01",
        b"\x16\x02\x00\x00\x10",
        b"\x80\x2e\x01\x03\x01",
        b"\x13\x03\x03\x00\x01",
        b"\x18\x03\x03\x00\x01",
    ],
)
def test_headers_that_are_none_fail_before_their_record_is_waited_for(header):
    line = Line()
    line.switch.raise_tls(TLSStream(line.session.connection()))
    line.feed(header)
    assert isinstance(line.changes[0], Failed)


def test_an_empty_record_in_the_handshake_is_no_crash():
    for kind in range(20, 24):
        line = Line()
        line.switch.raise_tls(TLSStream(line.session.connection()))
        line.feed(bytes([kind]) + b"\x03\x03\x00\x00" * 1)
        assert all(isinstance(each, Failed) for each in line.changes)


def test_what_is_not_taken_up_is_kept():
    switch = TLSSwitch(lambda _: None)
    switch.feed(b"NOOP\r\n")
    assert len(switch.received) == 6
    assert switch.next_event() == b"NOOP\r\n"
    assert len(switch.received) == 0
    switch.raise_tls(TLSStream(SERVER.new_session().connection()))
    switch.feed(b"\x16\x03\x01\x02")
    assert switch.next_event() is None
    assert len(switch.received) == 4


def test_a_record_that_comes_alone_is_not_kept_first():
    line = Line()
    line.raise_tls()
    assert line.switch.take(line.peer.send(b"NOOP\r\n")) == b"NOOP\r\n"
    one, other = line.peer.send(b"PWD\r\n"), line.peer.send(b"SYST\r\n")
    assert line.switch.take(one[:-1]) is None
    assert line.switch.take(one[-1:] + other) == b"PWD\r\n"
    assert len(line.switch.received) == len(other)
    assert line.switch.take(b"") == b"SYST\r\n"
    assert line.switch.take(b"") is None


@pytest.mark.parametrize("length", [16384 + 2048 + 1, 65535])
def test_a_record_that_comes_alone_is_no_longer_than_others(length):
    line = Line()
    line.raise_tls()
    event = line.switch.take(b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(length))
    assert isinstance(event, Failed)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("cut", [0, 1, 5, 6, 7, 11, 30])
def test_the_end_of_a_handshake_and_what_is_said_behind_it_may_come_together(version, cut):
    """In one piece, or cut anywhere in ChangeCipherSpec and what it goes before."""
    line = Line(version=version)
    line.switch.raise_tls(TLSStream(line.session.connection()))
    peer = Peer(AUTHORITY.client_context(version))
    peer.take(b"")
    assert line.switch.take(peer.output()) is None
    peer.take(line.answer())
    flight = peer.output()
    if version == SSL.TLS1_3_VERSION:
        flight += peer.send(b"USER alice\r\n")
    if cut:
        assert line.switch.take(flight[:cut]) is None
    assert line.switch.take(flight[cut:]) == Raised()
    line.take_events()
    assert line.received == (b"USER alice\r\n" if version == SSL.TLS1_3_VERSION else b"")
    assert not line.switch.received


@pytest.mark.parametrize(
    "behind", [b"\x47ET / HTTP/1.1", b"\x17\x02\x03\x00\x01x", b"\x17\x03\x03\x80\0"]
)
def test_what_is_no_record_behind_change_cipher_spec_fails(behind):
    line = Line()
    line.switch.raise_tls(TLSStream(line.session.connection()))
    peer = Peer(AUTHORITY.client_context(line.version))
    peer.take(b"")
    line.feed(peer.output())
    line.feed(b"\x14\x03\x03\x00\x01\x01" + behind)
    assert [type(each) for each in line.changes] == [Failed]
