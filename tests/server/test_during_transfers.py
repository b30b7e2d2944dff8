"""ABOR, and what else is said while a transfer is in progress."""

from __future__ import annotations

import re

import pytest

from ftptls.commands import standard_commands
from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.testing.wires import Ending
from ftptls.wire.arguments import path
from ftptls.wire.replies import Reply

pytestmark = pytest.mark.both_paths(threads=True)

BIG = bytes(range(256)) * 32768  # 8 MiB: more than any buffer on the way takes
CONTENT = {"/big": BIG, "/old": b"old"}


def test_abor_without_a_transfer(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.ask("ABOR", 226)
    assert client.quiet


def test_abor_closes_an_unused_port(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.open().wire
    client.ask("ABOR", 226)
    assert len(client.server.reactor.listeners) == 1
    assert wire.take() == b""
    assert wire.end is not None
    assert client.download("RETR old") == b"old"


def test_abor_of_a_download(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert client.quiet
    wire.resume()
    assert len(wire.take()) < len(BIG)
    assert wire.end is not None
    assert not wire.notified
    assert client.download("RETR big") == BIG


def test_abor_of_an_upload(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("STOR old")
    wire.send(b"new and longer")
    wire.take()
    client.send("ABOR")
    assert "Nothing was stored" in client.expect(426).text
    client.expect(226)
    assert wire.take() == b""
    assert wire.end is not None
    assert client.server.filesystem.contents() == CONTENT
    client.upload("STOR old", b"newest")
    assert client.server.filesystem.contents()["/old"] == b"newest"


def test_abor_of_an_append_tells_what_is_stored(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("APPE old")
    wire.send(b" and new")
    wire.take()
    client.send("ABOR")
    assert "11 octets are stored" in client.expect(426).text
    client.expect(226)
    assert client.server.filesystem.contents()["/old"] == b"old and new"


def test_abor_of_a_listing(enter):
    client = enter({f"/{'x' * 200}{number}": b"" for number in range(5_000)})
    client.begin("MLSD", limit=10_000)
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert len(client.download("NLST")) > 5_000 * 200


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("verb", ["RETR", "STOR"])
def test_abor_before_the_data_connection_is_there(enter, settings, mode, verb, how):
    client = enter(CONTENT, settings(), mode=mode)
    if how == "PASV":
        client.passive_port()
    else:
        client.server.reactor.silent.add("192.0.2.1")
        client.ask("PORT 192,0,2,1,200,0", 200)
    client.ask(f"{verb} old", 150)
    assert client.quiet
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert client.quiet
    assert len(client.server.reactor.listeners) == 1
    assert client.server.filesystem.contents() == CONTENT
    client.server.reactor.silent.clear()
    assert client.download("RETR old") == b"old"


@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_abor_before_the_handshake(enter, how):
    client = enter(CONTENT)
    port = client.open(how)
    client.ask("STOR old", 150)
    assert port.wire.take() == b""
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert port.wire.take() == b""
    assert port.wire.end is not None
    assert client.server.filesystem.contents() == CONTENT
    assert client.download("RETR old", how) == b"old"


@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_abor_in_the_middle_of_the_handshake(enter, how):
    client = enter(CONTENT)
    port = client.open(how)
    client.ask("STOR old", 150)
    port.wire.send_raw(b"\x16\x03\x01\x02\x00\x01")
    port.wire.take()
    client.send("ABOR")
    client.expect(426)
    client.expect(226)
    assert client.server.filesystem.contents() == CONTENT
    assert client.download("RETR old", how) == b"old"


def test_abor_after_the_transfer(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert client.download("RETR old") == b"old"
    client.ask("ABOR", 226)
    assert client.quiet
    assert client.download("RETR old") == b"old"


def test_abor_with_telnet_signals(enter):
    client = enter(CONTENT)
    client.begin("RETR big", limit=100_000)
    client.control.send(b"\xff\xf4\xff\xf2ABOR\r\n")
    client.expect(426)
    client.expect(226)


def test_abor_after_abor(enter):
    client = enter(CONTENT)
    client.begin("RETR big", limit=100_000)
    client.send("ABOR", "ABOR", "NOOP")
    assert [client.expect(426, 226, 200).code for _ in range(4)] == [426, 226, 226, 200]


def test_noop_and_stat_are_answered_at_once(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.ask("NOOP", 200)
    lines = client.ask("STAT", 211).text
    told = re.search(r"RETR /big: (\d+) of 8388608 octets \((\d+)%\)", lines)
    assert told
    assert 100_000 <= int(told[1]) < len(BIG)
    assert int(told[2]) == 100 * int(told[1]) // len(BIG)
    client.ask("STAT /old", 213)
    wire.resume()
    assert wire.take() == BIG
    client.expect(226)
    assert client.quiet


def test_stat_tells_what_is_known_of_an_upload(enter, mode):
    client = enter(mode=mode)
    wire = client.begin("STOR new")
    wire.send(b"12345")
    wire.take()
    assert "STOR /new: 5 octets\n" in client.ask("STAT", 211).text
    wire.stop()
    client.expect(226)


def test_stat_tells_what_is_known_of_a_listing(enter):
    client = enter({f"/{'x' * 200}{number}": b"" for number in range(5_000)})
    client.begin("MLSD", limit=400_000)
    assert re.search(r"MLSD /: \d{5,} octets\n", client.ask("STAT", 211).text)


def test_stat_tells_of_a_part_what_the_part_has(enter):
    client = enter(CONTENT)
    client.ask(f"REST {len(BIG) // 2}", 350)
    client.begin("RETR big", limit=100_000)
    assert f" of {len(BIG) // 2} octets" in client.ask("STAT", 211).text


async def _works_long(context: Context, name: str) -> Reply:
    context.dtp.progress.path, context.dtp.progress.total = name, 1000
    while True:
        context.dtp.progress.check()
        context.dtp.progress.octets += 10
        await context.control.pause(1)


WORK = Command("WORK", "none", "WORK <SP> <name>", "Work.", path, _works_long, takes_long=True)


@pytest.fixture
def worker(enter):
    """A client for whom the server works, without a data connection."""
    client = enter(CONTENT, commands=standard_commands().replace(WORK))
    client.send("WORK there")
    client.wait(5)
    yield client
    client.send("ABOR")
    client.wait(1)


def test_what_takes_long_tells_how_far_it_is(worker):
    assert "WORK there: 60 of 1000 octets (6%)" in worker.ask("STAT", 211).text
    worker.wait(10)
    assert "WORK there: 160 of 1000 octets (16%)" in worker.ask("STAT", 211).text


def test_what_takes_long_is_aborted(worker):
    worker.send("ABOR", "NOOP")
    worker.wait(1)
    assert [worker.expect(426, 226, 200).code for _ in range(3)] == [426, 226, 200]
    assert "No transfer in progress" in worker.ask("STAT", 211).text
    assert worker.download("RETR old") == b"old"


def test_what_takes_long_ends_with_the_session(worker):
    worker.control.stop(Ending.RESET)
    worker.wait(1)
    assert worker.server.logged_in == 0


def test_other_commands_wait_in_their_order(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.send("PWD", "DELE old", "NOOP")
    assert client.quiet
    assert "/old" in client.server.filesystem.contents()
    wire.resume()
    assert wire.take() == BIG
    assert [client.expect(226, 257, 250, 200).code for _ in range(4)] == [226, 257, 250, 200]


def test_a_transfer_is_followed_by_another_that_was_pipelined(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    client.ask("PROT C", 200)
    first = client.open().wire
    client.send("RETR old", "EPSV", "SIZE old")
    client.expect(150)
    client.expect(226)
    client.expect(229)
    client.expect(213)
    assert first.take() == b"old"


def test_quit_during_a_transfer_lets_it_end(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    client.send("QUIT")
    assert client.quiet
    wire.resume()
    assert wire.take() == BIG
    client.expect(226)
    client.expect(221)
    assert client.closed


def test_quit_during_an_upload_lets_it_end(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("STOR new")
    wire.send(b"first")
    client.send("QUIT")
    assert client.quiet
    wire.send(b" and last")
    wire.stop()
    client.expect(226)
    client.expect(221)
    assert client.server.filesystem.contents()["/new"] == b"first and last"


def test_quit_does_not_wait_for_a_stalled_transfer_for_ever(enter, settings):
    client = enter(CONTENT, settings(stall_timeout=100))
    client.begin("RETR big", limit=100_000)
    client.send("QUIT", "PWD")
    client.wait(99)
    assert client.quiet
    client.wait(2)
    client.expect(426)
    client.expect(221)
    assert client.quiet
    assert client.closed


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.FIN], ids=lambda e: e.name)
def test_a_lost_control_connection_aborts_the_transfer(enter, mode, ending):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("STOR old")
    wire.send(b"new")
    client.server.reactor.settle()
    client.control.stop(ending)
    assert wire.take() == b""
    assert wire.end is not None
    assert client.server.filesystem.contents() == CONTENT
    assert client.server.logged_in == 0


def test_shutdown_aborts_the_transfer(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("STOR old")
    wire.send(b"new")
    client.server.reactor.settle()
    client.server.factory.shut_down()
    client.expect(426)
    client.expect(421)
    assert client.closed
    assert wire.take() == b""
    assert wire.end is not None
    assert client.server.filesystem.contents() == CONTENT


def test_a_long_transfer_keeps_the_session_alive(enter, settings, mode):
    client = enter(CONTENT, settings(idle_timeout=60, stall_timeout=100), mode=mode)
    wire = client.begin("STOR slow")
    for _ in range(10):
        wire.send(b"x")
        client.wait(59)
    wire.stop()
    client.expect(226)
    client.wait(59)
    client.ask("NOOP", 200)
    client.wait(59)
    client.ask("NOOP", 200)


def test_noops_during_a_transfer_do_not_keep_it_from_stalling(enter, settings):
    client = enter(CONTENT, settings(stall_timeout=100))
    client.begin("STOR slow")
    for _ in range(9):
        client.ask("NOOP", 200)
        client.wait(10)
    client.ask("NOOP", 200)
    client.wait(11)
    client.expect(426)
