"""Which certificates stand for a user."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import RFC822Name, SubjectAlternativeName
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftptls.store import Certificate, StoreError, User
from ftptls.store.certificates import from_pem, stands_for
from ftptls.store.records import CERTIFICATE, KEY
from ftptls.store.texts import from_values
from ftptls.testing.certificates import PKI


@pytest.fixture(scope="module")
def pki():
    return PKI()


def pem(pair) -> bytes:
    return pair.certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("kind", [CERTIFICATE, KEY])
def test_a_certificate_from_its_file(pki, kind):
    alice, bob = pki.client("alice"), pki.client("bob")
    stored = from_pem(pem(alice), kind=kind)
    assert stored.kind == kind
    assert stored.notes.startswith("CN=alice, until 20")
    assert stands_for(stored, alice.certificate)
    assert not stands_for(stored, bob.certificate)
    assert from_pem(pem(alice), kind=kind, notes="the laptop").notes == "the laptop"


def test_of_several_the_first(pki):
    alice, bob = pki.client("alice"), pki.client("bob")
    assert stands_for(from_pem(pem(alice) + pem(bob)), alice.certificate)


@pytest.mark.parametrize("text", [b"", b"alice", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_no_certificate(text):
    with pytest.raises(StoreError, match="no certificate in PEM"):
        from_pem(text)


def test_what_a_terminal_should_not_see_is_in_no_notes(pki):
    assert from_pem(pem(pki.client("ali\x1b[2Jce"))).notes == ""


def test_fields(pki):
    mailbox = SubjectAlternativeName([RFC822Name("alice@example.com")])
    alice = pki.issue("alice", mailbox, usage=ExtendedKeyUsageOID.CLIENT_AUTH).certificate
    assert stands_for(Certificate("alice@example.com", "email"), alice)
    assert stands_for(Certificate("CN=alice", "dn"), alice)
    for value in ("Alice@example.com", "alice@example.co", "", "*"):
        assert not stands_for(Certificate(value, "email"), alice)
    assert not stands_for(Certificate("alice", "uid"), alice)
    assert not stands_for(Certificate("CN=alicia", "dn"), alice)


@pytest.mark.parametrize("name", ["al\0ice", "аlice"])  # noqa: RUF001 - a Cyrillic letter
def test_a_field_that_is_not_what_it_looks_like_stands_for_nobody(pki, name):
    shown = pki.client(name).certificate
    assert not stands_for(Certificate(name, "cn"), shown)
    assert not stands_for(Certificate("alice", "cn"), shown)


PIN = "A1:" * 31 + "A1"
PLAIN = "a1" * 32


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (PIN, Certificate(PLAIN)),
        (PLAIN, Certificate(PLAIN)),
        (f"key:{PLAIN}", Certificate(PLAIN, KEY)),
        (f"key:{PIN}", Certificate(PLAIN, KEY)),
        (f"certificate: {PIN} ", Certificate(PLAIN)),
        ({"value": PIN, "kind": "key", "notes": "n"}, Certificate(PLAIN, KEY, "n")),
        ("email:bob@example.com", Certificate("bob@example.com", "email")),
        ("uri:spiffe://example/bob", Certificate("spiffe://example/bob", "uri")),
        ("cn:bob", Certificate("bob", "cn")),
        ("dn:CN=bob", Certificate("CN=bob", "dn")),
    ],
)
def test_how_it_is_written(text, meant):
    (read,) = from_values(User, {"name": "bob", "certificates": [text]}).certificates
    assert read == meant
