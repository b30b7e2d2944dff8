"""What makes an OCSP answer count, and everything that keeps one from it (RFC 6960 §3.2)."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPResponseBuilder,
    OCSPResponseStatus,
    load_der_ocsp_request,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftptls.testing.certificates import PKI, KeyKind, Pair
from ftptls.testing.responder import Responder, found_at
from ftptls.tls.ocsp import Answer, OCSPError, Question, Standing, responder_of

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def client(pki):
    return pki.client()


@pytest.fixture
def responder(pki) -> Responder:
    return Responder(pki.intermediate)


@pytest.fixture
def ask(pki, client, responder):
    def ask(by: Responder = responder, *, later=HOUR * 0, with_nonce=True) -> Answer:
        question = Question(client.certificate, pki.intermediate.certificate, with_nonce=with_nonce)
        now = datetime.datetime.now(datetime.UTC)
        return question.verify(by.respond(question.der), now + later)

    return ask


def test_good(ask):
    answer = ask()
    assert (answer.standing, answer.detail) == (Standing.GOOD, "")


def test_revoked_tells_since_when_and_why(ask, client, responder):
    responder.standings[client.certificate.serial_number] = OCSPCertStatus.REVOKED
    answer = ask()
    assert answer.standing is Standing.REVOKED
    assert answer.detail.startswith("since 20")
    assert answer.detail.endswith("UTC, key compromise")


def test_unknown(ask, client, responder):
    responder.standings[client.certificate.serial_number] = OCSPCertStatus.UNKNOWN
    assert ask().standing is Standing.UNKNOWN


@pytest.mark.parametrize("kind", KeyKind)
def test_a_responder_to_which_the_issuer_delegated(ask, pki, kind):
    delegate = pki.issue("responder", usage=ExtendedKeyUsageOID.OCSP_SIGNING, kind=kind)
    assert ask(Responder(pki.intermediate, delegate)).standing is Standing.GOOD


def test_a_responder_that_says_its_name(ask, responder):
    responder.by_name = True
    assert ask().standing is Standing.GOOD


def test_a_responder_with_an_edwards_key(ask, pki, client):
    key = ed25519.Ed25519PrivateKey.generate()
    template = pki.issue("responder", usage=ExtendedKeyUsageOID.OCSP_SIGNING).certificate
    builder = x509.CertificateBuilder(
        template.issuer,
        template.subject,
        key.public_key(),
        template.serial_number,
        template.not_valid_before_utc.replace(tzinfo=None),
        template.not_valid_after_utc.replace(tzinfo=None),
        list(template.extensions),
    )
    delegate = Pair(key, builder.sign(pki.intermediate.key, hashes.SHA256()))
    assert ask(Responder(pki.intermediate, delegate)).standing is Standing.GOOD


@pytest.mark.parametrize("whose", ["usage", "authority", "expired", "client"])
def test_any_other_signer_is_refused(ask, pki, client, whose):
    signing = ExtendedKeyUsageOID.OCSP_SIGNING
    signer = {
        "usage": lambda: pki.issue("responder", usage=ExtendedKeyUsageOID.SERVER_AUTH),
        "authority": lambda: PKI().issue("responder", usage=signing),
        "expired": lambda: pki.issue("responder", usage=signing, ends=-HOUR),
        "client": lambda: client,
    }[whose]()
    with pytest.raises(OCSPError, match="not signed by the issuer"):
        ask(Responder(pki.intermediate, signer))


def test_another_authority_of_the_same_name_is_refused(ask):
    with pytest.raises(OCSPError, match="not signed by the issuer"):
        ask(Responder(PKI().intermediate))


def test_one_changed_octet_is_noticed(pki, client, responder):
    question = Question(client.certificate, pki.intermediate.certificate)
    der = bytearray(responder.respond(question.der))
    now = datetime.datetime.now(datetime.UTC)
    for at in range(0, len(der), 7):
        der[at] ^= 1
        try:
            answer = question.verify(bytes(der), now)
        except OCSPError:
            pass
        else:  # what is not signed may change, such as an encoding of the algorithm
            assert answer.standing is Standing.GOOD
        der[at] ^= 1


def test_an_expired_answer(ask, responder):
    responder.begins, responder.ends = -2 * HOUR, -HOUR
    with pytest.raises(OCSPError, match="expired at 20"):
        ask()


def test_an_answer_expires_while_it_is_kept(ask):
    with pytest.raises(OCSPError, match="expired"):
        ask(later=2 * HOUR)


def test_an_answer_of_the_future(ask, responder):
    responder.begins, responder.ends = HOUR, 2 * HOUR
    with pytest.raises(OCSPError, match="of the future"):
        ask()


def test_clocks_may_differ_a_little(ask, responder):
    responder.begins = datetime.timedelta(minutes=4)
    assert ask().standing is Standing.GOOD


def test_without_next_update_an_answer_is_for_the_moment(ask, responder):
    responder.begins, responder.ends = datetime.timedelta(0), None
    answer = ask()
    assert answer.standing is Standing.GOOD
    assert not answer.counts(datetime.datetime.now(datetime.UTC))
    responder.begins = -HOUR
    with pytest.raises(OCSPError, match="newer ones"):
        ask()


def test_how_long_an_answer_counts(ask):
    answer = ask()
    now = datetime.datetime.now(datetime.UTC)
    assert answer.counts(now)
    assert not answer.counts(now + 2 * HOUR)


def test_an_answer_to_another_request(ask, responder):
    responder.nonce = b"somebody else's"
    with pytest.raises(OCSPError, match="nonce differs"):
        ask()


def test_a_nonce_may_be_left_out(ask, responder):
    responder.nonce = b""
    assert ask().standing is Standing.GOOD


def test_a_request_without_nonce(pki, client, ask):
    request = load_der_ocsp_request(
        Question(client.certificate, pki.intermediate.certificate, with_nonce=False).der
    )
    assert len(request.extensions) == 0
    assert request.serial_number == client.certificate.serial_number
    assert ask(with_nonce=False).standing is Standing.GOOD


def test_an_answer_about_another_certificate(pki, client, responder):
    other = Question(pki.client("mallory").certificate, pki.intermediate.certificate)
    question = Question(client.certificate, pki.intermediate.certificate)
    responder.nonce = b""
    with pytest.raises(OCSPError, match="about another certificate"):
        question.verify(responder.respond(other.der), datetime.datetime.now(datetime.UTC))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x30\x03\x0a\x01\x00", bytes(1000)])
def test_garbage(ask, responder, content):
    responder.body = content
    with pytest.raises(OCSPError):
        ask()


def test_what_a_responder_refuses(ask, responder):
    for status in OCSPResponseStatus:
        if status is not OCSPResponseStatus.SUCCESSFUL:
            answer = OCSPResponseBuilder.build_unsuccessful(status)
            responder.body = answer.public_bytes(Encoding.DER)
            with pytest.raises(OCSPError, match=f"refuses: {status.name.lower()[:3]}"):
                ask()


def test_where_a_certificate_says_that_its_responder_is(pki, client):
    url = "http://ocsp.example/"
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    assert responder_of(pki.issue("bob", found_at(url), usage=usage).certificate) == url
    assert responder_of(client.certificate) == ""
    issuers = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                x509.AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url)
            )
        ]
    )
    assert responder_of(pki.issue("bob", issuers, usage=usage).certificate) == ""
