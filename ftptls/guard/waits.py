"""To wait on a reactor, no longer than somebody is there: what a ``Waiter`` does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater


class Waits:
    """Half of a :class:`~ftptls.guard.Waiter`; who inherits from it knows who is there."""

    _reactor: Any
    _waiting: Deferred[Any] | None = None

    @property
    def client_present(self) -> bool:
        """Whether the client is still there."""
        raise NotImplementedError

    async def until(self, waiting: Deferred[Any]) -> bool:
        """Wait for something, and give it up if the client leaves; whether it came."""
        if not self.client_present:
            waiting.cancel()
        self._waiting = waiting
        try:
            await waiting
        except CancelledError:
            return False
        finally:
            self._waiting = None
        return True

    async def pause(self, seconds: float) -> None:
        """Wait, not longer than the client is there, and hold up nobody else."""
        await self.until(deferLater(self._reactor, seconds))

    def _stop_waiting(self) -> None:
        """The client left: what is waited for is of no use any more."""
        if self._waiting is not None:
            self._waiting.cancel()
