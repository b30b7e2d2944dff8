"""One protected stream: its handshake, its ends, and what goes out when."""

from __future__ import annotations

import contextlib

import pytest
from OpenSSL import SSL

from ftptls.testing.certificates import KeyKind
from ftptls.tls import contexts
from ftptls.tls.contexts import SessionContext
from ftptls.tls.stream import TLSError, TLSStream

from .conftest import NOTHING, Peer

DATA = bytes(range(256)) * 1000


@pytest.fixture
def session(server) -> SessionContext:
    return server.new_session()


@pytest.fixture
def stream(session) -> TLSStream:
    return TLSStream(session.connection())


@pytest.fixture
def holding(session) -> TLSStream:
    return TLSStream(session.connection(), hold_tickets=True)


@pytest.fixture
def peer(client_context) -> Peer:
    return Peer(client_context)


def shake(stream: TLSStream, peer: Peer) -> bytes:
    """Shake hands; returns what the server says of itself behind the handshake."""
    for _ in range(4):
        peer.take(stream.output())
        stream.feed(peer.output())
        if stream.handshake():
            break
    last = stream.output()
    peer.take(last)
    assert peer.established
    return last


def resumes(session: SessionContext, context: SSL.Context, peer: Peer) -> bool:
    """Whether what the peer knows of its session is enough to resume it."""
    second = Peer(context, peer.session)
    stream = TLSStream(session.connection())
    shake(stream, second)
    assert stream.resumed is second.resumed
    second.close()  # without it, OpenSSL's client does not resume a TLS 1.2 session again
    return stream.resumed


def test_both_ways(stream, peer, version):
    shake(stream, peer)
    assert stream.version == ("TLSv1.3" if version == SSL.TLS1_3_VERSION else "TLSv1.2")
    assert "AES" in stream.cipher
    assert not stream.resumed
    assert stream.peer_certificate == b""
    stream.feed(peer.send(DATA))
    assert stream.read() == DATA
    stream.write(DATA)
    peer.take(stream.output())
    assert peer.received == DATA


def test_octet_by_octet(stream, peer):
    while not (stream.established and peer.established):
        for octet in stream.output():
            peer.take(bytes([octet]))
        peer.take(b"")
        for octet in peer.output():
            stream.feed(bytes([octet]))
            stream.handshake()
    received = b""
    for octet in peer.send(b"hello" * 100) + peer.close():
        stream.feed(bytes([octet]))
        received += stream.read()
    assert received == b"hello" * 100
    assert stream.ended


@pytest.mark.parametrize("size", [100, 16384, 16385, 100_000, 1_000_000])
def test_what_was_fed_before_can_be_read_into_memory(stream, peer, size):
    shake(stream, peer)
    stream.feed(peer.send(DATA) + peer.close())
    buffer = memoryview(bytearray(size))
    received = bytearray()
    while not stream.ended:
        count = stream.decrypt(NOTHING, buffer)
        received += buffer[:count]
    assert received == DATA


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 262_144, 1_048_576])
def test_output_is_all_that_was_written(holding, peer, size):
    shake(holding, peer)
    holding.write(bytes(size))
    data = holding.output()
    assert holding.output() == b""
    peer.take(data)
    assert len(peer.received) == size


# --- tickets -------------------------------------------------------------------------------


def test_tickets_follow_the_handshake_where_they_are_not_held(
    session, client_context, stream, peer
):
    assert shake(stream, peer)
    assert resumes(session, client_context, peer)


def test_tickets_are_held_under_1_3_and_never_under_1_2(
    session, client_context, holding, peer, version
):
    """Under TLS 1.2 the same output is the server's Finished: held back, nobody would go on."""
    last = shake(holding, peer)
    if version == SSL.TLS1_3_VERSION:
        assert last == b""
        assert not resumes(session, client_context, peer)
    else:
        assert last
    holding.feed(peer.send(b"upload") + peer.close())
    assert holding.read() == b"upload"
    assert holding.ended
    assert holding.output() == b""
    holding.close()
    peer.take(holding.output())
    assert peer.notified
    assert resumes(session, client_context, peer)


def test_held_tickets_go_out_in_front_of_data(session, client_context, holding, peer):
    shake(holding, peer)
    holding.write(b"download")
    peer.take(holding.output())
    assert peer.received == b"download"
    assert resumes(session, client_context, peer)


# --- ends ----------------------------------------------------------------------------------


def test_close_notify_is_the_end(stream, peer):
    shake(stream, peer)
    stream.feed(peer.send(b"last words"))
    assert stream.read() == b"last words"
    assert not stream.ended
    stream.feed(peer.close())
    assert stream.read() == b""
    assert stream.ended


def test_a_truncated_stream_never_ends(stream, peer):
    shake(stream, peer)
    stream.feed((peer.send(b"last words") + peer.close())[:-1])
    assert stream.read() == b"last words"
    assert not stream.ended


def test_close_is_said_once(stream, peer):
    shake(stream, peer)
    stream.close()
    first = stream.output()
    stream.close()
    assert stream.output() == b""
    peer.take(first)
    assert peer.notified


def test_close_before_the_handshake_says_nothing(stream):
    stream.close()
    assert stream.output() == b""


def test_data_can_still_be_read_behind_our_close(stream, peer):
    shake(stream, peer)
    stream.close()
    stream.output()
    stream.feed(peer.send(b"on its way"))
    assert stream.read() == b"on its way"


# --- alerts --------------------------------------------------------------------------------


def test_a_forged_record_fails_and_the_alert_goes_out(holding, peer):
    shake(holding, peer)
    holding.feed(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(TLSError):
        holding.read()
    peer.take(holding.output())
    assert peer.failure
    holding.close()  # not a word more
    assert holding.output() == b""


def test_an_alert_of_the_handshake_goes_out(holding):
    holding.feed(b"\x16\x03\x01\x00\x04junk")
    with pytest.raises(TLSError):
        holding.handshake()
    assert holding.output()[:1] == b"\x15"


def test_no_tls_at_all(stream):
    stream.feed(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(TLSError, match="http request"):
        stream.handshake()


def test_an_alert_of_the_other_side_is_told_in_words(stream, authority, version):
    distrustful = SSL.Context(SSL.TLS_CLIENT_METHOD)
    distrustful.set_min_proto_version(version)
    distrustful.set_max_proto_version(version)
    distrustful.set_verify(SSL.VERIFY_PEER)
    peer = Peer(distrustful)
    peer.take(b"")
    stream.feed(peer.output())
    stream.handshake()
    peer.take(stream.output())
    assert peer.failure
    stream.feed(peer.output())
    step = stream.read if stream.established else stream.handshake
    with pytest.raises(TLSError, match="unknown ca"):
        step()


def test_renegotiation_is_refused(server, authority):
    context = authority.client_context(SSL.TLS1_2_VERSION)
    stream, peer = TLSStream(server.new_session().connection()), Peer(context)
    shake(stream, peer)
    peer.connection.renegotiate()
    peer.established = False
    peer.take(b"")
    stream.feed(peer.output())
    with contextlib.suppress(TLSError):
        assert stream.read() == b""
    peer.take(stream.output())
    assert not peer.established
    assert peer.connection.total_renegotiations() <= 1


@pytest.mark.parametrize("kind", KeyKind)
def test_each_kind_of_key(authority, client_context, kind):
    server = authority.server_context(kind)
    shake(TLSStream(server.new_session().connection()), Peer(client_context))


# --- which session ---------------------------------------------------------------------------


def test_a_session_resumes_again_and_again(session, client_context, stream, peer):
    shake(stream, peer)
    for _ in range(5):
        assert resumes(session, client_context, peer)


def test_a_ticket_of_another_session_never_resumes(server, client_context, stream, peer):
    shake(stream, peer)
    for _ in range(20):
        assert not resumes(server.new_session(), client_context, peer)


def test_a_session_without_tickets_is_never_anothers_either(server, client_context, session):
    client_context.set_options(SSL.OP_NO_TICKET)
    peer = Peer(client_context)
    kept = TLSStream(session.connection())
    shake(kept, peer)
    peer.close()
    assert not resumes(server.new_session(), client_context, peer)
    assert resumes(session, client_context, peer)
    assert kept.established  # OpenSSL forgets a session when it is freed without close_notify


def test_one_session_with_very_many_connections_has_a_context_for_itself(server):
    """What clients without tickets leave in it is gone with the session."""
    greedy = server.new_session()
    for _ in range(contexts._CONNECTIONS):
        greedy.connection()
    assert server.new_session()._bare is not greedy._bare


def test_sessions_resume_their_own_whenever_the_keys_of_tickets_change(
    server, client_context, monkeypatch
):
    monkeypatch.setattr(contexts, "_CONNECTIONS", 3)
    sessions, peers = [], [Peer(client_context) for _ in range(8)]
    for peer in peers:
        sessions.append(server.new_session())
        shake(TLSStream(sessions[-1].connection()), peer)
    assert len({id(each._bare) for each in sessions}) in (3, 4)
    for each, mine in zip(sessions, peers, strict=True):
        for other, peer in zip(sessions, peers, strict=True):
            assert resumes(other, client_context, mine) is (other is each), peer


def test_a_ticket_of_another_listener_never_resumes(authority, client_context, stream, peer):
    shake(stream, peer)
    assert not resumes(authority.server_context().new_session(), client_context, peer)


def test_a_session_from_a_resumed_stream_resumes(session, client_context, stream, peer):
    shake(stream, peer)
    second = Peer(client_context, peer.session)
    shake(TLSStream(session.connection()), second)
    assert second.resumed
    assert resumes(session, client_context, second)


def test_stateful_sessions_are_bound_as_well(server, authority):
    """A client that takes no tickets keeps a session id, under TLS 1.2."""
    context = authority.client_context(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET)
    session = server.new_session()
    stream, peer = TLSStream(session.connection()), Peer(context)
    shake(stream, peer)
    assert resumes(session, context, peer)
    assert not resumes(server.new_session(), context, peer)
