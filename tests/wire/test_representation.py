"""Line ends of TYPE A: the same for any chunking, and back again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.representation import AsciiDecoder, AsciiEncoder, Representation, TransferMode

PIECES = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"bc", b"\0"])).map(b"".join))


def encoded(*pieces: bytes) -> bytes:
    encoder = AsciiEncoder()
    return b"".join(encoder.encode(piece) for piece in pieces) + encoder.finish()


def decoded(*pieces: bytes) -> bytes:
    decoder = AsciiDecoder()
    return b"".join(part for piece in pieces for part in decoder.decode(piece)) + decoder.finish()


def test_letters():
    assert Representation("A") is Representation.ASCII
    assert Representation("I") is Representation.IMAGE
    assert TransferMode("S") is TransferMode.STREAM
    assert TransferMode("Z") is TransferMode.DEFLATE


@pytest.mark.parametrize(
    ("pieces", "wire"),
    [
        ([b""], b""),
        ([b"a\nb"], b"a\r\nb"),
        ([b"a\r\nb"], b"a\r\nb"),
        ([b"a\r", b"\nb"], b"a\r\nb"),
        ([b"a\r", b"", b"\nb"], b"a\r\nb"),
        ([b"a", b"\nb"], b"a\r\nb"),
        ([b"\n\n"], b"\r\n\r\n"),
        ([b"a\rb"], b"a\rb"),
        ([b"\r\r\n"], b"\r\r\n"),
        ([b"\r\n\n"], b"\r\n\r\n"),
        ([b"\r", b"\n\n"], b"\r\n\r\n"),
        ([b"\r", b"\n", b"\n"], b"\r\n\r\n"),
    ],
)
def test_downloads(pieces, wire):
    assert encoded(*pieces) == wire


@pytest.mark.parametrize(
    ("pieces", "content"),
    [
        ([b""], b""),
        ([b"a\r\nb"], b"a\nb"),
        ([b"a\r", b"\nb"], b"a\nb"),
        ([b"a\r", b"", b"\nb"], b"a\nb"),
        ([b"a\nb"], b"a\nb"),
        ([b"a\rb"], b"a\rb"),
        ([b"a\r", b"b"], b"a\rb"),
        ([b"a\r"], b"a\r"),
        ([b"\r\r\n"], b"\r\n"),
        ([b"\r", b"\r", b"\n"], b"\r\n"),
    ],
)
def test_uploads(pieces, content):
    assert decoded(*pieces) == content


def test_a_decoder_finishes_once():
    decoder = AsciiDecoder()
    assert decoder.decode(b"\r") == (b"",)
    assert (decoder.finish(), decoder.finish()) == (b"\r", b"")


@given(PIECES)
def test_downloads_do_not_depend_on_chunking(pieces):
    assert encoded(*pieces) == re.sub(rb"(?<!\r)\n", b"\r\n", b"".join(pieces))


@given(PIECES)
def test_uploads_do_not_depend_on_chunking(pieces):
    assert decoded(*pieces) == b"".join(pieces).replace(b"\r\n", b"\n")


@given(st.binary().filter(lambda data: b"\r" not in data))
def test_unix_text_comes_back(data):
    assert decoded(encoded(data)) == data
