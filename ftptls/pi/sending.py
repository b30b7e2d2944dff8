"""Octets to a transport, without waiting for the reactor to come round."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Prompt:
    """Writes at once what fits into the socket, as most does.

    Once it did not fit, all goes the reactor's way: that counts what the other end does not read.

    Args:
        transport: Where it goes.
        at_once: Sends past what stands around its socket, and tells how many octets went, as
            ``socket.send`` does; ``None`` if nothing may go past.
        shut: Tells the other end, in the same way, that nothing more comes.
    """

    __slots__ = ("_at_once", "_shut", "_transport")

    def __init__(
        self,
        transport: Any,
        at_once: Callable[[bytes], object] | None,
        shut: Callable[[], object] | None = None,
    ) -> None:
        self._transport = transport
        self._at_once = at_once
        self._shut = shut

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

    def end(self) -> None:
        """Nothing more comes, and the other end is told behind all that was."""
        if self._at_once is None or self._shut is None:
            self._transport.loseWriteConnection()
            return
        with suppress(OSError):  # if it is gone, the reactor will find that
            self._shut()
