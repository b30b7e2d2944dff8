"""Waiting with a bound, on the reactor."""

from __future__ import annotations

from collections.abc import Callable
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


class Alarm:
    """A time that is set anew, or not needed any more, again and again before it comes.

    The timer of the reactor behind it stays as it is, and when its time comes, it looks
    whether that is still the time.

    Args:
        reactor: For the time.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._timer: Any = None
        self._when = 0.0
        self._ring: Callable[[], None] | None = None

    def set(self, when: float, ring: Callable[[], None]) -> None:
        """Have ``ring`` called at ``when`` by the reactor's clock, in place of what was set."""
        self._when, self._ring = when, ring
        if self._timer is not None and self._timer.getTime() > when:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._start()

    def stop(self) -> None:
        """Nothing is to be called."""
        self._ring = None

    def end(self) -> None:
        """It is not used any more."""
        self.stop()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _start(self) -> None:
        delay = max(0.0, self._when - self._reactor.seconds())
        self._timer = self._reactor.callLater(delay, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._ring is None:
            return
        if self._when > self._reactor.seconds():
            self._start()
            return
        ring, self._ring = self._ring, None
        ring()


class Change:
    """A condition that others wait for: told that something changed, they look again.

    Args:
        alarm: For the time; while somebody waits it is used for nothing else.
    """

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm
        self._waiting: Deferred[None] | None = None

    def tell(self) -> None:
        """Something changed."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def wait_until(self, when: float) -> None:
        """Until the next change, or the reactor's time ``when`` at the latest."""
        self._waiting = Deferred()
        self._alarm.set(when, self.tell)
        try:
            await self._waiting
        finally:
            self._alarm.stop()
