"""One handshake, for the log: version, cipher, whose certificate, which names were used."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography import x509

from ftptls.tls.clients import UNREADABLE, subject_in_words
from ftptls.tls.stream import TLSStream


class Report(NamedTuple):
    """What a complete handshake came to.

    Attributes:
        version: The protocol, such as ``TLSv1.3``.
        cipher: The cipher suite.
        resumed: Whether it resumed a session.
        shown_by: Who may have shown a certificate: ``client``, or ``server`` in a copy
            between servers where this one is the TLS client.
        subject: The certificate's subject, as sent; empty without a certificate.
        fingerprint: Its SHA-256 in hexadecimal; empty without one.
        server_name: SNI, as sent; empty without.
        protocol: What ALPN chose; empty without.
    """

    version: str
    cipher: str
    resumed: bool
    shown_by: str = "client"
    subject: str = ""
    fingerprint: str = ""
    server_name: str = ""
    protocol: str = ""


def report(stream: TLSStream) -> Report:
    """What the handshake of a stream came to."""
    certificate = stream.peer_certificate
    return Report(
        stream.version,
        stream.cipher,
        stream.resumed,
        "server" if stream.as_client else "client",
        _subject(certificate) if certificate else "",
        hashlib.sha256(certificate).hexdigest() if certificate else "",
        stream.server_name,
        stream.protocol,
    )


def _subject(der: bytes) -> str:
    try:
        return subject_in_words(x509.load_der_x509_certificate(der))
    except ValueError:
        return UNREADABLE
