"""What the log is told of a handshake."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from ftptls.tls.report import _subject, report
from ftptls.tls.stream import TLSStream
from tests.tls.conftest import Peer


@pytest.fixture
def listener(authority):
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    authority.server().use_in(context)
    context.set_verify(SSL.VERIFY_PEER)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(authority.root.certificate))
    context.set_alpn_select_callback(lambda _connection, _offered: b"ftp")
    return context


def shake(context: SSL.Context, client: SSL.Context, name: bytes = b"") -> TLSStream:
    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    peer = Peer(client)
    if name:
        peer.connection.set_tlsext_host_name(name)
    return shake_hands(connection, peer)


def shake_hands(connection: SSL.Connection, peer: Peer) -> TLSStream:
    stream = TLSStream(connection)
    peer.take(b"")
    while not stream.established:
        stream.feed(peer.output())
        stream.handshake()
        peer.take(stream.output())
    return stream


def test_everything(authority, listener, version):
    client = authority.client_context(version)
    pair = authority.client("bob, the builder")
    pair.use_in(client)
    client.set_alpn_protos([b"ftp"])
    found = report(shake(listener, client, b"ftp.example"))
    assert found.subject == r"CN=bob\, the builder"
    assert found.fingerprint == pair.certificate.fingerprint(hashes.SHA256()).hex()
    assert found.server_name == "ftp.example"
    assert found.protocol == "ftp"
    assert found.shown_by == "client"
    assert found.version == {SSL.TLS1_2_VERSION: "TLSv1.2"}.get(version, "TLSv1.3")
    assert not found.resumed


def test_nothing(authority, listener, version):
    found = report(shake(listener, authority.client_context(version)))
    assert (found.subject, found.fingerprint, found.server_name, found.protocol) == ("",) * 4


def test_a_subject_without_any_name(authority):
    empty = x509.Name([])
    certificate = authority.root.certificate
    made = (
        x509.CertificateBuilder()
        .subject_name(empty)
        .issuer_name(empty)
        .public_key(authority.root.key.public_key())
        .serial_number(1)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
        .sign(authority.root.key, hashes.SHA256())
    )
    assert _subject(made.public_bytes(Encoding.DER)) == "(empty)"


def test_a_certificate_that_cannot_be_read():
    assert _subject(b"\x30\x00") == "(unreadable)"


@pytest.mark.parametrize("name", [b"", b"ftp.example", b"FTP.Example"])
@pytest.mark.parametrize("offered", [[], [b"ftp"], [b"http/1.1", b"ftp-data"]])
def test_what_was_noted_is_what_openssl_says(server, client_context, name, offered):
    """Of a handshake in full, and of one that resumes its session."""
    if offered:
        client_context.set_alpn_protos(offered)
    shared = server.new_session()
    first, again = Peer(client_context), Peer(client_context)
    streams = []
    for connection, peer in ((shared.control_connection(), first), (shared.connection(), again)):
        if name:
            peer.connection.set_tlsext_host_name(name)
        if peer is again:
            peer.connection.set_session(first.session)
        streams.append(shake_hands(connection, peer))
    assert [each.resumed for each in streams] == [False, True]
    for stream in streams:
        assert stream.protocol == stream.connection.get_alpn_proto_negotiated().decode()
        assert stream.protocol == (offered[-1].decode() if offered else "")
        assert stream.server_name.encode() == (stream.connection.get_servername() or b"") == name
