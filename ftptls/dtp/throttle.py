"""Rates: a data connection that moves no more octets a second than the policy allows."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ftptls.dtp.links import Link
from ftptls.settings import Policy

# What was not used within this many seconds is lost: so much may go at once.
_BURST = 0.25
_SMALLEST_BURST = 1024


class Bucket:
    """Octets that may move by now.

    Args:
        clock: Keeps the time; it is also asked on worker threads.
        rate: Octets a second.

    Attributes:
        rate: Octets a second.
    """

    def __init__(self, clock: Any, rate: int) -> None:
        self.rate = rate
        self._clock = clock
        self._most = max(rate * _BURST, _SMALLEST_BURST)
        self._octets = self._most
        self._filled_at = clock.seconds()

    def allowance(self) -> int:
        """How many; none rather than few, so that the work for each piece is worth it."""
        now = self._clock.seconds()
        passed = max(0.0, now - self._filled_at)  # clocks are set back now and then
        self._octets = min(self._most, self._octets + passed * self.rate)
        self._filled_at = now
        return int(self._octets) if self._octets >= self._most / 2 else 0

    def take(self, octets: int) -> None:
        """So many have moved."""
        self._octets -= octets

    def ready_in(self) -> float:
        """Seconds until there is an allowance; 0 if there is."""
        if self.allowance():
            return 0.0
        return float(self._most / 2 - self._octets) / self.rate


class Rates:
    """What one session may move; its transfers, one after the other, share it.

    Args:
        clock: Keeps the time.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._sending: Bucket | None = None
        self._receiving: Bucket | None = None

    def slow_down(self, link: Link, policy: Policy) -> Link:
        """The link, or one that moves no more than the policy allows."""
        if not policy.download_rate and not policy.upload_rate:
            self._sending = self._receiving = None
            return link
        self._sending = self._bucket(self._sending, policy.download_rate)
        self._receiving = self._bucket(self._receiving, policy.upload_rate)
        return ThrottledLink(self._clock, link, self._sending, self._receiving)

    def _bucket(self, present: Bucket | None, rate: int) -> Bucket | None:
        if present is not None and present.rate == rate:
            return present
        return Bucket(self._clock, rate) if rate else None


class ThrottledLink:
    """A link that would block where its time has not come; see :class:`Link`.

    It tells no descriptor: what the kernel sends by itself, nobody counts.

    Args:
        reactor: For waiting.
        link: The connection.
        sending: What may be sent; ``None`` is everything.
        receiving: What may be received.
    """

    def __init__(
        self, reactor: Any, link: Link, sending: Bucket | None, receiving: Bucket | None
    ) -> None:
        self._reactor = reactor
        self._link = link
        self._sending = sending
        self._receiving = receiving
        self._waiting: Deferred[None] | None = None
        self.threadable = link.threadable

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`Link`."""
        if self._receiving is None:
            return self._link.receive_into(buffer)
        allowed = self._receiving.allowance()
        if not allowed:
            raise BlockingIOError
        received = self._link.receive_into(buffer[:allowed])
        self._receiving.take(received)
        return received

    def send(self, data: memoryview) -> int:
        """See :class:`Link`."""
        if self._sending is None:
            return self._link.send(data)
        allowed = self._sending.allowance()
        if not allowed:
            raise BlockingIOError
        sent = self._link.send(data[:allowed])
        self._sending.take(sent)
        return sent

    def fileno(self) -> int:
        """See :class:`Link`."""
        return -1

    def linger(self, *, to_write: bool) -> bool:
        """See :class:`Link`."""
        return False

    def wait_readable(self) -> Deferred[None]:
        """See :class:`Link`."""
        seconds = self._receiving.ready_in() if self._receiving else 0.0
        return self._wait(seconds) if seconds else self._link.wait_readable()

    def wait_writable(self) -> Deferred[None]:
        """See :class:`Link`."""
        seconds = self._sending.ready_in() if self._sending else 0.0
        return self._wait(seconds) if seconds else self._link.wait_writable()

    def acknowledge(self) -> None:
        """See :class:`Link`."""
        self._link.acknowledge()

    def shut_write(self) -> None:
        """See :class:`Link`."""
        self._link.shut_write()

    def shut(self) -> None:
        """See :class:`Link`."""
        self._link.shut()
        self._wake()

    def close(self) -> None:
        """See :class:`Link`."""
        self._link.close()
        self._wake()

    def _wait(self, seconds: float) -> Deferred[None]:
        """Fires when so much time has passed, or nobody needs to wait any more."""
        waiting: Deferred[None] = Deferred()
        call = self._reactor.callLater(seconds, self._wake)

        def stop(_: object) -> None:
            if call.active():
                call.cancel()

        self._waiting = waiting
        return waiting.addBoth(stop)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)
