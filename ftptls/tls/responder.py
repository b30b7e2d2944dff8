"""Asking OCSP responders, over plain HTTP (RFC 6960 appendix A), without ever blocking.

Plain HTTP is what there is: answers are signed, and a responder under TLS would need its
own certificate checked first.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from ftptls.tls.http import FAILURES, in_words, post
from ftptls.tls.ocsp import Answer, OCSPError, Question, responder_of

# No answer about one certificate comes near.
_LARGEST = 64 * 1024
_HTTP_OK = 200


def utc_now() -> datetime.datetime:
    """The time of day; the only place here that looks at a clock on the wall."""
    return datetime.datetime.now(datetime.UTC)


class Responders:
    """How OCSP responders are asked.

    Args:
        reactor: For connections and time.
        timeout: Seconds for a whole exchange.
        url: Whom to ask about everything; by default, whom each certificate names.
        agent: In place of Twisted's own :class:`twisted.web.client.Agent`.
        now: The time of day.
    """

    def __init__(
        self,
        reactor: Any,
        timeout: float,
        url: str = "",
        *,
        agent: Any = None,
        now: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._url = url
        self._agent = agent or Agent(reactor, connectTimeout=timeout)
        self.now = now

    def ask(
        self, certificate: x509.Certificate, issuer: x509.Certificate, *, with_nonce: bool = True
    ) -> Deferred[Answer]:
        """What is known of a certificate; cancel it to stop waiting.

        Args:
            certificate: The one in question.
            issuer: Whose key signed it.
            with_nonce: Whether the answer is for this request alone.

        Raises:
            OCSPError: There is no answer, or none that counts.
        """
        return Deferred.fromCoroutine(self._ask(certificate, issuer, with_nonce))

    async def _ask(
        self, certificate: x509.Certificate, issuer: x509.Certificate, with_nonce: bool
    ) -> Answer:
        url = self._url or responder_of(certificate)
        if not url:
            raise OCSPError("the certificate names no responder")
        question = Question(certificate, issuer, with_nonce=with_nonce)
        exchange = Deferred.fromCoroutine(self._post(url, question.der))
        exchange.addTimeout(self._timeout, self._reactor)
        try:
            der = await exchange
        except TimeoutError:
            raise OCSPError(f"{url} does not answer within {self._timeout:g} s") from None
        except FAILURES as error:
            raise OCSPError(f"{url} cannot be asked: {in_words(error)}") from None
        return question.verify(der, self.now())

    async def _post(self, url: str, request: bytes) -> bytes:
        if not url.lower().startswith("http://"):
            raise ValueError("only http:// is spoken")
        headers = Headers(
            {"Content-Type": ["application/ocsp-request"], "Accept": ["application/ocsp-response"]}
        )
        response = await post(self._agent, url, headers, request)
        body = _Body()
        response.deliverBody(body)
        content = await body.whole
        if response.code != _HTTP_OK:
            raise ValueError(f"it says {response.code} {response.phrase.decode('latin-1')}")
        return content


class _Body(Protocol):
    """Collects an answer, up to a limit; ``whole`` fires with it."""

    def __init__(self) -> None:
        self._content = bytearray()
        self.whole: Deferred[bytes] = Deferred(lambda _: self._abort())

    def dataReceived(self, data: bytes) -> None:
        """A piece of it."""
        self._content += data
        if len(self._content) > _LARGEST and not self.whole.called:
            self.whole.errback(ValueError("what it sends is too long for an answer"))
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All of it, or all that there will be."""
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(bytes(self._content))
        else:
            self.whole.errback(reason)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
