"""The two ends of a channel where a file is not sent as it is: TYPE A and MODE Z."""

from __future__ import annotations

from collections.abc import Iterator

from ftptls.dtp.blocks import pages
from ftptls.dtp.incoming import Incoming
from ftptls.dtp.links import Link
from ftptls.dtp.pumps import PIECE, BrokenError, Outgoing
from ftptls.errors import PermanentError
from ftptls.session import Parameters
from ftptls.settings import Limits
from ftptls.tls.stream import TLSStream
from ftptls.wire.compression import DamagedError, Deflater, ExpansionError, Inflater
from ftptls.wire.representation import (
    AsciiDecoder,
    AsciiEncoder,
    Decoder,
    DecoderChain,
    Encoder,
    EncoderChain,
    Representation,
    TransferMode,
)

_ASCII, _DEFLATE = Representation.ASCII, TransferMode.DEFLATE  # as they are asked for often


def encoder_of_text(parameters: Parameters) -> Encoder | None:
    """What a listing passes through, whose lines end in CR LF already; ``None`` for nothing."""
    if parameters.mode is _DEFLATE:
        return Deflater(parameters.compression_level)
    return None


def encoder_of_files(parameters: Parameters) -> Encoder | None:
    """What a download passes through; ``None`` for nothing."""
    packing = encoder_of_text(parameters)
    if parameters.representation is not _ASCII:
        return packing
    return EncoderChain(AsciiEncoder(), packing) if packing else AsciiEncoder()


def decoder_of_files(parameters: Parameters, limits: Limits) -> Decoder | None:
    """What an upload passes through; ``None`` for nothing."""
    ascii_type = parameters.representation is _ASCII
    if parameters.mode is not _DEFLATE:
        return AsciiDecoder() if ascii_type else None
    unpacking = Inflater(limits.inflation)
    return DecoderChain(unpacking, AsciiDecoder()) if ascii_type else unpacking


class EncodedOutgoing(Outgoing):
    """The sending end of a channel: it takes a file's octets, and sends what they become.

    Args:
        link: The connection.
        stream: Its TLS; ``None`` for clear data.
        encoder: Makes of them what is sent.
    """

    pieces_in_a_row = 4  # compressing takes long

    def __init__(self, link: Link, stream: TLSStream | None, encoder: Encoder) -> None:
        super().__init__(link, stream)
        self._encoder = encoder

    def load(self, data: bytes | memoryview) -> None:
        """See :class:`Outgoing`; perhaps nothing is to be sent yet."""
        if encoded := self._encoder.encode(bytes(data)):
            super().load(encoded)

    def load_tail(self) -> None:
        """Take what the encoder held back."""
        if tail := self._encoder.finish():
            super().load(tail)


class DecodedIncoming:
    """The receiving end of a channel: what is received there becomes a file's octets.

    Args:
        incoming: Where octets come from.
        decoder: Makes of them what the file gets.

    Attributes:
        link: The connection they come by.
    """

    def __init__(self, incoming: Incoming, decoder: Decoder) -> None:
        self.link = incoming.link
        self._incoming = incoming
        self._decoder = decoder
        self._received = pages(PIECE)
        self._pieces: Iterator[bytes] = iter(())
        self._rest = memoryview(b"")
        self._finished = False

    @property
    def ended(self) -> bool:
        """Whether the file is whole."""
        return self._finished and not self._rest

    def receive_into(self, room: memoryview) -> int:
        """Put the next octets of the file there; the number, perhaps 0.

        Raises:
            BlockingIOError: There is nothing yet.
            BrokenError: The connection ended, but the data did not; or it is damaged.
            PermanentError: 552, too much comes of it.
        """
        if not self._rest:
            self._rest = memoryview(self._next())
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next(self) -> bytes:
        try:
            return self._decode()
        except DamagedError as error:
            raise BrokenError(str(error)) from None
        except ExpansionError as error:
            raise PermanentError(
                552, f"Refused: {error} (limits.inflation); use MODE S, and send it again."
            ) from None

    def _decode(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is not None:
            return piece
        if self._incoming.ended:
            self._finished = True
            return self._decoder.finish()
        count = self._incoming.receive_into(self._received)
        self._pieces = iter(self._decoder.decode(bytes(self._received[:count])))
        return b""
