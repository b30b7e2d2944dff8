"""``ftptls user cert``: which certificates stand for a user."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ftptls.testing.certificates import PKI
from tests.cli.conftest import Command
from tests.cli.users import done, refusal, shown


@pytest.fixture
def certificate(folder: Path) -> x509.Certificate:
    """One in ``bob.pem``."""
    pair = PKI().client("bob")
    (folder / "bob.pem").write_bytes(pair.certificate_pem)
    return pair.certificate


def certificates(run: Command) -> object:
    return shown(run).get("certificates", [])


def test_a_certificate_from_a_file(run: Command, bob: None, certificate: x509.Certificate) -> None:
    done(run("user", "cert", "add", "bob", "bob.pem"))
    done(run("user", "cert", "add", "bob", "bob.pem", "--key", "--notes", "laptop"))
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = hashlib.sha256(spki).hexdigest()
    value = certificate.fingerprint(SHA256()).hex()
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    assert certificates(run) == [
        {"value": value, "kind": "certificate", "notes": f"CN=bob, until {until}"},
        {"value": key, "kind": "key", "notes": "laptop"},
    ]
    assert f"certificates  key:{key}  (laptop)\n" in done(run("user", "show", "bob")).output
    done(run("user", "cert", "remove", "bob", "bob.pem"))
    done(run("user", "cert", "remove", "bob", "bob.pem", "--key"))
    assert certificates(run) == []


def test_a_certificate_in_der(run: Command, bob: None, certificate: x509.Certificate) -> None:
    Path("bob.cer").write_bytes(certificate.public_bytes(Encoding.DER))
    done(run("user", "cert", "add", "bob", "bob.cer"))
    done(run("user", "cert", "remove", "bob", "bob.pem"))


def test_a_certificate_in_pkcs12(run: Command, bob: None) -> None:
    done(run("ca", "new", "--name", "x"))
    done(run("cert", "client", "bob"))
    sentence = refusal(run("user", "cert", "add", "bob", "bob.p12"))
    assert sentence == "bob.p12 is encrypted; name a file of the certificate alone."
    assert certificates(run) == []


def test_a_fingerprint_however_it_is_written(run: Command, bob: None) -> None:
    digest = hashlib.sha256(b"x")
    done(run("user", "cert", "add", "bob", digest.digest().hex(":").upper()))
    assert certificates(run) == [{"value": digest.hexdigest(), "kind": "certificate"}]
    done(run("user", "cert", "remove", "bob", digest.hexdigest()))
    done(run("user", "cert", "add", "bob", digest.hexdigest(), "--key"))
    assert certificates(run) == [{"value": digest.hexdigest(), "kind": "key"}]
    done(run("user", "cert", "remove", "bob", f"key:{digest.hexdigest()}"))
    assert certificates(run) == []


@pytest.mark.parametrize(
    "text", ["email:bob@example.com", "uri:spiffe://example.com/bob", "cn:bob", "dn:CN=bob,O=x"]
)
def test_a_field_of_a_certificate(run: Command, bob: None, text: str) -> None:
    done(run("user", "cert", "add", "bob", text))
    kind, _, value = text.partition(":")
    assert certificates(run) == [{"value": value, "kind": kind}]
    done(run("user", "cert", "remove", "bob", text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no.pem", "'no.pem' is no SHA-256 fingerprint: write 64 hexadecimal digits, with or"),
        ("empty.pem", "cannot read empty.pem: it holds no certificate in PEM, DER or PKCS#12."),
        ("shoe:44", "shoe"),
        ("dn:bob", "bob"),
        ("email:", "The email of a certificate cannot be ''"),
    ],
)
def test_what_is_no_certificate(
    run: Command, folder: Path, bob: None, text: str, sentence: str
) -> None:
    (folder / "empty.pem").touch()
    assert sentence in refusal(run("user", "cert", "add", "bob", text))
    assert certificates(run) == []


def test_certificates_of_nobody(run: Command, bob: None, certificate: x509.Certificate) -> None:
    for command in ("add", "remove"):
        sentence = refusal(run("user", "cert", command, "alice", "bob.pem"))
        assert sentence == "There is no user 'alice'."
    sentence = refusal(run("user", "cert", "remove", "bob", "bob.pem"))
    assert sentence == "No such certificate stands for the user 'bob'."
