"""Certificates of any content, in order or hostile."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.cred.error import LoginFailed
from twisted.internet.defer import maybeDeferred
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from ftptls.cred import X509Credentials
from ftptls.tls.report import Report

KEY = ec.generate_private_key(ec.SECP256R1())
DAY = datetime.timedelta(days=1)
UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute:
    """One attribute of a subject, whatever is in it."""
    return x509.NameAttribute(oid, value, _validate=False)


def certificate(
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = (),
    alternatives: Sequence[x509.GeneralName] = (),
    extension: x509.ExtensionType | None = None,
    key: ec.EllipticCurvePrivateKey = KEY,
    name: x509.Name | None = None,
) -> x509.Certificate:
    """A certificate; nobody signed it who matters."""
    if name is None:
        name = x509.Name([attribute(oid, value) for oid, value in subject])
    begins = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([attribute(NameOID.COMMON_NAME, "Authority")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + DAY)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def called(*names: str) -> x509.Certificate:
    """A certificate with these common names."""
    return certificate([(NameOID.COMMON_NAME, name) for name in names])


def shown(name: str, *chain: x509.Certificate) -> X509Credentials:
    """A client that says USER, and shows a certificate."""
    report = Report("TLSv1.3", "TLS_AES_128_GCM_SHA256", resumed=False, fingerprint="ab" * 32)
    return X509Credentials(name.encode(), chain, "192.0.2.1", "", report)


def ask(checker: Any, credentials: Any) -> Any:
    """What a checker says now; None if the login is refused."""
    found: list[Any] = []
    maybeDeferred(checker.requestAvatarId, credentials).addBoth(found.append)
    (answer,) = found
    if isinstance(answer, Failure):
        answer.trap(LoginFailed)
        return None
    return answer


class Log:
    """What was logged since the test began."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        self.events.append({**event, "text": formatEvent(event)})

    @property
    def text(self) -> str:
        return "\n".join(event["text"] for event in self.events)


@pytest.fixture
def log() -> Iterator[Log]:
    """The log."""
    found = Log()
    globalLogPublisher.addObserver(found)
    yield found
    globalLogPublisher.removeObserver(found)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    """Another key than everybody's."""
    return ec.generate_private_key(ec.SECP256R1())
