"""A connection that is refused at the door, before TLS and before any work."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol

from ftptls.wire.replies import Reply


class Refused(Protocol):
    """Says why, if that can be said, and closes.

    Args:
        text: Of the 421; empty for nothing, as where TLS is expected first.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def connectionMade(self) -> None:
        """Neither wait for anything nor read."""
        transport: Any = self.transport
        if ISSLTransport.providedBy(transport):
            transport.abortConnection()  # there was no handshake yet, and a text would wait for it
            return
        if self._text:
            transport.write(Reply(421, self._text).encode())
        transport.loseConnection()
