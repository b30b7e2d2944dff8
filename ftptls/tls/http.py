"""What asking by HTTP takes, besides Twisted's agent."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.interfaces import IConsumer
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.error import Error, SchemeNotSupported
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

FAILURES = (
    ResponseFailed,
    ResponseNeverReceived,
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    SchemeNotSupported,
    Error,
    ValueError,  # what Twisted says of a URL or host name that is none
)
"""How a request can fail that is nobody's mistake here."""


async def post(agent: Any, url: str, headers: Headers, content: bytes) -> Any:
    """The beginning of the answer to a POST.

    Raises:
        CancelledError: It was cancelled; Twisted says that in other words at times.
    """
    try:
        return await agent.request(b"POST", url.encode("ascii"), headers, _Content(content))
    except ConnectingCancelledError:
        raise CancelledError from None
    except ResponseNeverReceived as error:
        if any(reason.check(CancelledError) for reason in error.reasons):
            raise CancelledError from None
        raise


def in_words(error: Exception) -> str:
    """The cause of one of :data:`FAILURES`, which Twisted wraps at times."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return in_words(reasons[0].value)
    return str(error) or type(error).__name__


@implementer(IBodyProducer)
class _Content:
    """A request's body, said at once."""

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._content = content

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        """Say it."""
        consumer.write(self._content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is said already."""

    def resumeProducing(self) -> None:
        """It is said already."""

    def stopProducing(self) -> None:
        """It is said already."""
