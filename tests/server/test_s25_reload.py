"""Certificates, keys and CRLs that change under a running server."""

from __future__ import annotations

import contextlib
import gc
import weakref
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ftptls.reloading import FTPService, Secured, contradiction, stapling_of
from ftptls.settings import TLS, ClientCertificate, ClientCertificates, Host, Revocation, Settings
from ftptls.testing.certificates import PKI, pem
from ftptls.testing.responder import Responder, revocation_list
from ftptls.tls.contexts import ServerContext
from ftptls.tls.loading import Identity
from ftptls.tls.ocsp import Question
from ftptls.workers import InlineWorkers

CONTENT = {"/f": b"0123"}
LOOK = 10


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


class Files:
    """What a server is started with."""

    def __init__(self, folder: Path, pki: PKI) -> None:
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.authorities = folder / "authorities.pem"
        self.crl = folder / "clients.crl"
        self.staple = folder / "staple.der"
        self.authorities.write_bytes(pki.root.certificate_pem)
        self.revoke(pki)
        self.first = self.write(pki.server())

    def write(self, identity: Identity) -> Identity:
        chain, key = pem(identity)
        self.certificate.write_bytes(chain)
        self.key.write_bytes(key)
        return identity

    def revoke(self, pki: PKI, *clients) -> None:
        self.crl.write_bytes(revocation_list(pki.intermediate, *clients).public_bytes(Encoding.DER))

    @property
    def settings(self) -> Settings:
        return Settings(
            tls=TLS(str(self.certificate), str(self.key), reload_interval=LOOK),
            client_certificates=ClientCertificates(
                ClientCertificate.OPTIONAL, str(self.authorities)
            ),
            revocation=Revocation(str(self.crl)),
        )


@pytest.fixture
def files(tmp_path, pki) -> Files:
    return Files(tmp_path, pki)


@pytest.fixture
def start(serve, files):
    """A server that watches its files."""
    services = []

    def make(settings: Settings | None = None):
        settings = settings or files.settings
        tls = ServerContext.from_settings(settings)
        server = serve(CONTENT, settings, tls=tls)
        secured = Secured(settings, [server.factory], stapling_of(server.reactor, settings))
        secured.follow(tls)
        server.service = FTPService(
            server.reactor, InlineWorkers(), [secured], settings.tls.reload_interval
        )
        server.service.startService()
        services.append(server.service)
        return server

    yield make
    for service in services:
        stopping = []
        service.stopService().addCallback(stopping.append)
        assert stopping


def dial(server, pki, shown=None):
    client = server.connect()
    client.context = pki.client_context(SSL.TLS1_3_VERSION, shown)
    client.secure()
    return client


def shown_to(client):
    return client.control.tls.get_peer_certificate(as_cryptography=True)


def test_new_sessions_see_the_new_certificate_and_old_ones_go_on(start, files, pki, log):
    server = start()
    old = dial(server, pki)
    old.log_in()
    new_pair = files.write(pki.server())
    server.reactor.advance(LOOK)
    new = dial(server, pki)
    assert shown_to(old) == files.first.chain[0]
    assert shown_to(new) == new_pair.chain[0]
    new.log_in()
    for client in (old, new):
        assert client.download("RETR f") == b"0123"
    assert log.text.count("certificates loaded anew") == 1


def stapled_by(tls: ServerContext, pki) -> list[bytes]:
    context = pki.client_context()
    stapled: list[bytes] = []
    context.set_ocsp_client_callback(lambda _connection, der, _data: stapled.append(der) or True)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    client.request_ocsp()
    server = tls.new_session().control_connection()
    for here, there in ((client, server), (server, client), (client, server)):
        with contextlib.suppress(SSL.WantReadError):
            here.do_handshake()
        there.bio_write(here.bio_read(1 << 16))
    return stapled


def break_key(files, pki):
    files.key.write_bytes(pem(pki.server())[1])


def expire(files, pki):
    files.write(pki.server(late=True))


def halve_certificate(files, pki):
    files.certificate.write_bytes(pem(pki.server())[0][:200])


def halve_key(files, pki):
    files.key.write_bytes(files.key.read_bytes()[:60])


def remove_certificate(files, pki):
    files.certificate.unlink()


def remove_crl(files, pki):
    files.crl.unlink()


def halve_crl(files, pki):
    files.crl.write_bytes(files.crl.read_bytes()[:60])


BAD = {
    break_key: "does not belong to the certificate",
    expire: "server.pem expired on 20",
    halve_certificate: "server.pem",
    halve_key: "server.key",
    remove_certificate: "server.pem: No such file or directory",
    remove_crl: "clients.crl: No such file or directory",
    halve_crl: "clients.crl",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_s25_a_bad_pair_keeps_the_old_one_and_says_why_once(start, files, pki, log, spoil):
    server = start()
    spoil(files, pki)
    for _ in range(3):
        server.reactor.advance(LOOK)
    said = [each for each in log.events if "stay as they were" in each["text"]]
    assert len(said) == 1
    assert BAD[spoil] in said[0]["text"]
    assert shown_to(dial(server, pki)) == files.first.chain[0]
    log.events.remove(said[0])  # for the operator it is an alarm
    mended = files.write(pki.server())
    files.revoke(pki)
    server.reactor.advance(LOOK)
    assert shown_to(dial(server, pki)) == mended.chain[0]


def test_s08_a_crl_that_changes_ends_the_sessions_of_those_in_it(start, files, pki):
    server = start()
    bob, eve = pki.client("bob"), pki.client("eve")
    clients = [dial(server, pki, shown) for shown in (bob, eve)]
    for client in clients:
        client.log_in()
    files.revoke(pki, eve)
    server.reactor.advance(LOOK)
    clients[1].expect(421)
    assert clients[1].closed
    assert clients[0].download("RETR f") == b"0123"


def test_s23_nothing_is_left_of_a_context_once_its_last_session_ends(start, files, pki):
    server = start()
    old = dial(server, pki)
    first = weakref.ref(server.factory.tls.hosts.default.shared)
    for _ in range(3):
        files.write(pki.server())
        server.reactor.advance(LOOK)
    later = weakref.ref(server.factory.tls.hosts.default.shared)
    assert first() is not None
    old.ask("QUIT", 221)
    old.leave()
    server.reactor.advance(LOOK)
    server.clients.clear()  # both ends of its connection
    del old
    gc.collect()
    assert first() is None
    assert later() is not None


def test_a_program_can_ask_for_it(start, files, pki):
    server = start()
    pair = files.write(pki.server())
    outcomes = []
    server.service.reload().addCallback(outcomes.append)
    assert outcomes == [True]
    assert shown_to(dial(server, pki)) == pair.chain[0]


def test_an_answer_to_staple_is_renewed_with_its_file(start, files, pki, log):
    def write(identity):
        question = Question(*identity.chain, with_nonce=False)
        der = Responder(pki.intermediate).respond(question.der)
        files.staple.write_bytes(der)
        return der

    write(files.first)
    settings = files.settings
    server = start(Settings(tls=settings.tls, revocation=Revocation(staple_file=str(files.staple))))
    pair = files.write(pki.server())
    server.reactor.advance(LOOK)  # the answer is still of the old certificate
    (said,) = (each for each in log.events if "stay as they were" in each["text"])
    assert "about another certificate" in said["text"]
    log.events.remove(said)
    assert shown_to(dial(server, pki)) == files.first.chain[0]
    der = write(pair)
    server.reactor.advance(LOOK)
    assert stapled_by(server.factory.tls, pki) == [der]


def test_what_hosts_demand_counts_for_the_settings():
    revocation = Revocation("lists")
    asking = Host(("a",), client_certificates={"mode": ClientCertificate.OPTIONAL})
    for settings, secured, fits in (
        (Settings(revocation=revocation), True, False),
        (Settings(revocation=revocation, hosts=(asking,)), True, True),
        (Settings(revocation=revocation, hosts=(asking,)), False, False),
    ):
        assert (contradiction([(settings, secured)]) == "") is fits
