"""What is found out about a client's certificate behind the handshake: OCSP, and later CRLs."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ftptls import observe
from ftptls.cred.credentials import X509Credentials
from ftptls.session import Session
from ftptls.tls.contexts import ServerContext
from ftptls.tls.report import Report
from ftptls.tls.standing import ClientCheck, Verdict
from ftptls.tls.stream import TLSStream

_UNCHECKED = "it cannot be checked now"


class Vetting:
    """One session's.

    The check begins with the handshake, and USER waits for its end; the result is kept
    with the session.

    Args:
        session: Whose certificate it is.
        check: What is asked; ``None`` is nobody.
    """

    def __init__(self, session: Session, check: ClientCheck | None) -> None:
        self._session = session
        self._check = check
        self._chain: Sequence[x509.Certificate] = ()
        self._report: Report | None = None
        self._checking: Deferred[None] | None = None

    def begin(self, stream: TLSStream, found: Report) -> None:
        """A control handshake is complete: look at the certificate that it showed."""
        self.stop()
        self._report = found
        chain = found.fingerprint and stream.connection.get_verified_chain(as_cryptography=True)
        self._chain = chain or ()
        security = self._session.security
        security.standing = security.objection = ""
        if self._check is not None and self._chain:
            security.objection = _UNCHECKED
            self._checking = self._check.verdict(self._chain).addCallbacks(
                self._found, self._failed
            )

    def credentials(self, name: str) -> X509Credentials | None:
        """What the client shows besides a name; ``None`` without a certificate.

        It counts while TLS is up: behind CCC, a name could be anybody's.
        """
        session = self._session
        if not (self._chain and self._report and session.security.secured):
            return None
        username = name.encode("utf-8", "surrogateescape")
        chain = tuple(self._chain)
        return X509Credentials(username, chain, session.peers.client, session.host, self._report)

    async def objection(self) -> str:
        """Why the client is refused, once that is known; empty if it is not."""
        if self._checking is not None:
            await self._checking
        return self._session.security.objection

    def objection_of(self, tls: ServerContext, host_name: str) -> str:
        """Why another context would not let the client in; empty if it would."""
        return tls.objection_to(self._chain, host_name) if self._chain else ""

    def forget(self) -> None:
        """TLS is gone, and what it told of the client."""
        self.stop()
        self._chain = ()
        self._report = None
        security = self._session.security
        security.certificate = b""
        security.standing = security.objection = ""

    def stop(self) -> None:
        """The connection ended, or begins anew."""
        checking, self._checking = self._checking, None
        if checking is not None:
            checking.cancel()

    def _found(self, verdict: Verdict) -> None:
        security = self._session.security
        security.standing, security.objection = verdict.standing, verdict.refusal
        observe.vetted(self._session, verdict.standing, verdict.refusal)

    def _failed(self, failure: Failure) -> None:
        """Given up, or a check's own mistake: what is not known to be good stays out."""
        if not failure.check(CancelledError):
            observe.vetting_failed(self._session, failure)
