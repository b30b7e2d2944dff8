"""Files, both ways, protected or not."""

from __future__ import annotations

import itertools

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred

from ftptls.dtp.pumps import PIECE
from ftptls.settings import UploadMode
from ftptls.testing.dialogue import SERVER_6
from ftptls.testing.wires import End, Ending
from ftptls.vfs.memory import MemoryFilesystem
from tests.server.conftest import MODES

pytestmark = pytest.mark.both_paths(threads=True)

BIG = bytes(range(256)) * 4096  # 1 MiB


@pytest.mark.parametrize("how", ["PASV", "EPSV", "PORT", "EPRT"])
def test_download_and_upload(enter, mode, how):
    client = enter({"/big": BIG}, mode=mode)
    assert client.download("RETR big", how) == BIG
    assert "1048576 octets" in client.upload("STOR copy", BIG, how).text
    assert client.server.filesystem.contents()["/copy"] == BIG


@pytest.mark.parametrize("how", ["EPSV", "EPRT"])
def test_over_ipv6(enter, mode, how):
    client = enter({"/big": BIG}, mode=mode, host=SERVER_6)
    assert client.download("RETR big", how) == BIG
    client.upload("STOR copy", BIG, how)
    client.ask("PASV", 425)
    client.ask("EPSV 1", 522)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("resume", [True, False])
def test_both_versions_of_tls_resumed_and_not(serve, version, resume):
    client = serve({"/big": BIG}).connect(version=version)
    client.secure()
    client.log_in()
    wire = client.begin("RETR big", resume=resume)
    assert wire.resumed is resume
    assert wire.take() == BIG
    client.expect(226)
    assert client.download("RETR big", "PORT", resume=resume) == BIG
    client.upload("STOR copy", BIG, resume=resume)
    assert client.server.filesystem.contents()["/copy"] == BIG


def test_in_small_pieces(enter, mode):
    client = enter({"/file": BIG[:2000]}, mode=mode)
    client.server.reactor.deliver_in([1, 2, 3, 500])
    assert client.download("RETR file") == BIG[:2000]
    client.upload("STOR copy", BIG[:2000])
    assert client.server.filesystem.contents()["/copy"] == BIG[:2000]


def test_empty_files(enter, mode):
    client = enter({"/nothing": b""}, mode=mode)
    assert client.download("RETR nothing") == b""
    client.upload("STOR nothing too", b"")
    assert client.server.filesystem.contents()["/nothing too"] == b""


def test_many_transfers_over_one_session(enter, mode):
    client = enter(mode=mode)
    for number in range(20):
        client.upload(f"STOR {number}", str(number).encode())
        assert client.download(f"RETR {number}") == str(number).encode()


def test_the_150_tells_the_size(enter):
    client = enter({"/big": BIG})
    client.open()
    client.ask("REST 1000", 350)
    assert "(1047576 bytes)" in client.ask("RETR big", 150).text


def test_a_transfer_needs_a_data_port(enter, mode):
    client = enter({"/big": BIG}, mode=mode)
    for line in ("RETR big", "STOR new", "LIST"):
        client.send(line)
        assert client.expect(150, 425).code == 425 or client.expect(425)
    assert "/new" not in client.server.filesystem.contents()


# --- resuming ------------------------------------------------------------------------------


def test_rest_and_retr(enter, mode):
    client = enter({"/big": BIG}, mode=mode)
    client.ask("REST 1000000", 350)
    assert client.download("RETR big") == BIG[1000000:]
    assert client.download("RETR big") == BIG
    client.ask(f"REST {len(BIG)}", 350)
    assert client.download("RETR big") == b""


def test_rest_behind_the_end(enter):
    client = enter({"/small": b"12345"})
    client.open()
    client.ask("REST 6", 350)
    client.ask("RETR small", 554)
    client.ask("REST 6", 350)
    client.ask("STOR small", 554)
    client.ask("REST 1", 350)
    client.ask("STOR new", 554)
    assert client.server.filesystem.contents() == {"/small": b"12345"}
    assert client.download("RETR small") == b"12345"


@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_rest_and_stor_go_on_in_place(enter, mode, verb):
    client = enter({"/part": b"0123456789"}, mode=mode)
    client.ask("REST 4", 350)
    client.upload(f"{verb} part", b"ABC")
    assert client.server.filesystem.contents()["/part"] == b"0123ABC789"


def test_appe(enter, mode):
    client = enter({"/part": b"0123"}, mode=mode)
    client.upload("APPE part", b"456")
    client.upload("APPE fresh", b"789")
    assert client.server.filesystem.contents() == {"/part": b"0123456", "/fresh": b"789"}


@pytest.mark.parametrize(
    "between", ["PASV", "EPSV", "TYPE I", "PBSZ 0", "PROT P", "NOOP", "SIZE f", "ALLO 3"]
)
def test_what_clients_send_between_rest_and_the_transfer(enter, between):
    client = enter({"/f": b"0123"})
    client.ask("REST 2", 350)
    client.send(between)
    assert client.answer().code < 300
    assert client.download("RETR f") == b"23"


@pytest.mark.parametrize(
    "between", ["PWD", "CWD /", "ABOR", "XYZZY", "REST 0", "REST x", "DELE no"]
)
def test_what_makes_rest_forgotten(enter, between):
    client = enter({"/f": b"0123"})
    client.ask("REST 2", 350)
    client.send(between)
    assert client.answer() is not None
    assert client.download("RETR f") == b"0123"


def test_a_marker_is_used_once_even_by_a_transfer_that_fails(enter):
    client = enter({"/f": b"0123"})
    client.ask("REST 2", 350)
    client.ask("RETR nowhere", 550)
    assert client.download("RETR f") == b"0123"


def test_a_marker_is_used_up_by_a_transfer_that_is_refused_for_its_protection(enter):
    """The offset of a refused upload would else be that of the next one, long after."""
    client = enter({"/f": b"0123"})
    client.ask("PROT C", 200)
    client.ask("REST 2", 350)
    client.ask("STOR f", 521)
    client.ask("PROT P", 200)
    client.upload("STOR f", b"new")
    assert client.server.filesystem.contents() == {"/f": b"new"}


@pytest.mark.parametrize(("opener", "what"), [("REST 2", "RETR"), ("RNFR f", "RNTO")])
def test_a_command_without_its_name_uses_up_what_waited_for_it(enter, opener, what):
    client = enter({"/f": b"0123"})
    client.ask(opener, 350)
    client.ask(what, 501)
    client.ask("RNTO g", 503)
    assert client.download("RETR f") == b"0123"


def test_a_marker_in_type_a_is_refused(enter):
    client = enter({"/f": b"0123"})
    client.ask("TYPE A", 200)
    client.open()
    client.ask("REST 2", 350)
    client.ask("RETR f", 554)


# --- TYPE A --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_type_a_both_ways_whatever_the_pieces(enter, mode, size):
    stored = b"one\ntwo\n\nfour\rfive\nlast"
    sent = stored.replace(b"\n", b"\r\n")
    client = enter({"/text": stored}, mode=mode)
    client.ask("TYPE A", 200)
    client.server.reactor.deliver_in([size])
    assert client.download("RETR text") == sent
    client.upload("STOR copy", sent)
    assert client.server.filesystem.contents()["/copy"] == stored


@pytest.mark.parametrize("offset", range(-2, 3))
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_type_a_at_the_borders_of_pieces(enter, offset, end):
    head, tail = b"x" * (PIECE + offset), b"y" * 10
    sent = end if end == b"\r" else b"\r\n"
    kept = end if end == b"\r" else b"\n"
    client = enter({"/text": head + end + tail})
    client.ask("TYPE A", 200)
    assert client.download("RETR text") == head + sent + tail
    client.upload("STOR copy", head + sent + tail)
    assert client.server.filesystem.contents()["/copy"] == head + kept + tail


def test_type_a_keeps_a_final_cr(enter, mode):
    client = enter(mode=mode)
    client.ask("TYPE A", 200)
    client.upload("STOR text", b"abc\r")
    assert client.server.filesystem.contents()["/text"] == b"abc\r"


def test_size_is_never_wrong(enter):
    client = enter({"/text": b"1\n2\n"})
    assert client.ask("SIZE text", 213).text == "4"
    client.ask("TYPE A", 200)
    client.ask("SIZE text", 550)


# --- uploads in place, and what is left of broken ones -------------------------------------


@pytest.mark.parametrize("ending", [Ending.FIN, Ending.RESET], ids=lambda e: e.name)
def test_a_broken_resume_keeps_what_arrived_and_says_how_much(enter, ending):
    client = enter({"/part": b"0123"})
    answer = client.upload("APPE part", b"4567", ending=ending, code=426)
    assert client.server.filesystem.contents()["/part"] == b"01234567"
    assert "8 octets are stored" in answer.text


def test_a_direct_upload_keeps_what_arrived(enter):
    filesystem = MemoryFilesystem({"/old": b"older and longer"}, upload_mode=UploadMode.DIRECT)
    client = enter(filesystem=filesystem)
    answer = client.upload("STOR old", b"new", ending=Ending.FIN, code=426)
    assert filesystem.contents()["/old"] == b"new"
    assert "3 octets are stored" in answer.text


def test_a_full_filesystem_is_told_and_leaves_the_old_file(enter):
    filesystem = MemoryFilesystem({"/old": b"old"}, limit=100_000)
    client = enter(filesystem=filesystem)
    wire = client.begin("STOR old")
    for _ in range(3):
        wire.send(bytes(64 * 1024))
        wire.take()
    answer = client.expect(452)
    assert "Nothing was stored" in answer.text
    assert filesystem.contents() == {"/old": b"old"}
    assert wire.end is not None


def test_a_target_that_vanished_is_told(enter):
    client = enter(filesystem=MemoryFilesystem({"/dir/old": b"old"}))  # a disk keeps the folder
    wire = client.begin("STOR dir/new")
    wire.send(b"data")
    other = client.server.connect()
    other.secure()
    other.log_in()
    other.ask("RNFR dir", 350)
    other.ask("RNTO gone", 250)
    wire.stop()
    client.expect(550)
    assert client.server.filesystem.contents() == {"/gone/old": b"old"}


# --- pace ----------------------------------------------------------------------------------


def test_a_download_waits_for_its_reader(enter, mode):
    client = enter({"/big": BIG * 8}, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.server.reactor.settle()
    unsent = wire.memory.other.unsent
    assert 0 < unsent < len(BIG)
    for _ in range(10):
        client.wait(1)
    assert wire.memory.other.unsent == unsent
    assert client.quiet
    wire.resume()
    assert len(wire.take()) == 8 * len(BIG)
    client.expect(226)


def test_an_upload_waits_for_its_filesystem(enter, monkeypatch):
    client = enter(filesystem=MemoryFilesystem())
    upload_type = type(client.server.filesystem).open_write
    gate: Deferred[None] = Deferred()

    async def open_write(path, how, offset):
        upload = await upload_type(client.server.filesystem, path, how, offset)
        write_at = upload.write_at

        async def slowly(at, data):
            await gate
            await write_at(at, data)

        upload.write_at = slowly
        return upload

    monkeypatch.setattr(client.server.filesystem, "open_write", open_write)
    wire = client.begin("STOR big")
    wire.send(BIG * 2)
    wire.take()
    assert wire.memory.other.paused
    assert wire.memory.unsent > len(BIG)
    gate.callback(None)
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents()["/big"] == BIG * 2


def test_the_server_closes_a_download_and_waits_for_the_client(enter, mode):
    client = enter({"/f": b"0123"}, mode=mode)
    wire = client.begin("RETR f")
    assert wire.take() == b"0123"
    client.expect(226)
    assert wire.end is End.FIN
    assert wire.memory.other.connected
    client.wait(1)
    assert not wire.memory.other.connected


def test_a_download_ends_though_the_client_never_answers_close_notify(enter):
    client = enter({"/f": b"0123"})
    for _, ending in itertools.product(range(3), (Ending.FIN, Ending.RESET)):
        wire = client.begin("RETR f")
        assert wire.take() == b"0123"
        wire.stop(ending)
        client.expect(226)


# --- clients and their habits --------------------------------------------------------------


def test_a_handshake_before_the_command(enter):
    """aioftp's way."""
    client = enter({"/f": b"0123"})
    wire = client.open().wire
    client.protect(wire)
    client.ask("RETR f", 150)
    assert wire.take() == b"0123"
    client.expect(226)
    wire = client.open().wire
    client.protect(wire)
    wire.send(b"early")
    wire.stop()
    client.ask("STOR g", 150)
    client.expect(226)
    assert client.server.filesystem.contents()["/g"] == b"early"


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_uploads_of_a_client_that_never_reads_arrive_whole(serve, version):
    """Perl's way: close with whatever the server sent unread, and its kernel resets."""
    client = serve().connect(version=version)
    client.secure()
    client.log_in()
    for number in range(100):
        wire = client.begin(f"STOR {number}")
        wire.pause()
        wire.send(BIG[:100_000])
        wire.notify()
        wire.close()
        client.expect(226)
    stored = client.server.filesystem.contents()
    assert [stored[f"/{number}"] for number in range(100)] == [BIG[:100_000]] * 100


def test_an_upload_that_arrives_with_the_handshake(enter, serve):
    client = serve().connect(version=SSL.TLS1_2_VERSION)
    client.secure()
    client.log_in()
    client.open()
    client.ask("STOR f", 150)
    wire = client.ports[-1].wire
    wire.begin_tls(client.context, client.control.session)
    client.server.reactor.settle()
    wire.send(b"data")
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents()["/f"] == b"data"


@pytest.mark.parametrize("size", [1000, len(BIG)])
def test_a_clear_upload_that_is_reset_is_not_whole(enter, size):
    client = enter({"/old": b"old"}, mode=MODES[0])
    client.upload("STOR old", BIG[:size], ending=Ending.RESET, code=426)
    client.upload("STOR new", BIG[:size], ending=Ending.RESET, code=426)
    assert client.server.filesystem.contents() == {"/old": b"old"}
    client.upload("STOR old", BIG[:size])
    assert client.server.filesystem.contents() == {"/old": BIG[:size]}
