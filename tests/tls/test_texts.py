"""Short texts through OpenSSL: the quick calls and the public ones do the same."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from OpenSSL import SSL

from ftptls.tls import texts
from ftptls.tls.stream import TLSError, TLSStream
from ftptls.tls.texts import PrivateTexts, PublicTexts, Texts

from .conftest import Peer
from .test_stream import shake

DATA = bytes(range(256)) * 1000


@pytest.fixture(params=[PrivateTexts, PublicTexts], ids=["private", "public"], autouse=True)
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Texts:
    chosen: Texts = request.param()
    monkeypatch.setattr(texts, "TEXTS", chosen)
    return chosen


@pytest.fixture
def stream(server, peer) -> TLSStream:
    made = TLSStream(server.new_session().connection())
    shake(made, peer)
    return made


def test_here_the_private_ones_are_there() -> None:
    assert isinstance(texts.best_texts(), PrivateTexts)


def test_without_them_there_are_the_public_ones(monkeypatch) -> None:
    monkeypatch.setattr(SSL, "_lib", SimpleNamespace())
    assert isinstance(texts.best_texts(), PublicTexts)


@pytest.mark.parametrize("size", [1, 6, 16384])
def test_a_record_is_opened(stream, peer, size):
    assert stream.open_record(peer.send(DATA[:size])) == DATA[:size]
    assert stream.open_record(peer.send(b"NOOP\r\n")) == b"NOOP\r\n"


def test_the_end_is_told_once_it_came(stream, peer):
    assert stream.open_record(peer.close()) == b""
    assert stream.ended
    assert stream.open_record(b"\x17\x03\x03\x00\x01x") == b""


def test_a_forged_record_is_refused_with_an_alert(stream, peer):
    with pytest.raises(TLSError, match=r"bad record mac|bad record type"):
        stream.open_record(b"\x17\x03\x03\x00\x20" + bytes(32))
    peer.take(stream.output())
    assert peer.failure


@pytest.mark.parametrize("size", [1, 100, 16384, 16385, 24576, 24577, 200_000])
def test_what_is_sealed_is_all_that_is_due(stream, peer, size):
    """However long it is, and whatever was written before."""
    stream.write(DATA[:1000])
    peer.take(stream.seal(DATA[:size]))
    assert peer.received == DATA[:1000] + DATA[:size]
    assert stream.output() == b""


def test_nothing_sealed_is_nothing_to_send(stream):
    stream.output()
    assert stream.seal(b"") == b""


def test_tickets_that_were_held_go_in_front(server, peer, version):
    stream = TLSStream(server.new_session().connection(), hold_tickets=True)
    shake(stream, peer)
    assert stream.output() == b""
    sealed = stream.seal(b"226 Done.\r\n")
    assert len(sealed) > (100 if version == SSL.TLS1_3_VERSION else 0)
    peer.take(sealed)
    assert peer.received == b"226 Done.\r\n"


def test_nothing_is_sealed_behind_the_close(stream):
    stream.close()
    with pytest.raises(TLSError):
        stream.seal(b"220 Still there?\r\n")


def test_a_broken_stream_seals_nothing(stream):
    with pytest.raises(TLSError):
        stream.open_record(b"\x17\x03\x03\x00\x20" + bytes(32))
    stream.output()
    with pytest.raises(TLSError):
        stream.seal(b"220 Still there?\r\n")


def test_each_thread_has_memory_of_its_own(server, client_context):
    """Of many connections at once, none sees what is another's."""
    heard: list[bool] = []

    def talk(number: int) -> None:
        peer = Peer(client_context)
        stream = TLSStream(server.new_session().connection())
        shake(stream, peer)
        text = bytes([number]) * 9000
        for _ in range(200):
            same = stream.open_record(peer.send(text)) == text
            peer.take(stream.seal(text))
            heard.append(same and peer.received == text)
            peer.received.clear()

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(heard) == 800
    assert all(heard)
