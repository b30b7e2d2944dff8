"""Octets to a transport, without waiting for the reactor to come round."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IPushProducer


class Prompt:
    """Writes at once what fits into the socket, as most does.

    Once it did not fit, all goes the reactor's way: that counts what the other end does not read.

    Args:
        transport: Where it goes.
        at_once: Sends past what stands around its socket, and tells how many octets went, as
            ``socket.send`` does; ``None`` if nothing may go past.
        shut: Tells the other end, in the same way, that nothing more comes.
        producer: Is paused while the other end does not read, and all goes the reactor's way.
    """

    __slots__ = ("_at_once", "_producer", "_shut", "_transport")

    def __init__(
        self,
        transport: Any,
        at_once: Callable[[bytes], object] | None,
        shut: Callable[[], object] | None = None,
        producer: IPushProducer | None = None,
    ) -> None:
        self._transport = transport
        self._at_once = at_once
        self._shut = shut
        self._producer = producer
        if at_once is None:
            self._go_round()

    def write(self, data: bytes) -> None:
        """Send it behind what was sent before."""
        if self._at_once is not None:
            try:
                sent = self._at_once(data)
            except OSError:
                sent = None
            if sent == len(data):
                return
            self._go_round()
            if isinstance(sent, int):  # else it is full or gone, as the reactor will find
                data = data[sent:]
        self._transport.write(data)

    def _go_round(self) -> None:
        """All goes the reactor's way from here on."""
        self._at_once = None
        if self._producer is not None:
            self._transport.registerProducer(self._producer, True)

    def release(self) -> None:
        """Pause nobody any more."""
        if self._at_once is None and self._producer is not None:
            self._transport.unregisterProducer()
        self._producer = None

    def end(self) -> None:
        """Nothing more comes, and the other end is told behind all that was."""
        if self._at_once is None or self._shut is None:
            self._transport.loseWriteConnection()
            return
        with suppress(OSError):  # if it is gone, the reactor will find that
            self._shut()
