"""RANG: parts of files, for RETR; HASH has them among its own tests."""

from __future__ import annotations

import random

import pytest

from ftptls.vfs.local import LocalFilesystem
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

BIG = random.Random(5).randbytes(600_000)
CONTENT = {"/big": BIG, "/small": b"0123456789", "/empty": b""}


def test_the_example_of_the_draft(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert " RANG STREAM" in client.ask("FEAT", 211).lines
    client.ask("RANG 280281 500000", 350)
    assert client.download("RETR big") == BIG[280281:500001]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("0 0", b"0"),
        ("0 1", b"01"),
        ("3 7", b"34567"),
        ("9 9", b"9"),
        ("8 99", b"89"),
        ("10 10", b""),  # the draft wants nothing to be sent, not an error
        ("5000 6000", b""),
        ("0 9223372036854775806", b"0123456789"),
        ("1 0", b"0123456789"),
    ],
)
@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_what_is_sent(enter, asked, sent, how):
    client = enter(CONTENT)
    client.ask(f"RANG {asked}", 350)
    assert client.download("RETR small", how) == sent
    assert client.download("RETR small", how) == b"0123456789"


def test_the_size_that_is_told_is_of_the_part(enter):
    client = enter(CONTENT)
    client.ask("RANG 8 99", 350)
    client.open()
    assert "(2 bytes)" in client.ask("RETR small", 150).text


def test_from_a_disk(enter, tmp_path, mode):
    (tmp_path / "big").write_bytes(BIG)
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()), mode=mode)
    client.ask("RANG 100 299999", 350)
    assert client.download("RETR big") == BIG[100:300_000]


def test_a_file_in_parts_is_whole_again(enter):
    client = enter(CONTENT)
    parts = []
    for first in range(0, len(BIG), 250_000):
        client.ask(f"RANG {first} {first + 249_999}", 350)
        parts.append(client.download("RETR big"))
    assert [len(each) for each in parts] == [250_000, 250_000, 100_000]
    assert b"".join(parts) == BIG


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (["RANG 2 3", "REST 5"], b"56789"),
        (["REST 5", "RANG 2 3"], b"23"),
        (["RANG 2 3", "REST 0"], b"0123456789"),
        (["REST 5", "RANG 1 0"], b"0123456789"),
        (["RANG 2 3", "RANG 4 5"], b"45"),
        (["RANG 2 3", "TYPE I", "SIZE small", "NOOP"], b"23"),
        (["RANG 2 3", "CWD /"], b"0123456789"),
        (["RANG 2 3", "ABOR"], b"0123456789"),
        (["RANG 2 3", "XCRC small"], b"0123456789"),
    ],
)
def test_what_stands_between(enter, lines, sent):
    client = enter(CONTENT)
    for line in lines:
        client.ask(line, 200, 213, 226, 250, 350)
    assert client.download("RETR small") == sent


@pytest.mark.parametrize("wrong", ["RANG 3 2", "RANG", "RANG 1 x", "RANG 0 9223372036854775807"])
def test_a_wrong_range_is_none(enter, wrong):
    """draft-bryan-ftp-range-08 §3: 501, and the whole file is chosen."""
    client = enter(CONTENT)
    client.ask("RANG 2 3", 350)
    client.ask(wrong, 501)
    assert client.download("RETR small") == b"0123456789"


def test_parts_of_text_are_refused(enter):
    client = enter(CONTENT)
    client.ask("TYPE A", 200)
    client.ask("RANG 2 3", 350)
    client.ask("RETR small", 554)
    client.ask("TYPE I", 200)
    assert client.download("RETR small") == b"0123456789"


def test_a_range_of_what_is_not_there(enter):
    client = enter(CONTENT)
    client.ask("RANG 2 3", 350)
    client.ask("RETR nowhere", 550)
    assert client.download("RETR small") == b"0123456789"
    client.ask("RANG 2 3", 350)
    assert client.download("RETR empty") == b""


@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_nothing_is_stored_by_a_range(enter, verb):
    client = enter(CONTENT)
    client.ask("RANG 2 3", 350)
    client.open()
    assert "REST" in client.ask(f"{verb} small", 554).text
    assert client.server.filesystem.contents() == CONTENT
    client.upload(f"{verb} new", b"abc")
    assert client.server.filesystem.contents()["/new"] == b"abc"
