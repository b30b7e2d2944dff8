"""Each failure has its cause and its remedy: those of the howtos, and those of real clients."""

from __future__ import annotations

import re

import pytest
from OpenSSL import SSL, crypto

from ftptls import config, policy
from ftptls.settings import TLS, Policy, SessionReuse
from ftptls.testing.certificates import Authority, KeyKind
from ftptls.tls import reasons
from ftptls.tls.contexts import CertificateError, ServerContext
from ftptls.tls.profiles import Protocols, fips_is_on
from ftptls.tls.reasons import Known, explain, not_tls
from ftptls.tls.stream import TLSError, TLSStream
from ftptls.wire.arguments import ProtectionLevel
from tests.conftest import CHECKOUT
from tests.tls.conftest import Peer

# What the two mod_tls howtos (2.4.3 and before) show as the text of an error, each with words
# of the cause and of the remedy.
HOWTOS = [
    ("peer did not return a certificate", "shows no certificate", "client_certificates.mode"),
    ("no shared cipher", "no cipher suite", "tls.profile"),
    ("received EOF that violates protocol", "went away in the middle", "client_certificates.mode"),
    ("sslv3 alert handshake failure", "nothing in common", "tls.ciphers"),
    ("no certificate assigned", "no certificate that goes with its key", "tls.key"),
    ("unable to get local issuer certificate", "not accepted", "authorities"),
]


@pytest.mark.parametrize(("reason", "cause", "remedy"), HOWTOS)
def test_errors_of_the_howtos(reason, cause, remedy):
    sentence = explain(reason, Known(b"\x16\x03\x01"))
    assert cause in sentence
    assert remedy in sentence.replace(cause, "")
    assert sentence.endswith(f"(OpenSSL: {reason})")


# What they show of clients, and of the server where it is no handshake that fails: the reply, the
# error at the start or the how-to that takes its place here.
CLIENTS = [
    "Unable to build data connection",
    "sslv3 alert handshake failure",
    "unable to get local issuer certificate",
    "SSL Error -9844",
    "error:00000000:lib(0):func(0):reason(0)",
    "A TLS packet with unexpected length was received",
    "GnuTLS error -9",
]


@pytest.mark.parametrize("said", CLIENTS)
def test_what_clients_say_in_the_howtos(said):
    assert said in (CHECKOUT / "docs/howto/diagnosis.rst").read_text()


def test_client_did_not_reuse_ssl_session():
    reply = policy.refuse_session(SessionReuse.REQUIRE, resumed=False)
    assert reply is not None
    assert "must resume the TLS session" in reply.text
    assert "turn session reuse on" in reply.text


def test_unwilling_to_accept_security_parameter_c():
    reply = policy.refuse_transfer(Policy(), ProtectionLevel.CLEAR)
    assert reply is not None
    assert "send PBSZ 0 and PROT P" in reply.text


def test_error_checking_key(authority, tmp_path):
    files = authority.write(tmp_path)
    other = tmp_path / "other.key"
    other.write_bytes(Authority().server().key_pem())
    with pytest.raises(CertificateError) as caught:
        ServerContext.from_files(files.certificate, str(other))
    assert str(files.certificate) in str(caught.value)
    assert str(other) in str(caught.value)


def test_unable_to_use_fips_mode():
    if fips_is_on():
        Protocols.of(TLS(fips=True))
        return
    with pytest.raises(ValueError, match=r"tls\.fips .* or take tls\.fips out"):
        Protocols.of(TLS(fips=True))


def shake(server: SSL.Context, client: SSL.Context) -> str:
    """Why a handshake fails, as the server's stream tells it."""
    connection = SSL.Connection(server, None)
    connection.set_accept_state()
    stream, peer = TLSStream(connection), Peer(client)
    peer.take(b"")
    for _ in range(6):
        try:
            stream.feed(peer.output())
            if stream.handshake():
                stream.read()
        except TLSError as error:
            return str(error)
        peer.take(stream.output())
    raise AssertionError(f"the handshake did not fail: {peer.failure}")


@pytest.fixture
def listener(authority: Authority) -> SSL.Context:
    return make_listener(authority)


def make_listener(authority: Authority, kind: KeyKind = KeyKind.EC) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    authority.server(kind).use_in(context)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    return context


@pytest.fixture
def demanding(authority: Authority, listener: SSL.Context) -> SSL.Context:
    """It requires a certificate of the client."""
    listener.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    store = listener.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(authority.root.certificate))
    return listener


def old_client(authority: Authority, lowest: int, highest: int) -> SSL.Context:
    context = authority.client_context()
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(lowest)
    context.set_max_proto_version(highest)
    return context


@pytest.mark.parametrize(
    ("newest", "words"),
    [(SSL.TLS1_VERSION, "TLS 1.0 only"), (SSL.TLS1_1_VERSION, "TLS 1.1 at the most")],
)
def test_a_client_that_is_too_old(authority, listener, newest, words):
    said = shake(listener, old_client(authority, SSL.TLS1_VERSION, newest))
    assert f"the client offers {words}" in said
    assert "this listener's minimum is TLS 1.2" in said
    assert "set tls.profile to legacy for this listener, or update the client" in said


def test_a_client_that_is_too_new(authority, listener):
    listener.set_max_proto_version(SSL.TLS1_2_VERSION)
    said = shake(listener, authority.client_context(SSL.TLS1_3_VERSION))
    assert "offers TLS 1.3 only" in said
    assert "let it speak TLS 1.3" in said


def test_a_client_for_a_listener_of_tls_1_3(authority, listener):
    listener.set_min_proto_version(SSL.TLS1_3_VERSION)
    connection = SSL.Connection(listener, None)
    connection.set_accept_state()
    stream = TLSStream(connection, minimum=SSL.TLS1_3_VERSION)
    peer = Peer(authority.client_context(SSL.TLS1_2_VERSION))
    peer.take(b"")
    stream.feed(peer.output())
    with pytest.raises(TLSError, match=r"minimum is TLS 1\.3: set tls\.profile to intermediate"):
        stream.handshake()


def test_ciphers_for_another_certificate(authority, listener):
    client = authority.client_context(SSL.TLS1_2_VERSION)
    client.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
    said = shake(listener, client)
    assert "no cipher suite that this listener takes with its certificate" in said
    assert "an RSA certificate" in said


def test_suites_of_tls_1_3(authority, listener):
    listener.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
    client = authority.client_context(SSL.TLS1_3_VERSION)
    client.set_tls13_ciphersuites(b"TLS_CHACHA20_POLY1305_SHA256")
    assert "no cipher suite, or no key exchange group" in shake(listener, client)


def test_a_client_that_does_not_know_the_authority(listener, version):
    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client.set_max_proto_version(version)
    client.set_verify(SSL.VERIFY_PEER)
    said = shake(listener, client)
    assert "does not know the authority of the server's certificate" in said
    assert "tls.certificate" in said


def test_a_client_without_the_certificate_that_is_due(authority, demanding, version):
    said = shake(demanding, authority.client_context(version))
    assert "shows no certificate" in said
    assert "client_certificates.mode" in said


def test_a_certificate_of_another_authority(authority, demanding, version):
    client = authority.client_context(version)
    Authority("localhost").client("mallory").use_in(client)
    # Its authority has the name of the one that is known, and another key.
    said = shake(demanding, client)
    assert "the client's certificate is not accepted: certificate signature failure" in said


def test_a_certificate_for_servers(authority, demanding, version):
    client = authority.client_context(version)
    authority.server().use_in(client)
    said = shake(demanding, client)
    assert "extended key usage must hold clientAuth" in said


@pytest.mark.parametrize(
    ("verdict", "remedy"),
    [
        ("certificate has expired", "needs a new one"),
        ("certificate is not yet valid", "clocks"),
        ("certificate revoked", "revoked"),
        ("CRL has expired", "revocation list"),
        ("unable to get certificate CRL", "revocation list"),
        ("unsuitable certificate purpose", "clientAuth"),
        ("unable to get local issuer certificate", "client_certificates.authorities"),
        ("self-signed certificate", "client_certificates.authorities"),
        ("self-signed certificate in certificate chain", "client_certificates.authorities"),
        ("certificate chain too long", "client_certificates.depth"),
        ("EE certificate key too weak", "too weak"),
        ("something else", "something else"),
        ("", "it does not verify"),
    ],
)
def test_what_is_wrong_with_a_client_certificate(verdict, remedy):
    said = explain("certificate verify failed", Known(verdict=verdict))
    assert said.startswith("the client's certificate is not accepted: ")
    assert remedy in said


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP"),
        (b"CONNECT a:21 HTTP/1.1\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
        (b"USER alice\r\n", "FTP command in clear text"),
        (b"auth tls\r\n", "FTP command in clear text"),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", "SSL 2"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY header"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0", "another protocol"),
    ],
)
def test_what_is_no_tls(listener, sent, cause):
    assert cause in not_tls(sent)
    connection = SSL.Connection(listener, None)
    connection.set_accept_state()
    stream = TLSStream(connection)
    stream.feed(sent)
    with pytest.raises(TLSError, match=cause):
        stream.handshake()


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (b"\x16\x03\x01\0\x05hello", "order of a handshake"),
        (b"\x16\x03\x01\xff\xff" + bytes(70000), "changed on the way"),
    ],
)
def test_broken_records(listener, sent, cause):
    connection = SSL.Connection(listener, None)
    connection.set_accept_state()
    stream = TLSStream(connection)
    stream.feed(sent)
    with pytest.raises(TLSError, match=cause):
        stream.handshake()


def alert(number: int) -> bytes:
    """A fatal alert in clear text, as a client sends it that dislikes the ServerHello."""
    return b"\x15\x03\x03\x00\x02\x02" + bytes([number])


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (40, "nothing in common"),
        (42, "refuses the server's certificate"),
        (43, "refuses the server's certificate"),
        (44, "was revoked"),
        (45, "has expired"),
        (46, "refuses the server's certificate"),
        (48, "does not know the authority"),
        (49, "gave up by itself"),
        (50, "could not go on"),
        (51, "could not go on"),
        (70, "does not want the protocol version"),
        (80, "could not go on"),
        (86, "does not want the protocol version"),
        (90, "gave up by itself"),
        (112, "is not served here"),
        (120, "ALPN"),
    ],
)
def test_alerts(authority, listener, number, cause):
    connection = SSL.Connection(listener, None)
    connection.set_accept_state()
    stream, peer = TLSStream(connection), Peer(authority.client_context(SSL.TLS1_2_VERSION))
    peer.take(b"")
    stream.feed(peer.output())
    assert not stream.handshake()
    stream.feed(alert(number))
    with pytest.raises(TLSError, match=re.escape(cause)):
        stream.handshake()


@pytest.mark.parametrize(
    ("reason", "known", "cause"),
    [
        (reasons.EOF, Known(implicit=True), "set it to implicit TLS"),
        (reasons.EOF, Known(), "cannot do it"),
        (reasons.EOF, Known(b"\x16"), "went away in the middle"),
        (reasons.TIMEOUT, Known(implicit=True), "waits for a greeting"),
        (reasons.TIMEOUT, Known(b"\x16"), "limits.handshake_timeout"),
        ("renegotiation", Known(), "never allowed"),
        ("session id context uninitialized", Known(), "report it"),
        ("a thing unheard of", Known(), "s_client"),
    ],
)
def test_other_reasons(reason, known, cause):
    assert cause in explain(reason, known)


def test_one_sentence_each():
    for pattern, answer in reasons._TABLE:
        sentence = answer if isinstance(answer, str) else answer(Known())
        assert "\n" not in sentence, pattern
        assert not sentence.endswith("."), pattern
        assert re.search(r"[:;]", sentence), pattern


def test_this_server_as_a_client_says_what_openssl_says(authority):
    connection = SSL.Connection(authority.client_context(), None)
    connection.set_connect_state()
    stream = TLSStream(connection, as_client=True)
    assert not stream.handshake()
    stream.feed(b"220 FTP\r\n")
    with pytest.raises(TLSError, match=r"^(wrong version number|packet length too long)$"):
        stream.handshake()


def test_settings_that_are_named_exist():
    source = reasons.__loader__.get_source(reasons.__name__)
    named = set(
        re.findall(r"\b(?:tls|client_certificates|revocation|policy|limits)\.[a-z_]+\b", source)
    )
    assert named <= set(config.options())
