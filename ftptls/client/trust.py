"""Certificates in words, and whether a chain can be trusted."""

from __future__ import annotations

import ipaddress

import service_identity
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from ftptls.authority.describing import key_in_words
from ftptls.client.findings import Certificate
from ftptls.client.wires import ClientError
from ftptls.tls.stream import verdict


def trusting(context: SSL.Context, authorities: str) -> None:
    """Have a context verify, and go on in any case, so that the verdict can be asked for.

    A client without VERIFY_PEER does just that; a callback of pyOpenSSL's that lets pass what
    is wrong would have OpenSSL forget it.

    Args:
        context: A client's.
        authorities: PEM file; empty for those of the system.

    Raises:
        ClientError: The file cannot be used.
    """
    context.set_verify(SSL.VERIFY_NONE)
    if not authorities:
        context.set_default_verify_paths()
        return
    try:
        context.load_verify_locations(authorities)
    except SSL.Error:
        raise ClientError(f"there are no PEM certificates in {authorities}") from None


def objection(connection: SSL.Connection, host: str) -> str:
    """Why the server's certificate is not to be trusted; empty if it is.

    Args:
        connection: Its handshake complete, of a context that is :func:`trusting`.
        host: The name or address that was connected to.
    """
    if found := verdict(connection):
        return found
    try:
        (verify_ip_address if is_address(host) else verify_hostname)(connection, host)
    except (service_identity.VerificationError, service_identity.CertificateError):
        return f"it is not for {host}"
    return ""


def is_address(host: str) -> bool:
    """Whether a host is a numeric address, which SNI does not know (RFC 6066 §3)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def described(certificate: x509.Certificate) -> Certificate:
    """A certificate in words."""
    return Certificate(
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_before_utc.isoformat(),
        certificate.not_valid_after_utc.isoformat(),
        key_in_words(certificate),
        _names(certificate),
        certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    dns = found.get_values_for_type(x509.DNSName)
    return (*dns, *map(str, found.get_values_for_type(x509.IPAddress)))
