"""Certificates from files, and the one sentence that says what is wrong with them."""

from __future__ import annotations

import weakref

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from ftptls.testing.certificates import Authority, KeyKind
from ftptls.tls.contexts import CertificateError, ServerContext
from ftptls.tls.stream import TLSStream

from .conftest import Peer


@pytest.fixture
def files(authority, tmp_path):
    return authority.write(tmp_path)


def message(*names: object) -> str:
    with pytest.raises(CertificateError) as caught:
        ServerContext.from_files(*map(str, names))
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", KeyKind)
def test_certificate_and_key_in_two_files(authority, tmp_path, kind):
    written = authority.write(tmp_path, kind)
    context = ServerContext.from_files(written.certificate, str(written.key))
    peer = Peer(authority.client_context())
    stream = TLSStream(context.new_session().connection())
    peer.take(b"")
    stream.feed(peer.output())
    stream.handshake()
    peer.take(stream.output())
    assert peer.established
    chain = peer.connection.get_peer_cert_chain(as_cryptography=True)
    assert [c.serial_number for c in chain] == [
        authority.server(kind).certificate.serial_number,
        authority.root.certificate.serial_number,
    ]


def test_certificate_and_key_in_one_file(authority, files, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    ServerContext.from_files(both)


def test_a_missing_certificate(tmp_path):
    missing = tmp_path / "missing.pem"
    assert message(missing) == f"Cannot read {missing}: No such file or directory."


def test_a_missing_key(files, tmp_path):
    missing = tmp_path / "missing.key"
    assert (
        message(files.certificate, missing) == f"Cannot read {missing}: No such file or directory."
    )


def test_a_folder(tmp_path):
    assert str(tmp_path) in message(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0\xff", b"-----BEGIN CERTIFICATE-----\nx"])
def test_no_certificate_in_the_file(files, tmp_path, content):
    bad = tmp_path / "bad.pem"
    bad.write_bytes(content)
    assert f"no PEM certificate in {bad}" in message(bad, files.key)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0\xff", b"-----BEGIN PRIVATE KEY-----\nx"])
def test_no_key_in_the_file(files, tmp_path, content):
    bad = tmp_path / "bad.key"
    bad.write_bytes(content)
    assert f"no PEM private key in {bad}" in message(files.certificate, bad)


def test_no_key_beside_the_certificate(files):
    assert f"no PEM private key in {files.certificate}" in message(files.certificate)


def test_a_pair_that_does_not_match_names_both_files(files, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority().write(tmp_path / "other")
    text = message(files.certificate, other.key)
    assert str(files.certificate) in text
    assert str(other.key) in text


@pytest.mark.parametrize("kind", [ed25519.Ed25519PrivateKey, x25519.X25519PrivateKey])
def test_a_key_of_another_kind_does_not_match_either(files, tmp_path, kind):
    odd = tmp_path / "odd.key"
    odd.write_bytes(
        kind.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    assert str(odd) in message(files.certificate, odd)


def test_an_encrypted_key(authority, tmp_path):
    written = authority.write(tmp_path, password=b"secret")
    text = message(written.certificate, written.key)
    assert f"{written.key} is encrypted" in text
    assert "secret" not in text


def test_a_pair_in_memory_that_does_not_match(authority):
    with pytest.raises(CertificateError, match="does not belong"):
        ServerContext(Authority().server().key, [authority.server().certificate])


def test_only_modern_versions_and_ciphers_with_forward_secrecy(server, authority):
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0")
    peer = Peer(context)
    peer.take(b"")
    stream = TLSStream(server.new_session().connection())
    stream.feed(peer.output())
    with pytest.raises(Exception, match="no shared cipher"):
        stream.handshake()
    peer.take(stream.output())
    assert peer.failure


def test_a_sessions_context_is_no_garbage_that_waits_to_be_collected(server):
    """One for each control connection: a cycle would keep its 15 KB until a collection."""
    session = server.new_session()
    connection = session.connection()
    gone = [weakref.ref(session), weakref.ref(connection)]
    del session, connection
    assert [each() for each in gone] == [None, None]
