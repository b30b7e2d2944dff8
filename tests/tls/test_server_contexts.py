"""Everything that the settings say of TLS, loaded at once; and the floods it withstands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from OpenSSL import SSL

from ftptls.settings import TLS, ClientCertificate, ClientCertificates, Host, Profile, Settings
from ftptls.testing.certificates import PKI, pem
from ftptls.tls import buffers, texts
from ftptls.tls import stream as streams
from ftptls.tls.buffers import PublicCalls
from ftptls.tls.contexts import ServerContext
from ftptls.tls.stream import TLSError, TLSStream
from ftptls.tls.switch import Failed, Raised, TLSSwitch
from ftptls.tls.texts import PublicTexts

from .conftest import NOTHING, Peer
from .test_profiles import shake

REQUIRED = ClientCertificate.REQUIRED


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture
def settings(tmp_path: Path, pki: PKI) -> Settings:
    """A certificate for everybody, and one for a host that wants certificates of clients."""
    for name in ("server", "host"):
        chain, key = pem(pki.server())
        (tmp_path / f"{name}.pem").write_bytes(chain + key)
    (tmp_path / "root.pem").write_bytes(pki.root.certificate_pem)
    guarded = Host(
        names=("guarded.example",),
        certificate=(f"{tmp_path}/host.pem",),
        client_certificates={"mode": REQUIRED},
    )
    return Settings(
        tls=TLS(certificate=(f"{tmp_path}/server.pem",)),
        client_certificates=ClientCertificates(authorities=(f"{tmp_path}/root.pem",)),
        hosts=(guarded, Host(names=("plain.example",))),
    )


def shown(peer: Peer) -> int:
    certificate = peer.connection.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate.serial_number


def serial(context: ServerContext, name: str) -> int:
    host = context.hosts.find(name) or context.hosts.default
    return host.identities[0].chain[0].serial_number


def test_hosts_from_settings(settings, pki, version):
    context = ServerContext.from_settings(settings)
    seen = {}
    for name in ("guarded.example", "plain.example", "other.example"):
        client = pki.client_context(version, pki.client())
        peer, stream = shake(context, client, name.encode())
        seen[name] = shown(peer)
        assert seen[name] == serial(context, name)
        assert bool(stream.peer_certificate) is (name == "guarded.example")
    assert seen["plain.example"] == seen["other.example"] != seen["guarded.example"]


def test_a_host_that_requires_a_certificate(settings, pki):
    context = ServerContext.from_settings(settings)
    with pytest.raises(TLSError, match="did not return a certificate"):
        shake(context, pki.client_context(), b"guarded.example")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hosts": (), "tls.strict_sni": True}, r"tls\.strict_sni .* there are none"),
        ({"client.mode": REQUIRED, "client.authorities": ()}, "nobody vouches for them"),
        ({"client.authorities": ("/none.pem",)}, r"Cannot read /none\.pem"),
        ({"tls.key": ("/none.key",)}, r"Cannot read /none\.key"),
        (
            {"hosts": (Host(names=("a",), certificate=("/none.pem",)),)},
            r"Cannot read /none\.pem",
        ),
        ({"hosts": (Host(names=("a", "A")),)}, "have the name a"),
        ({"hosts": (Host(names=("a",), key=("a.key",)),)}, "0 certificates"),
    ],
)
def test_what_cannot_be(settings, changes, reason):
    tls = {key[4:]: value for key, value in changes.items() if key.startswith("tls.")}
    client = {key[7:]: value for key, value in changes.items() if key.startswith("client.")}
    settings = replace(
        settings,
        tls=replace(settings.tls, **tls),
        client_certificates=replace(settings.client_certificates, **client),
        hosts=changes.get("hosts", settings.hosts),
    )
    with pytest.raises(ValueError, match=reason):
        ServerContext.from_settings(settings)


def test_a_certificate_too_weak_for_openssl(tmp_path, pki):
    """1024 bits are below the lowest level but that of the legacy profile."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

    from ftptls.testing.certificates import Pair, _builder

    key = rsa.generate_private_key(65537, 1024)
    issuer = pki.intermediate
    weak = _builder("weak", key).issuer_name(issuer.certificate.subject)
    pair = Pair(key, weak.sign(issuer.key, hashes.SHA256()))
    path = tmp_path / "weak.pem"
    path.write_bytes(pair.certificate_pem + pair.key_pem())
    tls = TLS(certificate=(str(path),))
    with pytest.raises(ValueError, match=r"take the certificate in \S+weak\.pem: .*too small"):
        ServerContext.from_settings(Settings(tls=tls))
    ServerContext.from_settings(Settings(tls=replace(tls, profile=Profile.LEGACY)))


# --- records without data --------------------------------------------------------------------


class Idle:
    """A TLS connection that takes records and yields nothing, as of KeyUpdate."""

    def __init__(self) -> None:
        self.fed = 0

    def get_app_data(self) -> None:
        return None

    def bio_write(self, data: memoryview) -> int:
        self.fed += len(data)
        return len(data)

    def do_handshake(self) -> None:
        """It is complete."""

    def get_protocol_version_name(self) -> str:
        return "TLSv1.3"

    def recv(self, size: int) -> bytes:
        raise SSL.WantReadError

    def recv_into(self, buffer: memoryview) -> int:
        raise SSL.WantReadError

    def bio_read(self, size: int) -> bytes:
        raise SSL.WantReadError


@pytest.mark.parametrize(
    "read", [TLSStream.read, lambda s: s.decrypt(NOTHING, memoryview(bytearray(9)))]
)
def test_s10_a_flood_on_a_data_connection(read, monkeypatch):
    monkeypatch.setattr(texts, "TEXTS", PublicTexts())
    monkeypatch.setattr(buffers, "CALLS", PublicCalls())
    stream = TLSStream(Idle())
    stream.handshake()
    for _ in range(streams._MOST_IDLE // 27):
        stream.feed(b"k" * 27)
        assert not read(stream)
    stream.feed(b"k" * 27)
    with pytest.raises(TLSError, match="records without data"):
        read(stream)


def test_s10_a_record_of_the_longest_kind_may_come_in_any_pieces(monkeypatch):
    monkeypatch.setattr(texts, "TEXTS", PublicTexts())
    stream = TLSStream(Idle())
    stream.handshake()
    for _ in range(16384 + 256 + 5):
        stream.feed(b"k")
        assert stream.read() == b""


def test_s10_a_flood_on_the_control_connection(monkeypatch):
    monkeypatch.setattr(texts, "TEXTS", PublicTexts())
    switch = TLSSwitch(lambda _: None)
    switch.raise_tls(TLSStream(Idle()))
    record = b"\x17\x03\x03\x00\x16" + b"k" * 22
    switch.feed(record)
    assert isinstance(switch.next_event(), Raised)
    switch.feed(record * 1000)
    event = switch.next_event()
    assert isinstance(event, Failed)
    assert "records without data" in event.reason
    assert switch.next_event() is None
    assert switch.stream.connection.fed < 100 * len(record)
