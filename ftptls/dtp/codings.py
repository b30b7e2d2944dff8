"""The two ends of a channel where a file is not sent as it is: TYPE A and MODE Z."""

from __future__ import annotations

from collections.abc import Iterator

from ftptls.dtp.links import Link
from ftptls.dtp.pumps import BrokenError, Incoming, Outgoing
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


def encoder_of_text(parameters: Parameters) -> Encoder | None:
    """What a listing passes through, whose lines end in CR LF already; ``None`` for nothing."""
    if parameters.mode is TransferMode.DEFLATE:
        return Deflater(parameters.compression_level)
    return None


def encoder_of_files(parameters: Parameters) -> Encoder | None:
    """What a download passes through; ``None`` for nothing."""
    packing = encoder_of_text(parameters)
    if parameters.representation is not Representation.ASCII:
        return packing
    return EncoderChain(AsciiEncoder(), packing) if packing else AsciiEncoder()


def decoder_of_files(parameters: Parameters, limits: Limits) -> Decoder | None:
    """What an upload passes through; ``None`` for nothing."""
    ascii_type = parameters.representation is Representation.ASCII
    if parameters.mode is not TransferMode.DEFLATE:
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
        ended: Whether the file is whole.
    """

    def __init__(self, incoming: Incoming, decoder: Decoder) -> None:
        self.link = incoming.link
        self._incoming = incoming
        self._decoder = decoder
        self._pieces: Iterator[bytes] = iter(())
        self.ended = False

    def receive(self) -> bytes:
        """The next octets of the file; perhaps none.

        Raises:
            BlockingIOError: There is nothing yet.
            BrokenError: The connection ended, but the data did not; or it is damaged.
            PermanentError: 552, too much comes of it.
        """
        try:
            return self._receive()
        except DamagedError as error:
            raise BrokenError(str(error)) from None
        except ExpansionError as error:
            raise PermanentError(
                552, f"Refused: {error} (limits.inflation); use MODE S, and send it again."
            ) from None

    def _receive(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is not None:
            return piece
        if self._incoming.ended:
            self.ended = True
            return self._decoder.finish()
        self._pieces = iter(self._decoder.decode(bytes(self._incoming.receive())))
        return b""
