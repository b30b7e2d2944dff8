"""Versions and ciphers: each profile, single settings, and what cannot be."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftptls.settings import TLS, Profile, Version
from ftptls.testing.certificates import PKI, Authority, KeyKind
from ftptls.tls import profiles
from ftptls.tls.contexts import ServerContext
from ftptls.tls.profiles import Protocols
from ftptls.tls.stream import TLSError, TLSStream

from .conftest import Peer

VERSIONS = {
    "1.0": SSL.TLS1_VERSION,
    "1.1": SSL.TLS1_1_VERSION,
    "1.2": SSL.TLS1_2_VERSION,
    "1.3": SSL.TLS1_3_VERSION,
}
MODERN, INTERMEDIATE, LEGACY = Profile


def shake(server: ServerContext, context: SSL.Context, name: bytes = b"") -> tuple[Peer, TLSStream]:
    """A handshake, to its end; the stream raises TLSError if it fails."""
    peer = Peer(context)
    if name:
        peer.connection.set_tlsext_host_name(name)
    stream = TLSStream(server.new_session().control_connection())
    for _ in range(6):
        peer.take(stream.output())
        stream.feed(peer.output())
        try:
            stream.handshake()
        except TLSError:
            peer.take(stream.output())
            raise
    return peer, stream


def server(kind: KeyKind = KeyKind.RSA, **settings) -> ServerContext:
    pair = Authority().server(kind)
    return ServerContext(pair.key, [pair.certificate], protocols=Protocols.of(TLS(**settings)))


def client(version: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(VERSIONS[version])
    context.set_max_proto_version(VERSIONS[version])
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        ({"profile": MODERN}, ["1.3"]),
        ({"profile": INTERMEDIATE}, ["1.2", "1.3"]),
        ({}, ["1.2", "1.3"]),
        ({"profile": LEGACY}, ["1.0", "1.1", "1.2", "1.3"]),
        ({"profile": LEGACY, "minimum_version": Version.TLS_1_1}, ["1.1", "1.2", "1.3"]),
        ({"profile": MODERN, "minimum_version": Version.TLS_1_2}, ["1.2", "1.3"]),
        ({"maximum_version": Version.TLS_1_2}, ["1.2"]),
        ({"minimum_version": Version.TLS_1_3}, ["1.3"]),
    ],
)
def test_which_versions_are_spoken(version, settings, spoken):
    if version in spoken:
        _, stream = shake(server(**settings), client(version))
        assert stream.version == {"1.0": "TLSv1"}.get(version, f"TLSv{version}")
    else:
        with pytest.raises(TLSError, match=r"version|protocol"):
            shake(server(**settings), client(version))


@pytest.mark.parametrize("kind", KeyKind)
def test_an_old_camera(kind):
    """TLS 1.0 with nothing but CBC and SHA-1, against either kind of certificate."""
    context = client("1.0")
    context.set_cipher_list(b"ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    assert shake(server(kind, profile=LEGACY), context)[1].cipher.endswith("AES128-SHA")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_server_prefers_the_fastest_cipher(version):
    _, stream = shake(server(), client(version))
    assert "AES_128_GCM" in stream.cipher.replace("AES128-GCM", "AES_128_GCM")


def test_ciphers_and_suites_by_name():
    settings = {"ciphers": "ECDHE-RSA-AES256-GCM-SHA384", "suites": "TLS_CHACHA20_POLY1305_SHA256"}
    assert shake(server(**settings), client("1.2"))[1].cipher == settings["ciphers"]
    assert shake(server(**settings), client("1.3"))[1].cipher == settings["suites"]


def test_ciphers_by_name_under_the_legacy_profile():
    settings = {"profile": LEGACY, "ciphers": "AES128-SHA"}
    assert shake(server(**settings), client("1.0"))[1].cipher == "AES128-SHA"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"minimum_version": Version.TLS_1_0}, r'tls\.minimum_version 1\.0 .* "legacy"'),
        ({"minimum_version": Version.TLS_1_1, "profile": MODERN}, r"takes tls\.profile"),
        ({"profile": MODERN, "maximum_version": Version.TLS_1_2}, "between the minimum, TLS 1.3"),
        ({"ciphers": "ZZZ"}, r"no cipher of tls\.ciphers, 'ZZZ'"),
        ({"suites": "ZZZ"}, r"no cipher of tls\.suites, 'ZZZ'"),
    ],
)
def test_what_cannot_be(settings, reason):
    with pytest.raises(ValueError, match=reason):
        server(**settings)


@pytest.mark.parametrize("is_on", [False, True])
def test_fips(monkeypatch, is_on):
    monkeypatch.setattr(profiles, "fips_is_on", lambda: is_on)
    if is_on:
        Protocols.of(TLS(fips=True))
    else:
        with pytest.raises(ValueError, match=r"tls\.fips is set"):
            Protocols.of(TLS(fips=True))


def test_fips_is_off_in_these_tests():
    assert not profiles.fips_is_on()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", KeyKind)
def test_rsa_and_ecdsa_side_by_side(version, kind):
    """Each client sees the certificate that it can verify, with the chain of this one."""
    pkis = {KeyKind.EC: PKI(name="EC"), KeyKind.RSA: PKI(name="RSA")}
    ec, rsa = (pkis[each].server(each) for each in (KeyKind.EC, KeyKind.RSA))
    both = ServerContext(ec.key, ec.chain, [rsa])
    context = pkis[kind].client_context(VERSIONS[version])
    if version == "1.2":
        name = b"ECDSA" if kind is KeyKind.EC else b"RSA"
        context.set_cipher_list(b"ECDHE-" + name + b"-AES128-GCM-SHA256")
    elif kind is KeyKind.RSA:
        context = only_rsa(context)
    peer, _ = shake(both, context)
    shown = peer.connection.get_peer_cert_chain(as_cryptography=True)
    assert tuple(shown) == {KeyKind.EC: ec, KeyKind.RSA: rsa}[kind].chain


def only_rsa(context: SSL.Context) -> SSL.Context:
    """Have a context accept RSA signatures only; pyOpenSSL has no name for it."""
    lib = SSL._lib
    lib.SSL_CTX_set1_sigalgs_list(context._context, b"rsa_pss_rsae_sha256:ecdsa_secp521r1_sha512")
    return context


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([b"ftp"], b"ftp"),
        ([b"http/1.1", b"ftp-data"], b"ftp-data"),
        ([b"ftp-data", b"ftp"], b"ftp"),
        ([], b""),
    ],
)
def test_s3_alpn_that_is_ours(version, offered, chosen):
    context = client(version)
    if offered:
        context.set_alpn_protos(offered)
    peer, _ = shake(server(), context)
    assert peer.connection.get_alpn_proto_negotiated() == chosen


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("offered", [[b"http/1.1"], [b"h2", b"http/1.1"], [b"FTP"], [b"imap"]])
def test_s3_alpn_of_another_protocol(version, offered):
    """ALPACA, CVE-2021-3618: a browser was talked into speaking to us."""
    context = client(version)
    context.set_alpn_protos(offered)
    peer = Peer(context)
    peer.take(b"")
    stream = TLSStream(server().new_session().connection())
    stream.feed(peer.output())
    with pytest.raises(TLSError, match="ALPN"):
        stream.handshake()
    peer.take(stream.output())
    assert "alert no application protocol" in peer.failure
