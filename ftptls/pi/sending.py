"""Octets to a transport, without waiting for the reactor to come round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Prompt:
    """Writes at once what fits into the socket, as most does.

    Once it did not fit, all goes the reactor's way: that counts what the other end does not read.

    Args:
        transport: Where it goes.
        at_once: Sends past what stands around its socket, and tells how many octets went, as
            ``socket.send`` does; ``None`` if nothing may go past.
    """

    __slots__ = ("_at_once", "_transport")

    def __init__(self, transport: Any, at_once: Callable[[bytes], object] | None) -> None:
        self._transport = transport
        self._at_once = at_once

    def write(self, data: bytes) -> None:
        """Send it behind what was sent before."""
        if self._at_once is not None:
            try:
                sent = self._at_once(data)
            except OSError:
                sent = None
            if sent == len(data):
                return
            self._at_once = None
            if isinstance(sent, int):  # else it is full or gone, as the reactor will find
                data = data[sent:]
        self._transport.write(data)
