"""Checksums: their names, their values, and what the X family asks for."""

from __future__ import annotations

import hashlib
import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.checksums import Algorithm, Request, algorithm, hash_feature, request
from ftptls.wire.ranges import Range

DATA = random.Random(4).randbytes(100_000)
EXPECTED = {
    Algorithm.SHA_256: lambda data: hashlib.sha256(data).hexdigest(),
    Algorithm.SHA_512: lambda data: hashlib.sha512(data).hexdigest(),
    Algorithm.SHA_1: lambda data: hashlib.sha1(data).hexdigest(),
    Algorithm.MD5: lambda data: hashlib.md5(data).hexdigest(),
    Algorithm.CRC32: lambda data: zlib.crc32(data).to_bytes(4, "big").hex(),
}


@pytest.mark.parametrize("wanted", Algorithm)
@given(cuts=st.lists(st.integers(0, len(DATA))))
def test_pieces_make_no_difference(wanted, cuts):
    digest = wanted.new()
    ends = [0, *sorted(cuts), len(DATA)]
    for start, end in pairwise(ends):
        digest.update(DATA[start:end])
    assert digest.hexdigest() == EXPECTED[wanted](DATA)


def test_crc32_has_eight_digits():
    digest = Algorithm.CRC32.new()
    assert digest.hexdigest() == "00000000"
    digest.update(b"123456789")
    assert digest.hexdigest() == "cbf43926"  # the check value of CRC-32/ISO-HDLC


@pytest.mark.parametrize("wanted", Algorithm)
def test_names_in_any_case(wanted):
    assert algorithm(wanted.value) is wanted
    assert algorithm(f" {wanted.value.lower()} ") is wanted


def test_no_name_asks_for_the_present_one():
    assert algorithm("") is None


@pytest.mark.parametrize("text", ["CRC-37", "SHA256", "SHA-256 SHA-1", "*", "SHA-256*"])
def test_unknown_names(text):
    with pytest.raises(ArgumentError) as caught:
        algorithm(text)
    assert caught.value.code == 501
    assert "SHA-512" in caught.value.text
    assert "37" not in caught.value.text


def test_the_chosen_one_is_marked():
    assert hash_feature(Algorithm.SHA_256) == "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32"
    assert hash_feature(Algorithm.CRC32) == "HASH SHA-256;SHA-512;SHA-1;MD5;CRC32*"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a", Request("a")),
        ("a b.txt", Request("a b.txt")),
        ('"a b"', Request("a b")),
        ('"a b" 100', Request("a b", 0, 100)),
        ('"a b" 5 100', Request("a b", 5, 100)),
        ('"a b", 5, 100', Request("a b", 5, 100)),  # as GlobalSCAPE's manual writes it
        ('"a b" 0 0', Request("a b", 0, 0)),
        ("a 100", Request("a", 0, 100)),
        ("a 5 100", Request("a", 5, 100)),
        ("a, 5, 100", Request("a", 5, 100)),
        ("a 1 2 3", Request("a 1 2 3")),
        ("report of 2024", Request("report of 2024")),
        ('"report 2024"', Request("report 2024")),
        ('"say ""hi""" 7', Request('say "hi"', 0, 7)),
        ("a ٣", Request("a ٣")),
    ],
)
def test_requests(text, wanted):
    assert request(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", '"', '"a', '""', '"a"b', '"a" x', '"a" -1', '"a" 1 2 3', '"a" 1.5', '"a" ' + "9" * 20],
)
def test_what_is_no_request(text):
    with pytest.raises(ArgumentError) as caught:
        request(text)
    assert caught.value.code == 501


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (Request("a"), Range(0, 10)),
        (Request("a", 0, 10), Range(0, 10)),
        (Request("a", 3, 7), Range(3, 7)),
        (Request("a", 10, 10), Range(10, 10)),
        (Request("a", 3), Range(3, 10)),
        (Request("a", 0, 11), None),
        (Request("a", 7, 3), None),
        (Request("a", 11, 11), None),
    ],
)
def test_a_part_is_all_there_or_not_at_all(asked, part):
    assert asked.within(10) == part


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    try:
        asked = request(text)
    except ArgumentError as error:
        assert error.code in (501, 553)  # noqa: PT017 - of both outcomes, one is looked at
        return
    assert asked.name
