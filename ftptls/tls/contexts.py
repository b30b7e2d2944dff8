"""The two contexts of a connection: the listener's, shared, and the session's, bare.

A *bare* :class:`OpenSSL.SSL.Context` belongs to one control connection and owns the
keys of its session tickets, so a data connection that resumes a session of it resumes
a session of *this* control connection. The listener's shared context is lent to each
Connection by ``set_context``, which carries certificates and ciphers, but neither the
versions nor the options nor the session id: those are set on the bare one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

# The first is the cheapest on hardware that has AES; all give forward secrecy.
_CIPHERS_1_2 = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE+AESGCM:ECDHE+CHACHA20"
)
_CIPHERS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

# TLS 1.3 allows a ticket seven days at the most (RFC 8446 §4.6.1): longer than any session.
_SESSION_LIFETIME = 7 * 24 * 3600

_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE

PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
"""What a server certificate may be for."""


class CertificateError(ValueError):
    """A certificate or key that cannot be used; the text names the file and the remedy."""


class SessionContext:
    """What all TLS connections of one control connection share (see the module's text)."""

    def __init__(self, shared: SSL.Context) -> None:
        self._shared = shared
        self._bare = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._bare.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._bare.set_options(_OPTIONS)
        self._bare.set_session_id(b"ftptls")
        self._bare.set_timeout(_SESSION_LIFETIME)
        # With partial writes, every call would encrypt one record of 16 KiB only.
        self._bare.clear_mode(_partial_write_mode())

    def connection(self) -> SSL.Connection:
        """A new TLS server over memory, for the control connection or one data connection."""
        connection = SSL.Connection(self._bare, None)
        connection.set_context(self._shared)
        connection.set_accept_state()
        return connection


class ServerContext:
    """A listener's certificate, with its key and chain.

    Args:
        key: The private key.
        chain: The server's certificate, then the ones that lead to its root.

    Raises:
        CertificateError: The key does not belong to the first certificate.
    """

    def __init__(self, key: PrivateKey, chain: Sequence[x509.Certificate]) -> None:
        self._shared = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._shared.set_cipher_list(_CIPHERS_1_2)
        self._shared.set_tls13_ciphersuites(_CIPHERS_1_3)
        leaf, *others = chain
        self._shared.use_certificate(leaf)
        for certificate in others:
            self._shared.add_extra_chain_cert(certificate)
        try:
            self._shared.use_privatekey(key)
            self._shared.check_privatekey()
        except (SSL.Error, TypeError):
            raise CertificateError("the private key does not belong to the certificate") from None

    @classmethod
    def from_files(cls, certificate: str | os.PathLike[str], key: str = "") -> ServerContext:
        """Load PEM files.

        Args:
            certificate: The certificate, followed by its chain, and by the key if
                ``key`` is not given.
            key: The private key.

        Raises:
            CertificateError: With one sentence that names the file and the cause.
        """
        key_path = key or os.fspath(certificate)
        chain = _load_chain(os.fspath(certificate))
        private = _load_key(key_path)
        try:
            return cls(private, chain)
        except CertificateError:
            raise CertificateError(
                f"The private key in {key_path} does not belong to the certificate in "
                f"{os.fspath(certificate)}; name the pair that was made together."
            ) from None

    def new_session(self) -> SessionContext:
        """The context of a new control connection."""
        return SessionContext(self._shared)


def session_reused(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed an earlier session (the one private call: no public name)."""
    return bool(SSL._lib.SSL_session_reused(connection._ssl))  # type: ignore[attr-defined]


def _partial_write_mode() -> int:
    mode: int = SSL._lib.SSL_MODE_ENABLE_PARTIAL_WRITE  # type: ignore[attr-defined]
    return mode


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CertificateError(f"Cannot read {path}: {error.strerror}.") from None


def _load_chain(path: str) -> list[x509.Certificate]:
    data = _read(path)
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CertificateError(
            f"There is no PEM certificate in {path}; it needs a block that begins with "
            "-----BEGIN CERTIFICATE-----."
        ) from None


def _load_key(path: str) -> PrivateKey:
    data = _read(path)
    try:
        # A key of another kind fits no certificate, and is told of as such.
        return cast(PrivateKey, load_pem_private_key(data, None))
    except TypeError:
        raise CertificateError(
            f"The private key in {path} is encrypted; give an unencrypted one."
        ) from None
    except ValueError:
        raise CertificateError(
            f"There is no PEM private key in {path}; it needs a block that begins with "
            "-----BEGIN PRIVATE KEY-----."
        ) from None
