"""OCSP answers on handshakes: shown while they count, renewed in time, and never expired."""

from __future__ import annotations

import datetime

import pytest
from cryptography.x509.ocsp import OCSPCertStatus
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from ftptls.testing.certificates import PKI, KeyKind
from ftptls.testing.responder import Responder, found_at
from ftptls.tls.contexts import CertificateError, ServerContext
from ftptls.tls.loading import Identity
from ftptls.tls.ocsp import OCSPError, Question
from ftptls.tls.staple import FetchedStapling, FileStapling
from ftptls.tls.stream import TLSStream

from .conftest import Peer

HOUR = datetime.timedelta(hours=1)
URL = "http://ocsp.example/"


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


def identity_of(pki: PKI, kind: KeyKind = KeyKind.EC, url: str = URL) -> Identity:
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    pair = pki.issue("localhost", found_at(url), usage=usage, kind=kind)
    return Identity(pair.key, (pair.certificate, pki.intermediate.certificate))


@pytest.fixture(scope="module")
def identity(pki) -> Identity:
    return identity_of(pki)


@pytest.fixture
def responder(pki) -> Responder:
    return Responder(pki.intermediate)


class Time:
    """A clock for timers that is a clock on the wall, too."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._start = datetime.datetime.now(datetime.UTC)

    def now(self) -> datetime.datetime:
        return self._start + datetime.timedelta(seconds=self.clock.seconds())


@pytest.fixture
def time() -> Time:
    return Time()


class Direct:
    """Responders in memory."""

    def __init__(self, responder: Responder, time: Time) -> None:
        self.now = time.now
        self.reason = ""
        self.with_nonce = True
        self.held: Deferred | None = None
        self._responder = responder

    def ask(self, certificate, issuer, *, with_nonce=True):
        self.with_nonce = with_nonce
        if self.held is not None:
            return self.held
        question = Question(certificate, issuer, with_nonce=with_nonce)
        try:
            der = self._responder.respond(question.der)
            if self.reason:
                raise OCSPError(self.reason)
            return succeed(question.verify(der, self.now()))
        except OCSPError as error:
            return fail(error)


@pytest.fixture
def direct(responder, time) -> Direct:
    return Direct(responder, time)


@pytest.fixture
def stapling(direct, time, identity):
    made = FetchedStapling(time.clock, direct)
    made.follow([identity])
    time.clock.advance(0)
    yield made
    made.stop()
    assert time.clock.getDelayedCalls() == []


def stapled(pki: PKI, stapling, *identities: Identity, version=SSL.TLS1_3_VERSION, ciphers=b""):
    """What a client is shown that asks for it."""
    first, *more = identities
    context = ServerContext(first.key, first.chain, more)
    context.staple(stapling.answer_for)
    wanted = pki.client_context(version)
    if ciphers:
        wanted.set_cipher_list(ciphers)
    shown = []
    wanted.set_ocsp_client_callback(lambda _connection, der, _data: shown.append(der) or True)
    peer = Peer(wanted)
    peer.connection.request_ocsp()
    stream = TLSStream(context.new_session().control_connection())
    peer.take(b"")
    for _ in range(3):
        stream.feed(peer.output())
        stream.handshake()
        peer.take(stream.output())
    assert peer.established
    return shown[0], peer.connection.get_peer_certificate(as_cryptography=True)


def test_the_answer_is_shown(pki, identity, stapling, time, direct, version):
    der, shown = stapled(pki, stapling, identity, version=version)
    Question(shown, pki.intermediate.certificate, with_nonce=False).verify(der, time.now())
    assert direct.with_nonce is False


def test_each_certificate_has_its_own(pki, identity, stapling, time):
    other = identity_of(pki, KeyKind.RSA)
    stapling.follow([identity, other])
    time.clock.advance(0)
    for ciphers, expected in ((b"ECDHE+aRSA", other), (b"ECDHE+ECDSA", identity)):
        der, shown = stapled(
            pki, stapling, identity, other, version=SSL.TLS1_2_VERSION, ciphers=ciphers
        )
        assert shown == expected.chain[0]
        Question(shown, expected.chain[1], with_nonce=False).verify(der, time.now())


def test_it_is_renewed_halfway(responder, stapling, time):
    assert responder.asked == 1
    time.clock.advance(29 * 60)
    assert responder.asked == 1
    time.clock.advance(2 * 60)
    assert responder.asked == 2


def test_an_answer_is_kept_while_it_counts_and_no_longer(
    pki, identity, responder, direct, stapling, time, recorded
):
    direct.reason = "the responder is down"
    time.clock.pump([60] * 59)
    assert stapled(pki, stapling, identity)[0]
    attempts = responder.asked - 1
    assert attempts == 5  # after 30 min, and then 1, 2, 4 and 8 min
    assert "the responder is down; next attempt in 60 s" in recorded[0]
    assert len(recorded) == attempts
    time.clock.pump([60] * 2)
    assert stapled(pki, stapling, identity)[0] == b""
    direct.reason = ""
    responder.begins, responder.ends = HOUR, 5 * HOUR
    time.clock.pump([60] * 60)
    assert stapled(pki, stapling, identity)[0]


@pytest.mark.parametrize("standing", [OCSPCertStatus.REVOKED, OCSPCertStatus.UNKNOWN])
def test_only_what_is_good_is_shown(pki, identity, responder, direct, time, recorded, standing):
    responder.standings[identity.chain[0].serial_number] = standing
    stapling = FetchedStapling(time.clock, direct)
    stapling.follow([identity])
    time.clock.advance(0)
    assert f"the certificate is {standing.name.lower()}" in recorded[0]
    assert stapled(pki, stapling, identity)[0] == b""
    stapling.stop()


def test_an_answer_for_the_moment_is_not_shown(pki, identity, responder, direct, time, recorded):
    responder.begins, responder.ends = HOUR * 0, None
    stapling = FetchedStapling(time.clock, direct)
    stapling.follow([identity])
    time.clock.advance(0)
    assert "until when it counts" in recorded[0]
    assert stapled(pki, stapling, identity)[0] == b""
    stapling.stop()


def test_other_certificates_take_over_and_the_same_one_keeps_its_answer(
    pki, identity, responder, stapling, time
):
    stapling.follow([identity])
    time.clock.advance(0)
    assert responder.asked == 1
    other = identity_of(pki)
    stapling.follow([other])
    time.clock.advance(0)
    assert responder.asked == 2
    assert stapled(pki, stapling, other)[0]
    assert stapled(pki, stapling, identity)[0] == b""


def test_stopping_while_an_answer_is_awaited(identity, direct, time):
    given_up = []
    direct.held = Deferred(given_up.append)
    stapling = FetchedStapling(time.clock, direct)
    stapling.follow([identity])
    time.clock.advance(0)
    stapling.stop()
    assert given_up == [direct.held]
    assert time.clock.getDelayedCalls() == []


def test_what_cannot_be_fetched_is_told_at_once(pki, identity, direct, time):
    stapling = FetchedStapling(time.clock, direct)
    with pytest.raises(CertificateError, match="names no OCSP responder"):
        stapling.follow([pki.server()])
    with pytest.raises(CertificateError, match="issuer's certificate behind it"):
        stapling.follow([Identity(identity.key, identity.chain[:1])])


@pytest.fixture
def write(identity, responder, tmp_path):
    path = tmp_path / "answer.der"

    def make(about: Identity = identity) -> str:
        question = Question(*about.chain, with_nonce=False)
        path.write_bytes(responder.respond(question.der))
        return str(path)

    return make


def test_an_answer_from_a_file(pki, identity, time, write):
    stapling = FileStapling(write(), time.now)
    stapling.follow([pki.server(), identity])
    assert stapled(pki, stapling, identity)[0]
    time.clock.advance(3601)
    assert stapled(pki, stapling, identity)[0] == b""
    stapling.stop()


def test_a_file_with_an_expired_answer(pki, identity, responder, time, write, recorded):
    responder.begins, responder.ends = -2 * HOUR, -HOUR
    path = write()
    stapling = FileStapling(path, time.now)
    stapling.follow([identity])
    assert f"{path} is not stapled: the answer expired" in recorded[0]
    assert stapled(pki, stapling, identity)[0] == b""


def test_a_file_that_is_no_use(pki, identity, responder, time, write, tmp_path):
    def reason(path: str) -> str:
        with pytest.raises(CertificateError) as caught:
            FileStapling(path, time.now).follow([identity])
        return str(caught.value)

    assert "about another certificate" in reason(write(identity_of(pki)))
    responder.standings[identity.chain[0].serial_number] = OCSPCertStatus.REVOKED
    assert "is revoked since" in reason(write())
    responder.body = b"hello"
    assert "no OCSP answer" in reason(write())
    missing = tmp_path / "missing"
    assert reason(str(missing)) == f"Cannot read {missing}: No such file or directory."
