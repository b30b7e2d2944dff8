"""Which certificates stand for a user."""

from __future__ import annotations

from cryptography import x509

from ftptls.cred.fields import UnusableError, field, fingerprint, key_fingerprint, subject
from ftptls.cred.mappers import distinguished_name
from ftptls.store.records import CERTIFICATE, KEY, Certificate, StoreError


def from_pem(pem: bytes, *, kind: str = CERTIFICATE, notes: str = "") -> Certificate:
    """What stands for a user if it is this certificate, or its key.

    Args:
        pem: The certificate; of several, the first.
        kind: ``certificate`` or ``key``.
        notes: For people; by default its subject, and until when it is valid.

    Raises:
        StoreError: It is none.
    """
    try:
        found = x509.load_pem_x509_certificate(pem)
        digest = key_fingerprint(found) if kind == KEY else fingerprint(found)
        until = found.not_valid_after_utc.date()
        notes = notes or f"{found.subject.rfc4514_string()}, until {until}"
    except ValueError:
        raise StoreError("This is no certificate in PEM.") from None
    return Certificate(digest.hex(), kind, notes if notes.isprintable() else "")


def stands_for(stored: Certificate, shown: x509.Certificate) -> bool:
    """Whether a certificate that TLS has verified is one that was stored."""
    try:
        if stored.kind == CERTIFICATE:
            return fingerprint(shown).hex() == stored.value
        if stored.kind == KEY:
            return key_fingerprint(shown).hex() == stored.value
        if stored.kind.lower() == "dn":
            return subject(shown) == distinguished_name(stored.value)
        return stored.value in field(stored.kind)(shown)
    except UnusableError:
        return False
