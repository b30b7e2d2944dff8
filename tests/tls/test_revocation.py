"""Clients whose certificates were revoked, in the handshake: what a CRL must bring about."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ftptls.settings import OCSP, ClientCertificate, Revocation
from ftptls.testing.certificates import PKI, Pair
from ftptls.testing.responder import revocation_list as crl
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import CertificateError, ServerContext
from ftptls.tls.revocation import RevocationLists, contradiction, load_lists, warn_of_old_lists
from ftptls.tls.stream import TLSError, TLSStream

from .conftest import Peer

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def client(pki) -> Pair:
    return pki.client()


def verification(pki: PKI, *lists, whole_chain=False) -> Verification:
    return Verification(
        ClientCertificate.REQUIRED,
        [pki.root.certificate],
        revocations=RevocationLists(lists, whole_chain),
    )


def failure(pki: PKI, shown: Pair, wanted: Verification, version=SSL.TLS1_3_VERSION) -> str:
    """How the server refuses a client; empty if it does not."""
    identity = pki.server()
    context = ServerContext(identity.key, identity.chain, verification=wanted)
    peer = Peer(pki.client_context(version, shown))
    stream = TLSStream(context.new_session().control_connection())
    peer.take(b"")
    for _ in range(3):
        stream.feed(peer.output())
        try:
            if stream.handshake():
                return ""
        except TLSError as error:
            return str(error)
        peer.take(stream.output())
    raise AssertionError("the handshake does not end")


def test_s08_a_client_that_is_not_in_the_list_is_let_in(pki, client, version):
    assert failure(pki, client, verification(pki, crl(pki.intermediate)), version) == ""


def test_s08_a_revoked_client_is_refused(pki, client, version):
    reason = failure(pki, client, verification(pki, crl(pki.intermediate, client)), version)
    assert "its authority has revoked it" in reason
    assert "CN=bob" in reason


def test_s08_what_else_is_wrong_stays_refused_with_a_list(pki):
    wanted = verification(pki, crl(pki.intermediate))
    assert "has expired" in failure(pki, pki.client(late=True), wanted)
    assert "not accepted" in failure(pki, pki.client(early=True), wanted)
    assert "not accepted" in failure(pki, pki.wrong_usage(), wanted)
    assert "not accepted" in failure(pki, PKI(name="Other").client(), wanted)


def test_an_issuer_without_a_list_is_refused(pki, client):
    reason = failure(pki, client, verification(pki, crl(pki.root)))
    assert "CRL" in reason


@pytest.mark.parametrize("times", [{"ends": -DAY}, {"begins": DAY, "ends": 2 * DAY}])
def test_a_list_that_is_not_valid_now_refuses_everybody_of_its_issuer(pki, client, times):
    reason = failure(pki, client, verification(pki, crl(pki.intermediate, **times)))
    assert "CRL" in reason


def test_a_list_that_somebody_else_signed_is_not_taken(pki, client):
    impostor = PKI(name=pki.name).intermediate
    assert impostor.certificate.subject == pki.intermediate.certificate.subject
    assert "CRL" in failure(pki, client, verification(pki, crl(impostor)))


def test_the_whole_chain(pki, client):
    of_clients, of_authorities = crl(pki.intermediate), crl(pki.root)
    assert (
        failure(pki, client, verification(pki, of_clients, of_authorities, whole_chain=True)) == ""
    )
    assert "CRL" in failure(pki, client, verification(pki, of_clients, whole_chain=True))
    fallen = crl(pki.root, pki.intermediate)
    assert failure(pki, client, verification(pki, of_clients, fallen)) == ""
    assert "revoked" in failure(
        pki, client, verification(pki, of_clients, fallen, whole_chain=True)
    )


def test_one_that_was_let_in_can_be_looked_at_again(pki, client):
    chain = [client.certificate, pki.intermediate.certificate]
    assert verification(pki).objection_to(chain) == ""
    assert verification(pki, crl(pki.intermediate)).objection_to(chain) == ""
    revoked = verification(pki, crl(pki.intermediate, client))
    assert "revoked" in revoked.objection_to(chain)
    assert "expired" in verification(pki, crl(pki.intermediate, ends=-DAY)).objection_to(chain)
    assert verification(PKI(name="Other")).objection_to(chain) != ""


@pytest.fixture
def lists(pki):
    return [crl(pki.root), crl(pki.intermediate)]


def pem(lists) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in lists)


def test_files_of_each_form(lists, tmp_path):
    (tmp_path / "both.pem").write_bytes(b"for people\n" + pem(lists))
    assert load_lists([str(tmp_path / "both.pem")]) == lists
    for at, each in enumerate(lists):
        (tmp_path / f"{at}.crl").write_bytes(each.public_bytes(Encoding.DER))
    assert load_lists([str(tmp_path / "0.crl"), str(tmp_path / "1.crl")]) == lists
    assert load_lists([str(tmp_path)]) == lists  # each once


def test_links_by_hash_and_hidden_files_do_not_matter(lists, tmp_path):
    (tmp_path / "a.pem").write_bytes(pem(lists))
    (tmp_path / "0a1b2c3d.r0").symlink_to("a.pem")
    (tmp_path / ".a.pem.swp").write_bytes(b"\0")
    (tmp_path / "folder").mkdir()
    assert load_lists([str(tmp_path)]) == lists


def test_what_is_no_list(lists, tmp_path):
    path = tmp_path / "bad"
    for content in (b"", b"hello", b"\x30\x03\x02\x01\x00", pem(lists)[:-30], pem(lists)[30:-30]):
        path.write_bytes(content)
        with pytest.raises(CertificateError, match=str(path)):
            load_lists([str(path)])
    path.unlink()
    with pytest.raises(CertificateError, match=f"Cannot read {path}: No such file"):
        load_lists([str(path)])
    with pytest.raises(CertificateError, match=f"There is no CRL in {tmp_path}"):
        load_lists([str(tmp_path)])


def test_an_old_list_is_told_of(pki, recorded):
    warn_of_old_lists(RevocationLists([crl(pki.root), crl(pki.intermediate, ends=-DAY)]))
    assert len(recorded) == 1
    assert "the CRL of CN=Example intermediate expired on 20" in recorded[0]


ALL = Revocation(
    crls=("a",), crl_whole_chain=True, ocsp=OCSP.HARD, ocsp_responder="http://b/", staple=True
)


def test_what_can_work():
    for each in (Revocation(), ALL):
        assert contradiction(each, asks=True, has_certificate=True) == ""


@pytest.mark.parametrize(
    ("settings", "asks", "has_certificate", "named"),
    [
        (Revocation(crls=("a",)), False, True, "revocation.crls"),
        (Revocation(ocsp=OCSP.SOFT), False, True, "client_certificates.mode"),
        (replace(ALL, crls=()), True, True, "crl_whole_chain"),
        (replace(ALL, ocsp=OCSP.OFF), True, True, "ocsp_responder"),
        (replace(ALL, staple_file="c"), True, True, "staple_file"),
        (Revocation(staple=True), False, False, "tls.certificate"),
        (Revocation(staple_file="c"), False, False, "tls.certificate"),
    ],
)
def test_what_cannot_work(settings, asks, has_certificate, named):
    assert named in contradiction(settings, asks=asks, has_certificate=has_certificate)
