"""Checksums of files: HASH and its options, and what came before it."""

from __future__ import annotations

import hashlib
import os
import random
import zlib

import pytest

from ftptls.commands.pieces import PIECE
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.workers import InlineWorkers
from tests.server.conftest import MODES
from tests.server.slow import CountingWorkers, HeldWorkers

pytestmark = pytest.mark.both_paths

BIG = random.Random(4).randbytes(2 * PIECE + 17)
CONTENT = {"/big": BIG, "/small": b"0123456789", "/empty": b"", "/a name": b"x", "/dir/": b""}
EXPECTED = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512": lambda data: hashlib.sha512(data).hexdigest(),
    "SHA-1": lambda data: hashlib.sha1(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data).hexdigest(),
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big").hex(),
}
FAMILY = {
    "XCRC": "CRC32",
    "XMD5": "MD5",
    "XSHA": "SHA-1",
    "XSHA1": "SHA-1",
    "XSHA256": "SHA-256",
    "XSHA512": "SHA-512",
}


def enter_with(serve, workers, *arguments, **options):
    """A client under TLS whose server has other workers."""
    server = serve(*arguments, **options)
    server.factory.workers = workers
    client = server.connect()
    if not server.implicit:
        client.secure()
    client.log_in()
    return client


@pytest.fixture(params=["memory", "local"])
def files(request, tmp_path):
    """The same files without descriptors, and with."""
    if request.param == "memory":
        return MemoryFilesystem(CONTENT)
    for name, data in CONTENT.items():
        if name.endswith("/"):
            (tmp_path / name.strip("/")).mkdir()
        else:
            (tmp_path / name.strip("/")).write_bytes(data)
    return LocalFilesystem(tmp_path, InlineWorkers())


def hash_feature(client) -> str:
    (line,) = [each for each in client.ask("FEAT", 211).lines if each.startswith(" HASH ")]
    return line


@pytest.mark.parametrize("algorithm", EXPECTED)
def test_hash(enter, mode, files, algorithm):
    client = enter(filesystem=files, mode=mode)
    client.ask(f"OPTS HASH {algorithm}", 200)
    checksum = EXPECTED[algorithm](BIG)
    assert client.ask("HASH big", 213).text == f"{algorithm} 0-{len(BIG) - 1} {checksum} big"
    assert client.ask("HASH /small", 213).text.startswith(f"{algorithm} 0-9 ")
    assert client.ask("HASH empty", 213).text == f"{algorithm} 0-0 {EXPECTED[algorithm](b'')} empty"


def test_sha_256_until_another_is_chosen(greet):
    client = greet(CONTENT)
    assert hash_feature(client) == " HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32"
    assert client.ask("OPTS HASH", 200).text == "SHA-256"
    assert client.ask("opts hash crc32", 200).text == "CRC32"
    client.ask("OPTS HASH CRC-37", 501)
    assert client.ask("OPTS HASH", 200).text == "CRC32"
    client.log_in()
    assert hash_feature(client) == " HASH SHA-256;SHA-512;SHA-1;MD5;CRC32*"
    assert client.ask("HASH small", 213).text == f"CRC32 0-9 {zlib.crc32(b'0123456789'):08x} small"


def test_a_new_user_begins_with_sha_256(enter):
    client = enter(CONTENT, mode=MODES[0])
    client.ask("OPTS HASH MD5", 200)
    client.ask("REIN", 220)
    client.log_in()
    assert client.ask("HASH small", 213).text.startswith("SHA-256 ")


def test_hash_is_of_the_octets_in_every_type(enter):
    """draft-bryan-ftpext-hash-02 §3: as if by TYPE I."""
    client = enter({"/lines": b"a\nb\r\n"})
    client.ask("TYPE A", 200)
    assert hashlib.sha256(b"a\nb\r\n").hexdigest() in client.ask("HASH lines", 213).text


def test_names(enter):
    """WinSCP quotes names with blanks; the draft does not."""
    client = enter(CONTENT)
    checksum = hashlib.sha256(b"x").hexdigest()
    for line in ("HASH a name", 'HASH "a name"'):
        assert client.ask(line, 213).text == f"SHA-256 0-0 {checksum} a name"
    assert "script" not in client.ask("HASH <script>", 550).text
    assert "script" not in client.ask('XCRC "<script>"', 550).text


def test_a_name_that_is_no_utf8_comes_back_as_it_is(enter, tmp_path):
    (tmp_path / os.fsdecode(b"gr\xfc\xdfe")).write_bytes(b"x")
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    client.send(b"HASH gr\xfc\xdfe")
    assert client.expect(213).text.encode("utf-8", "surrogateescape").endswith(b" gr\xfc\xdfe")


# --- a part of a file


@pytest.mark.parametrize(
    ("asked", "told"),
    [((0, 4), (0, 4)), ((3, 3), (3, 3)), ((9, 9), (9, 9)), ((5, 100), (5, 9)), ((0, 9), (0, 9))],
)
def test_hash_of_a_range(enter, files, asked, told):
    client = enter(filesystem=files)
    client.ask("RANG {} {}".format(*asked), 350)
    checksum = hashlib.sha256(b"0123456789"[told[0] : told[1] + 1]).hexdigest()
    answer = client.ask("HASH small", 213).text
    assert answer == "SHA-256 {}-{} {} small".format(*told, checksum)
    assert " 0-9 " in client.ask("HASH small", 213).text  # it is used up


def test_hash_of_a_range_across_pieces(enter, files):
    client = enter(filesystem=files)
    first, last = PIECE - 3, 2 * PIECE + 3
    client.ask(f"RANG {first} {last}", 350)
    checksum = hashlib.sha256(BIG[first : last + 1]).hexdigest()
    assert client.ask("HASH big", 213).text == f"SHA-256 {first}-{last} {checksum} big"


def test_hash_of_a_range_that_is_not_there(enter):
    client = enter(CONTENT)
    for name, first in (("small", 10), ("empty", 0), ("small", 2**62)):
        client.ask(f"RANG {first} {2**63 - 2}", 350)
        client.ask(f"HASH {name}", 551)


def test_the_choice_of_an_algorithm_may_stand_between(enter):
    client = enter(CONTENT)
    client.ask("RANG 0 4", 350)
    client.ask("OPTS HASH MD5", 200)
    assert client.ask("HASH small", 213).text.startswith("MD5 0-4 ")
    client.ask("RANG 0 4", 350)
    client.ask("OPTS UTF8 ON", 200)
    assert client.ask("HASH small", 213).text.startswith("MD5 0-9 ")


@pytest.mark.parametrize(("verb", "algorithm"), FAMILY.items())
def test_the_x_family(enter, files, verb, algorithm):
    client = enter(filesystem=files)
    assert f" {verb} filename;start;end" in client.ask("FEAT", 211).lines
    for arguments, data in (
        ("big", BIG),
        ('"big"', BIG),
        ('"a name"', b"x"),
        ("a name", b"x"),
        ("empty", b""),
        ('"small" 4', b"0123"),
        ('"small" 2 4', b"23"),
        ("small 2 4", b"23"),
        ('"small", 2, 4', b"23"),
        ('"small" 0 10', b"0123456789"),
        ('"small" 10 10', b""),
        (f'"big" {PIECE - 1} {PIECE + 1}', BIG[PIECE - 1 : PIECE + 1]),
    ):
        checksum = EXPECTED[algorithm](data).upper()
        assert client.ask(f"{verb} {arguments}", 250).text == checksum
    assert "10 octets" in client.ask(f'{verb} "small" 0 11', 550).text


def test_the_x_family_has_nothing_to_do_with_rang_and_opts(enter):
    client = enter(CONTENT)
    client.ask("OPTS HASH SHA-512", 200)
    client.ask("RANG 0 4", 350)
    assert client.ask("XCRC small", 250).text == f"{zlib.crc32(b'0123456789'):08X}"
    assert client.ask("HASH small", 213).text.startswith("SHA-512 0-9 ")


def test_md5(enter, files):
    client = enter(filesystem=files)
    assert client.ask("MD5 big", 251).text == f"big {hashlib.md5(BIG).hexdigest().upper()}"
    client.ask("MD5 dir", 550)


# --- bounds, and what goes wrong


def test_the_cap(enter, settings):
    client = enter(CONTENT, settings(checksum_octets=5))
    assert "checksum_octets" in client.ask("HASH small", 556).text
    client.ask("XCRC small", 556)
    client.ask("MD5 small", 556)
    client.ask("RANG 0 5", 350)
    client.ask("HASH small", 556)
    client.ask("RANG 0 4", 350)
    client.ask("HASH small", 213)
    client.ask('XCRC "small" 5 10', 250)
    client.ask("HASH empty", 213)


def test_what_is_no_file(enter, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dir").mkdir()
    (tmp_path / "astray").symlink_to("/etc/passwd")
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    for name in ("fifo", "astray", "nowhere"):
        for verb in ("HASH", "XCRC", "MD5"):
            client.ask(f"{verb} {name}", 550)
    client.ask("HASH dir", 553)
    client.ask("XCRC dir", 550)
    client.ask("NOOP", 200)


@pytest.mark.parametrize("verb", ["HASH", "XSHA256", "MD5"])
def test_a_file_that_gets_shorter_meanwhile(serve, tmp_path, verb):
    (tmp_path / "log").write_bytes(BIG)
    workers = CountingWorkers(lambda _: os.truncate(tmp_path / "log", 10))
    files = LocalFilesystem(tmp_path, InlineWorkers())
    enter_with(serve, workers, filesystem=files).ask(f"{verb} log", 450)
    assert workers.pieces == [PIECE]
    assert held(tmp_path) == []


def test_a_file_that_gets_longer_meanwhile(serve, tmp_path):
    (tmp_path / "log").write_bytes(BIG)
    workers = CountingWorkers(lambda number: os.truncate(tmp_path / "log", (number + 5) * PIECE))
    client = enter_with(serve, workers, filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    assert hashlib.sha256(BIG).hexdigest() in client.ask("HASH log", 213).text


def test_a_file_that_is_deleted_meanwhile(serve, tmp_path):
    (tmp_path / "log").write_bytes(BIG)
    workers = CountingWorkers(lambda _: (tmp_path / "log").unlink(missing_ok=True))
    client = enter_with(serve, workers, filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    assert hashlib.sha256(BIG).hexdigest() in client.ask("HASH log", 213).text
    client.ask("HASH log", 550)


def held(folder) -> list[str]:
    """Files of the folder that this process holds open."""
    names = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    found = [os.readlink(each) for each in names if os.path.islink(each)]
    return [each for each in found if each.startswith(str(folder))]


# --- large files


@pytest.mark.parametrize("verb", ["HASH", *FAMILY, "MD5"])
def test_workers_do_the_work_in_bounded_pieces(serve, verb):
    workers = CountingWorkers()
    client = enter_with(serve, workers, CONTENT)
    client.ask(f"{verb} big", 213, 250, 251)
    assert workers.pieces == [PIECE, PIECE, 17]


@pytest.mark.parametrize("implicit", [False, True])
def test_the_session_goes_on_meanwhile(serve, implicit):
    workers = HeldWorkers()
    client = enter_with(serve, workers, CONTENT, implicit=implicit)
    client.send("HASH big")
    assert client.quiet
    workers.work()
    client.ask("NOOP", 200)
    assert f"HASH /big: {PIECE} of {len(BIG)} octets (49%)" in client.ask("STAT", 211).text
    client.ask("STAT small", 213)
    client.send("PWD")
    assert client.quiet  # until its turn comes
    while workers.waiting:
        workers.work()
        client.server.reactor.settle()
    assert hashlib.sha256(BIG).hexdigest() in client.expect(213).text
    client.expect(257)
    assert "No transfer in progress" in client.ask("STAT", 211).text


@pytest.mark.parametrize("verb", ["HASH", "XCRC", "MD5"])
def test_abor_between_two_pieces(serve, verb):
    workers = HeldWorkers()
    client = enter_with(serve, workers, CONTENT)
    client.send(f"{verb} big")
    client.server.reactor.settle()
    workers.work()
    client.send("ABOR")
    assert client.quiet  # a piece is being worked on
    workers.work()
    client.expect(426)
    client.expect(226)
    assert client.quiet
    assert workers.waiting == []
    client.send(f"{verb} small")
    client.server.reactor.settle()
    workers.work()
    client.expect(213, 250, 251)


def test_abor_right_behind(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.send("HASH big", "ABOR", "HASH small")
    assert [client.expect(426, 226, 213).code for _ in range(3)] == [426, 226, 213]


def test_quit_lets_it_end(serve):
    workers = HeldWorkers()
    client = enter_with(serve, workers, CONTENT)
    client.send("HASH small", "QUIT")
    assert client.quiet
    workers.work()
    client.expect(213)
    client.expect(221)
    assert client.closed


def test_the_end_of_the_session_is_its_end(serve, tmp_path):
    (tmp_path / "big").write_bytes(BIG)
    workers = HeldWorkers()
    files = LocalFilesystem(tmp_path, InlineWorkers())
    client = enter_with(serve, workers, filesystem=files)
    client.send("HASH big")
    client.server.reactor.settle()
    client.leave()
    assert held(tmp_path) == [str(tmp_path / "big")]
    workers.work()
    client.server.reactor.settle()
    assert workers.waiting == []
    assert held(tmp_path) == []
    assert client.server.logged_in == 0


def test_shutdown_ends_it(serve):
    workers = HeldWorkers()
    client = enter_with(serve, workers, CONTENT)
    client.send("HASH big")
    client.server.reactor.settle()
    client.server.factory.shut_down()
    workers.work()
    client.expect(426)
    client.expect(421)
    assert client.closed


def test_a_long_one_is_no_idleness(serve, settings):
    workers = HeldWorkers()
    client = enter_with(serve, workers, CONTENT, settings(idle_timeout=60))
    client.send("HASH small")
    client.wait(600)
    workers.work()
    client.expect(213)
    client.wait(59)
    client.ask("NOOP", 200)
