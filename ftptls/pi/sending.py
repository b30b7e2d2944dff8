"""Octets to a transport, without waiting for the reactor to come round."""

from __future__ import annotations

from typing import Any


class Prompt:
    """Writes at once what fits into the socket, as most does.

    Once it did not fit, all goes the reactor's way: that counts what the other end does not read.

    Args:
        transport: Where it goes.
        at_once: Whether its socket may be written to, past what stands around it.
    """

    __slots__ = ("_at_once", "_transport")

    def __init__(self, transport: Any, *, at_once: bool) -> None:
        self._transport = transport
        self._at_once = transport.writeSomeData if at_once else None

    def write(self, data: bytes) -> None:
        """Send it behind what was sent before."""
        if self._at_once is not None:
            sent = self._at_once(data)
            if sent == len(data):
                return
            self._at_once = None
            if isinstance(sent, int):  # else the connection is lost, as the reactor will find
                data = data[sent:]
        self._transport.write(data)
