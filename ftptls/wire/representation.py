"""Representation types, transmission modes, and what they do to octets (RFC 959 §3.1, §3.4)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Protocol


class Representation(enum.Enum):
    """How octets stand for a file on the data connection; the value is the letter for TYPE."""

    ASCII = "A"
    IMAGE = "I"


class TransferMode(enum.Enum):
    """How the end of data is told, and whether data is packed; the value is the letter for MODE."""

    STREAM = "S"
    DEFLATE = "Z"


class Encoder(Protocol):
    """What becomes of a file on its way out, piece by piece."""

    def encode(self, data: bytes) -> bytes:
        """The next piece of the file as it goes over the wire; perhaps nothing yet."""

    def finish(self) -> bytes:
        """What was held back, at the end of the file."""


class Decoder(Protocol):
    """What becomes of data on its way into a file, piece by piece."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        """The next octets from the wire as they go into a file, in bounded pieces."""

    def finish(self) -> bytes:
        """What was held back, at the end of the data."""


class EncoderChain:
    """One encoder behind the other."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Encoder, second: Encoder) -> None:
        self._first = first
        self._second = second

    def encode(self, data: bytes) -> bytes:
        """See :class:`Encoder`."""
        return self._second.encode(self._first.encode(data))

    def finish(self) -> bytes:
        """See :class:`Encoder`."""
        return self._second.encode(self._first.finish()) + self._second.finish()


class DecoderChain:
    """One decoder behind the other."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Decoder, second: Decoder) -> None:
        self._first = first
        self._second = second

    def decode(self, data: bytes) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        for piece in self._first.decode(data):
            yield from self._second.decode(piece)

    def finish(self) -> bytes:
        """See :class:`Decoder`."""
        return b"".join([*self._second.decode(self._first.finish()), self._second.finish()])


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

    def finish(self) -> bytes:
        """Nothing is ever held back."""
        return b""


class AsciiDecoder:
    """Uploads in TYPE A: CR LF becomes LF (RFC 959 §3.1.1.1); a CR alone stays."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def decode(self, data: bytes) -> tuple[bytes]:
        """The next piece from the wire as it goes into a file.

        A CR at the end of a piece is held back until it is clear what follows.
        """
        if self._held:
            data = self._held + data
        if data.endswith(b"\r"):
            self._held, data = b"\r", data[:-1]
        else:
            self._held = b""
        return (data.replace(b"\r\n", b"\n") if b"\r" in data else data,)

    def finish(self) -> bytes:
        """What was held back, at the end of the data."""
        held, self._held = self._held, b""
        return held
