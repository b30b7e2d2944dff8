"""A connection that waits at a door that answers later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ftptls.errors import FTPError
from ftptls.guard import Entrance, Refusal


class Admission(Protocol):
    """Reads nothing until the door has answered; then another protocol takes its place.

    Args:
        answer: What the door answers; it is cancelled if the client leaves.
        received: Makes the protocol that is for the answer.
    """

    def __init__(
        self,
        answer: Deferred[Refusal | Entrance],
        received: Callable[[Refusal | Entrance], Protocol],
    ) -> None:
        self._answer = answer
        self._received = received

    def connectionMade(self) -> None:
        """The client is there, and nobody has said anything yet."""
        transport: Any = self.transport
        transport.pauseProducing()
        self._answer.addCallbacks(self._answered, self._failed)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client does not wait any longer."""
        self._answer.cancel()

    def _answered(self, answer: Refusal | Entrance) -> None:
        protocol, transport = self._received(answer), self.transport
        # From here on the connection is that protocol's alone.
        self.dataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[method-assign]
        assert transport is not None  # noqa: S101 - there is an answer, so the client is there
        protocol.makeConnection(transport)
        reading: Any = transport
        reading.resumeProducing()

    def _failed(self, failure: Failure) -> None:
        """Nobody can answer, as the server ends; or nobody waits."""
        error = failure.value
        if self.connected and isinstance(error, FTPError):
            self._answered(Refusal(error.reply.text, banned=False))
