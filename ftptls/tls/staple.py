"""OCSP stapling (RFC 6066 §8): the proof that the server's own certificate still stands.

It comes from a file, or from the responder that the certificate names; then it is renewed
halfway to its nextUpdate. An answer is kept while it counts, whatever happens to the next
one, and one that has expired is never shown.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ftptls.tls.loading import CertificateError, Identity
from ftptls.tls.ocsp import Answer, ExpiredError, OCSPError, Question, Standing, responder_of

if TYPE_CHECKING:
    from ftptls.tls.responder import Responders

# Seconds: between attempts at first and at the most, and the least between two answers.
_FIRST_RETRY = 60.0
_LAST_RETRY = 3600.0
_LEAST = 60.0

_log = Logger(namespace="ftptls")


class Stapling(Protocol):
    """What provides a listener's contexts with answers."""

    def follow(self, identities: Iterable[Identity]) -> None:
        """These are the certificates that are shown from now on."""

    def answer_for(self, connection: SSL.Connection) -> bytes:
        """What to staple to a handshake; empty is nothing."""

    def stop(self) -> None:
        """No more answers are needed."""


class Staples:
    """Answers by certificate.

    Args:
        now: The time of day.
    """

    def __init__(self, now: Callable[[], datetime.datetime]) -> None:
        self._now = now
        self._answers: dict[bytes, Answer] = {}

    def put(self, certificate: x509.Certificate, answer: Answer) -> None:
        """Show an answer from now on, unless it says anything but good.

        Raises:
            OCSPError: It does.
        """
        if answer.standing is not Standing.GOOD:
            what = " ".join(filter(None, (answer.standing.value, answer.detail)))
            raise OCSPError(f"the certificate is {what}: clients will refuse it; get a new one")
        if answer.next_update is None:
            raise OCSPError("the answer does not say until when it counts")
        self._answers[_key(certificate)] = answer

    def keep(self, certificates: Iterable[x509.Certificate]) -> None:
        """Forget the answers about all other certificates."""
        wanted = {_key(each) for each in certificates}
        self._answers = {key: value for key, value in self._answers.items() if key in wanted}

    def answer_for(self, connection: SSL.Connection) -> bytes:
        """What to staple to a handshake; empty is nothing."""
        certificate = connection.get_certificate(as_cryptography=True)
        answer = self._answers.get(_key(certificate)) if certificate is not None else None
        return answer.der if answer is not None and answer.counts(self._now()) else b""


class FileStapling:
    """An answer from a file, which something else renews; it is read with each reload.

    Args:
        path: The file.
        now: The time of day.
    """

    def __init__(self, path: str, now: Callable[[], datetime.datetime]) -> None:
        self._path = path
        self._now = now
        self._staples = Staples(now)
        self.answer_for = self._staples.answer_for

    def follow(self, identities: Iterable[Identity]) -> None:
        """These are the certificates that are shown from now on.

        Raises:
            CertificateError: The file's answer is about none of them, or does not count. One
                that has expired is only told of: it must not keep a server from starting.
        """
        der = self._read()
        reasons = []
        for identity in identities:
            try:
                self._put(identity, der)
            except ExpiredError as error:
                _log.warn("ftptls: {path} is not stapled: {why}", path=self._path, why=error)
                return
            except OCSPError as error:
                reasons.append(str(error))
            else:
                return
        raise CertificateError(f"The OCSP answer in {self._path} cannot be stapled: {reasons[-1]}.")

    def stop(self) -> None:
        """Nothing goes on."""

    def _read(self) -> bytes:
        try:
            with open(self._path, "rb") as file:
                return file.read()
        except OSError as error:
            raise CertificateError(f"Cannot read {self._path}: {error.strerror}.") from None

    def _put(self, identity: Identity, der: bytes) -> None:
        certificate, issuer = _with_issuer(identity)
        question = Question(certificate, issuer, with_nonce=False)
        self._staples.put(certificate, question.verify(der, self._now()))


class FetchedStapling:
    """Answers from the responders that the certificates name.

    Args:
        reactor: For the time.
        responders: How they are asked.
    """

    def __init__(self, reactor: Any, responders: Responders) -> None:
        self._reactor = reactor
        self._responders = responders
        self._staples = Staples(responders.now)
        self._fetchings: dict[bytes, _Fetching] = {}
        self.answer_for = self._staples.answer_for

    def follow(self, identities: Iterable[Identity]) -> None:
        """These are the certificates that are shown from now on.

        Raises:
            CertificateError: One of them names no responder, or its issuer is not known.
        """
        wanted = {}
        for identity in identities:
            certificate, issuer = _with_issuer(identity)
            if not responder_of(certificate):
                raise CertificateError(
                    f"The certificate in {identity.source or 'memory'} names no OCSP responder: "
                    "switch revocation.staple off, or name a file with revocation.staple_file."
                )
            wanted[_key(certificate)] = (certificate, issuer)
        for key in self._fetchings.keys() - wanted.keys():
            self._fetchings.pop(key).stop()
        self._staples.keep(certificate for certificate, _ in wanted.values())
        for key in wanted.keys() - self._fetchings.keys():
            self._fetchings[key] = _Fetching(
                self._reactor, self._responders, self._staples, *wanted[key]
            )

    def stop(self) -> None:
        """No more answers are needed."""
        while self._fetchings:
            self._fetchings.popitem()[1].stop()


class _Fetching:
    """The answers about one certificate, one after the other."""

    def __init__(
        self,
        reactor: Any,
        responders: Responders,
        staples: Staples,
        certificate: x509.Certificate,
        issuer: x509.Certificate,
    ) -> None:
        self._reactor = reactor
        self._responders = responders
        self._staples = staples
        self._about = (certificate, issuer)
        self._retry = _FIRST_RETRY
        self._asking: Deferred[None] | None = None
        self._next = reactor.callLater(0, self._fetch)

    def stop(self) -> None:
        """Ask no more."""
        if self._next.active():
            self._next.cancel()
        if self._asking is not None:
            self._asking.addErrback(lambda _: None)  # of the cancellation
            self._asking.cancel()

    def _fetch(self) -> None:
        self._asking = Deferred.fromCoroutine(self._ask())

    async def _ask(self) -> None:
        certificate, issuer = self._about
        try:
            answer = await self._responders.ask(certificate, issuer, with_nonce=False)
            self._staples.put(certificate, answer)
        except OCSPError as error:
            delay, self._retry = self._retry, min(self._retry * 2, _LAST_RETRY)
            _log.warn(
                "ftptls: no new OCSP answer to staple for {subject}: {why}; next attempt in "
                "{delay:.0f} s",
                subject=certificate.subject.rfc4514_string(),
                why=error,
                delay=delay,
            )
        else:
            self._retry = _FIRST_RETRY
            delay = self._time_to_renew(answer)
        self._asking = None
        self._next = self._reactor.callLater(delay, self._fetch)

    def _time_to_renew(self, answer: Answer) -> float:
        """Seconds: half of what is left."""
        if answer.next_update is None:
            return _LEAST
        left = (answer.next_update - self._responders.now()).total_seconds()
        return max(left / 2, _LEAST)


def _with_issuer(identity: Identity) -> tuple[x509.Certificate, x509.Certificate]:
    if len(identity.chain) < 2:
        raise CertificateError(
            f"Nothing can be stapled to the certificate in {identity.source or 'memory'}: its "
            "issuer is not known; put the issuer's certificate behind it."
        )
    return identity.chain[0], identity.chain[1]


def _key(certificate: x509.Certificate) -> bytes:
    return certificate.fingerprint(hashes.SHA256())
