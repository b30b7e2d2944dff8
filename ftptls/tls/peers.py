"""The TLS client's side, for copies between two servers (secure FXP).

In such a copy each server has a data connection to the other, and one of the two must be
the TLS client (RFC 4217 §7 leaves the case out; servers agreed on SSCN and CPSV). Whoever
is it verifies the other's certificate: by its authority and name, or by its fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import service_identity
from OpenSSL import SSL
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from ftptls.tls.contexts import CertificateError
from ftptls.tls.stream import TLSStream


def fingerprint(text: str) -> bytes:
    """A SHA-256 fingerprint from its hexadecimal form, with or without colons.

    Raises:
        ValueError: It is none.
    """
    digest = bytes.fromhex(text.replace(":", ""))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return digest


class PeerContext:
    """How this server is the TLS client of another one.

    Args:
        authorities: PEM file of the authorities that other servers' certificates come from.
        names: Names that such a certificate may be for; its address is one by itself.
        pins: SHA-256 fingerprints of certificates that need no authority.

    Raises:
        CertificateError: The file cannot be used.
    """

    def __init__(self, authorities: str, names: Iterable[str], pins: Iterable[str]) -> None:
        self._names = tuple(names)
        self._pins = frozenset(fingerprint(pin) for pin in pins)
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.clear_mode(SSL._lib.SSL_MODE_ENABLE_PARTIAL_WRITE)  # type: ignore[attr-defined]
        # OpenSSL tells what it thinks of the chain; :meth:`refusal` decides, as a pin may do.
        self._context.set_verify(SSL.VERIFY_PEER, _note_verdict)
        if authorities:
            try:
                self._context.load_verify_locations(authorities)
            except SSL.Error:
                raise CertificateError(
                    f"There are no PEM certificates of authorities in {authorities}."
                ) from None

    def stream(self) -> TLSStream:
        """A new TLS connection, as the client."""
        connection = SSL.Connection(self._context, None)
        connection.set_connect_state()
        connection.set_app_data([])
        return TLSStream(connection, as_client=True)

    def refusal(self, stream: TLSStream, address: str) -> str:
        """Why the other server is not to be trusted; empty if it is.

        Args:
            stream: The connection to it, its handshake complete.
            address: Its address.
        """
        connection = stream.connection
        certificate = stream.peer_certificate
        if not certificate:
            return "the other server shows no certificate"
        if hashlib.sha256(certificate).digest() in self._pins:
            return ""
        verdict = connection.get_app_data()
        if verdict:
            return f"the other server's certificate is not trusted: {verdict[0]}"
        if not self._is_for_us(connection, address):
            return "the other server's certificate is for another name"
        return ""

    def _is_for_us(self, connection: SSL.Connection, address: str) -> bool:
        checks = [(verify_ip_address, address), *((verify_hostname, each) for each in self._names)]
        for check, name in checks:
            try:
                check(connection, name)
            except (service_identity.VerificationError, service_identity.CertificateError):
                continue
            return True
        return False


def _note_verdict(
    connection: SSL.Connection, _certificate: object, error: int, depth: int, ok: int
) -> bool:
    """Remember the first error of the chain, and let the handshake go on."""
    if not ok:
        connection.get_app_data().append(f"{_words(error)} at depth {depth}")
    return True


def _words(error: int) -> str:
    lib, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]  # no public name for it
    text: bytes = ffi.string(lib.X509_verify_cert_error_string(error))
    return text.decode()
