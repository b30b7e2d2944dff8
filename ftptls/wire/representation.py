"""Representation types and the line ends of TYPE A (RFC 959 §3.1.1)."""

from __future__ import annotations

import enum


class Representation(enum.Enum):
    """How octets stand for a file on the data connection; the value is the letter for TYPE."""

    ASCII = "A"
    IMAGE = "I"


class AsciiEncoder:
    """Downloads in TYPE A: a file's line ends become CR LF (RFC 959 §3.1.1.1)."""

    __slots__ = ("_after_cr",)

    def __init__(self) -> None:
        self._after_cr = False

    def encode(self, data: bytes) -> bytes:
        """The next piece of a file as it goes over the wire.

        An LF without CR becomes CR LF; a CR LF stays, also if a piece ends between them.
        """
        if not data:
            return data
        head = b""
        if self._after_cr and data.startswith(b"\n"):
            head, data = b"\n", data[1:]
        self._after_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        data = data.replace(b"\n", b"\r\n")
        return head + data if head else data


class AsciiDecoder:
    """Uploads in TYPE A: CR LF becomes LF (RFC 959 §3.1.1.1); a CR alone stays."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def decode(self, data: bytes) -> bytes:
        """The next piece from the wire as it goes into a file.

        A CR at the end of a piece is held back until it is clear what follows.
        """
        if self._held:
            data = self._held + data
        if data.endswith(b"\r"):
            self._held, data = b"\r", data[:-1]
        else:
            self._held = b""
        return data.replace(b"\r\n", b"\n") if b"\r" in data else data

    def finish(self) -> bytes:
        """What was held back, at the end of the data."""
        held, self._held = self._held, b""
        return held
