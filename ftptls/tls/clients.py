"""Client certificates: who vouches for them, and how OpenSSL is made to check them.

``set_context`` carries the authorities and their names to a Connection, but neither the
verify mode nor the depth: those are set on each Connection (:meth:`Verification.demand`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cryptography import x509
from OpenSSL import SSL, crypto

from ftptls.settings import ClientCertificate, ClientCertificates
from ftptls.tls.handshake import Handshake
from ftptls.tls.loading import CertificateError, load_authorities
from ftptls.tls.revocation import RevocationLists

UNREADABLE = "(unreadable)"
"""In place of a subject that is in no form that can be shown."""

_MODES = {
    ClientCertificate.NONE: SSL.VERIFY_NONE,
    ClientCertificate.OPTIONAL: SSL.VERIFY_PEER,
    ClientCertificate.REQUIRED: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}


@dataclass(frozen=True)
class Verification:
    """What a listener, or a virtual host of it, wants of its clients.

    Attributes:
        mode: Whether a certificate is asked for, or due.
        authorities: Who vouches for clients.
        send_names: Whether the authorities' names are sent.
        depth: How many authorities there may be between a certificate and a root.
        revocations: What was revoked.
    """

    mode: ClientCertificate = ClientCertificate.NONE
    authorities: Sequence[x509.Certificate] = ()
    send_names: bool = True
    depth: int = 9
    revocations: RevocationLists = field(default_factory=RevocationLists)

    @classmethod
    def of(
        cls, settings: ClientCertificates, revocations: RevocationLists | None = None
    ) -> Verification:
        """What the settings say.

        Args:
            settings: Whether clients show certificates, and who vouches for them.
            revocations: What was revoked.

        Raises:
            CertificateError: An authority cannot be loaded, or none is named.
        """
        if settings.mode is not ClientCertificate.NONE and not settings.authorities:
            raise CertificateError(
                f"Client certificates are {settings.mode.value}, and nobody vouches for them: "
                "name authorities with client_certificates.authorities."
            )
        authorities = load_authorities(settings.authorities)
        revocations = revocations or RevocationLists()
        return cls(settings.mode, authorities, settings.send_names, settings.depth, revocations)

    def use_in(self, context: SSL.Context) -> None:
        """Give the authorities to a context that will be lent.

        Trusted are the roots among them, and the others as well: an operator may trust one
        authority without trusting the one above it.
        """
        if self.mode is ClientCertificate.NONE:
            return
        store = context.get_cert_store()
        if store is None:
            raise AssertionError("a context of a server has a store")
        self._fill(store)
        if self.send_names:
            for authority in self.authorities:
                context.add_client_ca(authority)

    def objection_to(self, chain: Sequence[x509.Certificate]) -> str:
        """Why a client that was let in would not be now; empty if it would.

        Args:
            chain: The client's certificate and the ones that led to its root.
        """
        if self.mode is ClientCertificate.NONE:
            return ""
        store = crypto.X509Store()
        self._fill(store)
        leaf, *others = map(crypto.X509.from_cryptography, chain)
        try:
            crypto.X509StoreContext(store, leaf, others).verify_certificate()
        except crypto.X509StoreContextError as error:
            return str(error)
        return ""

    def _fill(self, store: crypto.X509Store) -> None:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for authority in self.authorities:
            store.add_cert(crypto.X509.from_cryptography(authority))
        self.revocations.use_in(store)

    @cached_property
    def _openssl_mode(self) -> int:
        return _MODES[self.mode]

    def demand(self, connection: SSL.Connection) -> None:
        """Have a certificate asked for, or due, in the handshake of a Connection."""
        mode = self._openssl_mode
        if mode != connection.get_verify_mode():
            connection.set_verify(mode, _look_at if mode else None)


def subject_in_words(certificate: x509.Certificate) -> str:
    """The subject in the form of RFC 4514; who is vouched for may still have an odd one."""
    try:
        return certificate.subject.rfc4514_string() or "(empty)"
    except (ValueError, TypeError):  # the latter where a text is a BIT STRING
        return UNREADABLE


def _look_at(
    connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, ok: int
) -> bool:
    """What OpenSSL asks for each certificate of a client's chain, the root first."""
    handshake = connection.get_app_data()
    if not isinstance(handshake, Handshake):
        return bool(ok)
    try:
        subject = subject_in_words(certificate.to_cryptography())
    except ValueError as error:
        handshake.refusal = (
            "the client certificate, or one above it, is not in the form of RFC 5280, "
            f"and has to be issued anew: {str(error)!a}"
        )
        return False
    if not ok:
        handshake.shown = subject
        return False
    allowed = handshake.host.verification.depth
    if depth > allowed + 1:  # the root is one above the last authority in between
        handshake.refusal = (
            f"the client certificate has more than {allowed} authorities between it and the "
            "root (client_certificates.depth)"
        )
        return False
    return True
