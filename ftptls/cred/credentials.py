"""What a client shows in order to log in, besides a name and a password."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from twisted.cred.credentials import UsernamePassword
from zope.interface import implementer

from ftptls.interfaces import ICertificateAndPassword, IX509Credentials
from ftptls.tls.report import Report


class NameAndPassword(UsernamePassword):
    """What USER and PASS said, for any checker; and where the client is, for who wants to know.

    Args:
        username: The name, in UTF-8.
        password: As octets.
        address: Where the client is.
    """

    def __init__(self, username: bytes, password: bytes, address: str) -> None:
        super().__init__(username, password)
        self.address = address


@implementer(IX509Credentials)
@dataclass(frozen=True, slots=True)
class X509Credentials:
    """A name, and a certificate that TLS has verified.

    Attributes:
        username: The name in USER, in UTF-8.
        chain: The client's certificate, then the ones that lead to its root.
        address: Where the client is.
        host: The virtual host; empty without.
        tls: What the control connection's handshake came to.
    """

    username: bytes
    chain: tuple[x509.Certificate, ...]
    address: str
    host: str
    tls: Report

    @property
    def certificate(self) -> x509.Certificate:
        """The client's own."""
        return self.chain[0]


@implementer(ICertificateAndPassword)
@dataclass(frozen=True, slots=True)
class CertificateAndPassword:
    """Both at once: a certificate, and the password that came behind it.

    Attributes:
        shown: The name and the certificate.
        password: What PASS said, as octets; never shown.
    """

    shown: IX509Credentials
    password: bytes = field(repr=False)

    @property
    def username(self) -> bytes:
        """The name in USER."""
        return self.shown.username
