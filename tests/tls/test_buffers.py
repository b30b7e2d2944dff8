"""OpenSSL on memory of ours: the quick calls and the public ones do the same."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from OpenSSL import SSL

from ftptls.tls import buffers
from ftptls.tls.buffers import Calls, PrivateCalls, PublicCalls
from ftptls.tls.stream import TLSError, TLSStream, room_for

from .conftest import NOTHING
from .test_stream import shake

RECORD = 16384
DATA = bytes(range(256)) * 1000
SCALE = float(os.environ.get("FTPTLS_SCALE", "1"))
FEWER = DATA[: round(40_000 * SCALE)]  # to be taken octet by octet; all in the long run


@pytest.fixture(params=[PrivateCalls, PublicCalls], ids=["private", "public"], autouse=True)
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Calls:
    chosen: Calls = request.param()
    monkeypatch.setattr(buffers, "CALLS", chosen)
    return chosen


@pytest.fixture
def stream(server, peer) -> TLSStream:
    made = TLSStream(server.new_session().connection(), hold_tickets=True)
    shake(made, peer)
    return made


def test_here_the_private_ones_are_there() -> None:
    assert isinstance(buffers.best_calls(), PrivateCalls)


def test_without_them_there_are_the_public_ones(monkeypatch) -> None:
    monkeypatch.setattr(SSL, "_lib", SimpleNamespace())
    assert isinstance(buffers.best_calls(), PublicCalls)


@pytest.mark.parametrize("size", [1, 1000, RECORD, RECORD + 1, 5 * RECORD, 1_000_000])
def test_what_is_read_stays_within_the_buffer(stream, peer, size):
    content = FEWER if size == 1 else DATA
    stream.feed(peer.send(content) + peer.close())
    memory = bytearray(b"#" * (size + 10))
    received = bytearray()
    while not stream.ended:
        count = stream.decrypt(NOTHING, memoryview(memory)[5:-5])
        received += memory[5 : 5 + count]
        assert memory[:5] == memory[-5:] == b"#####"
    assert received == content


def test_where_there_is_nothing_the_buffer_stays_as_it_is(stream, peer):
    buffer = bytearray(b"#" * 100)
    assert stream.decrypt(NOTHING, memoryview(buffer)) == 0
    stream.feed(peer.send(b"later")[:-1])
    assert stream.decrypt(NOTHING, memoryview(buffer)) == 0
    assert buffer == b"#" * 100
    assert not stream.ended


def test_data_in_front_of_the_end_is_read_first(stream, peer):
    stream.feed(peer.send(b"last words") + peer.close())
    buffer = memoryview(bytearray(100))
    assert buffer[: stream.decrypt(NOTHING, buffer)] == b"last words"
    assert stream.ended
    assert stream.decrypt(NOTHING, buffer) == 0


def test_a_forged_record_behind_good_ones_is_none_of_the_stream(stream, peer):
    stream.feed(peer.send(b"good") + b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(TLSError, match=r"bad record mac|bad record type"):
        stream.decrypt(NOTHING, memoryview(bytearray(1000)))
    peer.take(stream.output())
    assert peer.failure


@pytest.mark.parametrize("size", [0, 1, RECORD, RECORD + 1, 262_144])
def test_there_is_room_for_what_was_written(stream, peer, size):
    """And for the tickets in front of it."""
    buffer = memoryview(bytearray(room_for(size)))
    stream.write(bytes(size))
    count = stream.output_into(buffer)
    assert stream.output() == b""
    assert count < len(buffer)
    peer.take(bytes(buffer[:count]))
    assert peer.received == bytes(size)


def test_what_has_no_room_comes_next(stream, peer):
    stream.write(DATA)
    buffer = memoryview(bytearray(room_for(1000)))
    counts = [len(buffer)]
    while counts[-1] == len(buffer):
        counts.append(stream.output_into(buffer))
        peer.take(bytes(buffer[: counts[-1]]))
    assert len(counts) > 10
    assert stream.output_into(buffer) == 0
    assert peer.received == DATA


def test_held_tickets_stay_held(stream, version):
    if version == SSL.TLS1_3_VERSION:
        assert stream.output_into(memoryview(bytearray(10_000))) == 0
        stream.close()
    assert stream.output() or version == SSL.TLS1_2_VERSION


@pytest.mark.parametrize("size", [1, 1000, RECORD, 100_000, 1_000_000])
@pytest.mark.parametrize("piece", [1, 100, RECORD, 200_000])
def test_records_are_read_where_they_are(stream, peer, size, piece):
    """However they are cut, and however little of them is taken."""
    content = DATA[:3000] if piece == 1 else FEWER if size == 1 else DATA
    records = memoryview(peer.send(content) + peer.close())
    memory, buffer = bytearray(piece), memoryview(bytearray(size))
    received = bytearray()
    for start in range(0, len(records), piece):
        given = records[start : start + piece]
        memory[: len(given)] = given
        received += buffer[: stream.decrypt(memoryview(memory)[: len(given)], buffer)]
        memory[:] = bytes(piece)  # nothing of OpenSSL looks here any more
    while count := stream.decrypt(NOTHING, buffer):
        received += buffer[:count]
    assert received == content
    assert stream.ended
    assert stream.between_records


def test_what_came_before_is_read_before(stream, peer):
    stream.feed(peer.send(b"with the handshake, "))
    buffer = memoryview(bytearray(100))
    assert buffer[: stream.decrypt(memoryview(peer.send(b"and behind it")), buffer)] == (
        b"with the handshake, and behind it"
    )


def test_a_forged_record_leaves_nothing_behind(stream, peer):
    memory = bytearray(b"\x17\x03\x03\x00\x20" + bytes(32) + bytes(1000))
    with pytest.raises(TLSError):
        stream.decrypt(memoryview(memory), memoryview(bytearray(1000)))
    memory[:] = b"#" * len(memory)
    peer.take(stream.output())
    assert peer.failure
    stream.feed(b"more")
