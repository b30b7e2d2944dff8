"""MODE Z: zlib streams, cut anywhere, damaged in every way, and bombs."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.compression import (
    DamagedError,
    Deflater,
    ExpansionError,
    Inflater,
)
from ftptls.wire.representation import AsciiDecoder, AsciiEncoder, DecoderChain, EncoderChain

MIB = 1024 * 1024
PIECES = st.lists(st.binary() | st.sampled_from([b"\r", b"\n", b"\r\n", b"a" * 5000]))
PACKED = zlib.compress(b"some text, " * 100)


def packed(pieces, encoder):
    return b"".join(encoder.encode(piece) for piece in pieces) + encoder.finish()


def unpacked(pieces, decoder):
    return b"".join(part for piece in pieces for part in decoder.decode(piece)) + decoder.finish()


def cut(data, at):
    """It in pieces."""
    ends = sorted({min(each, len(data)) for each in at})
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(PIECES, st.integers(0, 9), st.lists(st.integers(0, 20_000)))
def test_what_goes_in_comes_out(pieces, level, at):
    wire = packed(pieces, Deflater(level))
    assert zlib.decompress(wire) == b"".join(pieces)
    assert unpacked(cut(wire, at), Inflater(1)) == b"".join(pieces)


@given(PIECES, st.lists(st.integers(0, 20_000)))
def test_lines_are_converted_before_they_are_packed(pieces, at):
    """TYPE A in MODE Z: whoever unpacks finds lines that end in CR LF."""
    wire = packed(pieces, EncoderChain(AsciiEncoder(), Deflater()))
    text = packed(pieces, AsciiEncoder())
    assert zlib.decompress(wire) == text
    decoder = DecoderChain(Inflater(1), AsciiDecoder())
    assert unpacked(cut(wire, at), decoder) == text.replace(b"\r\n", b"\n")


def test_a_cr_at_the_very_end_is_not_lost():
    assert unpacked([zlib.compress(b"a\r")], DecoderChain(Inflater(1), AsciiDecoder())) == b"a\r"


def test_levels_differ():
    text = b"".join(b"%d bottles on the wall\n" % number for number in range(20_000))
    sizes = [len(packed([text], Deflater(level))) for level in (0, 1, 9)]
    assert sizes[0] > len(text) > sizes[1] > sizes[2]


@pytest.mark.parametrize("length", range(len(PACKED)))
def test_a_stream_that_ends_early(length):
    inflater = Inflater(1)
    for _ in inflater.decode(PACKED[:length]):
        pass
    with pytest.raises(DamagedError, match="ended inside"):
        inflater.finish()


@pytest.mark.parametrize(
    "pieces", [[PACKED + b"x"], [PACKED, b"x"], [PACKED + PACKED], [PACKED, b"", PACKED]]
)
def test_something_behind_the_end(pieces):
    with pytest.raises(DamagedError, match="follows the end"):
        unpacked(pieces, Inflater(1))


@pytest.mark.parametrize(
    "data",
    [
        b"plain text",
        b"\r\n",
        zlib.compress(b"x" * 100, wbits=-15),  # deflate without zlib's head and sum
        zlib.compress(b"x" * 100, wbits=31),  # gzip
        PACKED[:-1] + bytes([PACKED[-1] ^ 1]),  # a wrong sum
        PACKED[:10] + b"\xff" + PACKED[11:],
    ],
)
def test_what_is_no_deflate(data):
    with pytest.raises(DamagedError, match=r"not in deflate format: [a-z]"):
        unpacked([data], Inflater(1))


@given(st.binary())
def test_random_octets_are_refused_or_unpacked(data):
    try:
        assert zlib.decompress(data) == unpacked([data], Inflater(1))
    except zlib.error:
        with pytest.raises(DamagedError):
            unpacked([data], Inflater(1))


def bomb(mebibytes):
    """Zeros, and nothing but."""
    stream = zlib.compressobj(9)
    zeros = bytes(MIB)
    return b"".join(stream.compress(zeros) for _ in range(mebibytes)) + stream.flush()


def count(inflater, data, piece=64 * 1024):
    """How many octets come out, in bounded pieces, until it is over."""
    total = 0
    try:
        for at in range(0, len(data), piece):
            for part in inflater.decode(data[at : at + piece]):
                assert len(part) <= 256 * 1024
                total += len(part)
        inflater.finish()
    except ExpansionError:
        return total, False
    return total, True


def test_a_bomb_is_refused_early_and_takes_no_memory():
    data = bomb(1024)
    tracemalloc.start()
    total, whole = count(Inflater(200), data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not whole
    assert total < 32 * MIB
    assert peak < 4 * MIB


def test_a_small_bomb_is_none():
    assert count(Inflater(1), bomb(15)) == (15 * MIB, True)


def test_the_ratio_decides():
    data = bomb(64)
    assert count(Inflater(1100), data) == (64 * MIB, True)
    assert not count(Inflater(700), data)[1]


def test_a_bomb_behind_honest_data_is_refused_as_well():
    stream = zlib.compressobj(1)
    honest = stream.compress(bytes(range(256)) * 1000)
    zeros = b"".join(stream.compress(bytes(MIB)) for _ in range(64))
    assert not count(Inflater(100), honest + zeros)[1]
