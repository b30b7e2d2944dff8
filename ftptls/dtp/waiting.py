"""Waiting with a bound, on the reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ftptls.dtp.pumps import BrokenError


async def within(reactor: Any, seconds: float, waiting: Deferred[None], otherwise: str) -> None:
    """Wait for ``waiting``, but no longer than ``seconds``.

    Raises:
        BrokenError: With the text ``otherwise``: the time is over.
    """
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        waiting.callback(None)

    call = IReactorTime(reactor).callLater(seconds, expire)
    try:
        await waiting
    finally:
        if call.active():
            call.cancel()
    if expired:
        raise BrokenError(otherwise)


class Change:
    """A condition that others wait for: told that something changed, they look again."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = IReactorTime(reactor)
        self._waiting: Deferred[None] | None = None

    def tell(self) -> None:
        """Something changed."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def wait_until(self, when: float) -> None:
        """Until the next change, or the reactor's time ``when`` at the latest."""
        self._waiting = Deferred()
        call = self._reactor.callLater(max(0.0, when - self._reactor.seconds()), self.tell)
        try:
            await self._waiting
        finally:
            if call.active():
                call.cancel()
