"""Steps of transfers on workers: who may close what meanwhile, and who waits for whom."""

from __future__ import annotations

import gc
import os
import re
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from ftptls.dtp.pumps import PIECE, FileDownload
from ftptls.testing.dialogue import Client
from ftptls.testing.transports import WINDOW
from ftptls.testing.wires import Ending, Wire
from tests.server.conftest import MODES, relaxed
from tests.server.disks import Disk
from tests.server.slow import HeldWorkers
from tests.server.threads import ThreadedReactor

MIB = 1024 * 1024
BIG = bytes(range(256)) * 16384  # 4 MiB
CONTENT = {"/big": BIG, "/other": BIG, "/old": b"old"}
LINES = ["RETR big", "STOR new", "APPE old"]

clear_and_private = pytest.mark.parametrize("mode", [MODES[0], MODES[2]], ids=str)


@pytest.fixture
def held() -> HeldWorkers:
    """No step is made but when the test says so."""
    return HeldWorkers()


@pytest.fixture
def enter_held(enter: Callable[..., Client], held: HeldWorkers, tmp_path) -> Callable[..., Client]:
    """A client of a server whose transfers are made in steps by ``held``."""

    def make(**more: Any) -> Client:
        return enter(filesystem=Disk(tmp_path, CONTENT), sockets=True, workers=held, **more)

    return make


def work(client: Client, held: HeldWorkers) -> int:
    """Make every step there is to be made, until all is at rest; tells how many."""
    steps = 0
    client.wait(0)
    while held.waiting:
        held.work()
        client.wait(0)
        steps += 1
    return steps


def begin(client: Client, line: str) -> Wire:
    """A transfer whose next step is to be made; octets of an upload are there for it."""
    wire = client.begin(line)
    if not line.startswith("RETR"):
        client.wait(0)
        client.server.factory.steps.work()  # the first one opens the file
        client.wait(0)
        wire.send(BIG[:100_000])
    client.wait(0)
    return wire


def moved(client: Client) -> int:
    """Octets of the file that were transferred so far."""
    (octets,) = re.findall(r" /\w+: (\d+) (?:of|octets)", client.ask("STAT", 211).text)
    return int(octets)


def open_files(folder: object) -> list[str]:
    """The files of a folder that this process has open."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # of the listing itself
            continue
    return sorted(each for each in links if each.startswith(f"{folder}/"))


# --- one owner at a time -------------------------------------------------------------------

ENDS: dict[str, Callable[[Client, Wire], object]] = {
    "ABOR": lambda client, _: client.send("ABOR"),
    "a lost control connection": lambda client, _: client.control.stop(Ending.RESET),
    "shutdown": lambda client, _: client.server.factory.shut_down(),
    "a lost data connection": lambda _, wire: wire.reset(),
}


def test_a_broken_download_keeps_no_buffers(enter, tmp_path):
    """Not even until garbage is collected, which takes its time."""
    client = enter(filesystem=Disk(tmp_path, CONTENT), sockets=True, mode=MODES[2])
    wire = client.begin("RETR big", limit=WINDOW)
    client.wait(0)
    kept = [weakref.ref(each) for each in gc.get_objects() if isinstance(each, FileDownload)]
    assert kept
    gc.disable()
    try:
        wire.reset()
        client.expect(426)
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()


def test_steps_have_threads_of_their_own(serve, held, tmp_path):
    """While all of them are busy, others can list."""
    server = serve(None, relaxed(), filesystem=Disk(tmp_path, CONTENT), sockets=True)
    server.factory.steps = held
    busy, other = server.connect(), server.connect()
    for each in (busy, other):
        each.log_in()
    wire = begin(busy, "RETR big")
    assert sorted(other.download("NLST").split()) == [b"big", b"old", b"other"]
    assert len(held.waiting) == 1
    received = bytearray()
    while held.waiting:
        work(busy, held)
        received += wire.take()
    assert received == BIG
    busy.expect(226)


@clear_and_private
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_closed_under_a_step(enter_held, held, tmp_path, mode, line, end):
    """A number that is free is soon another's: a thread must never use one that was closed."""
    client = enter_held(mode=mode)
    wire = begin(client, line)
    opened, server_end = open_files(tmp_path), wire.memory.other
    assert opened
    assert len(held.waiting) == 1
    ENDS[end](client, wire)
    client.wait(5)
    assert len(held.waiting) == 1  # it is a worker's, and not done yet
    assert open_files(tmp_path) == opened
    assert server_end.connected
    work(client, held)
    client.wait(5)
    assert open_files(tmp_path) == []
    assert not server_end.connected
    if end == "ABOR":
        assert client.expect(426).text.startswith("Transfer aborted.")
        client.expect(226)
    elif end == "a lost data connection":
        client.expect(426)
    contents = client.server.filesystem.contents()
    assert contents.pop("/old").startswith(b"old")
    assert contents == {"/big": BIG, "/other": BIG}


@clear_and_private
def test_an_abort_of_a_transfer_that_waits_closes_at_once(enter_held, held, tmp_path, mode):
    client = enter_held(mode=mode)
    for line in LINES:
        wire = begin(client, line)
        wire.pause()
        assert work(client, held)
        assert open_files(tmp_path)
        client.ask("ABOR", 426)
        client.expect(226)
        assert open_files(tmp_path) == []
        wire.close()


# --- back pressure -------------------------------------------------------------------------


@clear_and_private
def test_no_more_of_a_file_is_read_than_the_client_takes(enter_held, held, mode):
    client = enter_held(mode=mode)
    wire = client.begin("RETR big", limit=100_000)
    assert work(client, held)
    read = moved(client)
    on_the_way = wire.memory.other.unsent + WINDOW - wire.memory.room
    received = wire.waiting + on_the_way
    if mode.private:  # a piece that was read may wait to be sent
        assert read - PIECE - 1024 < received < read * 1.01 + 1024
    else:
        assert received == read
    assert read < MIB
    client.wait(60)
    assert moved(client) == read
    assert held.waiting == []
    wire.resume()
    work(client, held)
    assert wire.take() == BIG
    client.expect(226)


@clear_and_private
def test_no_more_is_received_than_the_disk_takes(enter_held, held, mode):
    client = enter_held(mode=mode)
    wire = client.begin("STOR new")
    wire.send(BIG)
    client.wait(60)
    server_end = wire.memory.other
    assert moved(client) == 0
    assert len(held.waiting) == 1
    before = server_end.delivered + len(server_end._window) - server_end.unread
    steps = 0
    while held.waiting:
        waiting = wire.memory.unsent
        client.wait(60)
        assert wire.memory.unsent == waiting  # what is not written stops the client
        held.work()
        steps += 1
        taken = server_end.delivered + len(server_end._window) - server_end.unread - before
        if mode.private:  # of a record, only a part may be there; and records are longer
            assert 0 <= taken - moved(client) < 32 * 1024
        else:
            assert taken == moved(client)
        client.wait(0)
    assert steps > 10
    assert moved(client) == len(BIG)
    wire.stop()
    work(client, held)
    client.expect(226)
    assert client.server.filesystem.contents()["/new"] == BIG


# --- threads -------------------------------------------------------------------------------


@pytest.fixture
def reactor() -> ThreadedReactor:
    return ThreadedReactor(threads=1)


@clear_and_private
def test_clients_that_stop_hold_no_thread(enter, reactor, tmp_path, mode):
    """There is one thread, and fifty who do not go on."""
    big = BIG[:MIB]
    files = Disk(tmp_path, {"/big": big})
    first = enter(filesystem=files, sockets=reactor, workers=reactor.workers, mode=mode)
    wires = []
    for number in range(50):
        client = come(first, mode)
        if number % 2:
            wires.append(client.begin("RETR big", limit=1000))
        else:
            wires.append(client.begin(f"STOR {number}"))
            wires[-1].send(b"half")
        reactor.settle()  # which waits for threads that have something to do
        first.ask("NOOP", 200)
    first.upload("STOR passing", big)
    assert first.download("RETR passing") == big
    assert all(wire.end is None for wire in wires)
    for number, wire in enumerate(wires):
        wire.resume()
        wire.stop()
        if number % 2:
            assert wire.take() == big
    assert {each: data for each, data in files.contents().items() if data != big} == {
        f"/{number}": b"half" for number in range(0, 50, 2)
    }


def come(first: Client, mode: Any) -> Client:
    """One more client of the same server."""
    client = first.server.connect()
    if mode.private:
        client.secure()
    client.log_in()
    return client


@pytest.mark.parametrize(
    ("mode", "lines", "call"),
    [
        (MODES[0], ["RETR big", "RETR other"], "sendfile"),
        (MODES[2], ["RETR big", "RETR other"], "preadv"),
        (MODES[0], ["STOR new", "STOR newer"], "pwrite"),
        (MODES[2], ["STOR new", "STOR newer"], "pwrite"),
        (MODES[2], ["STOR new", "RETR other"], None),
    ],
    ids=str,
)
def test_two_transfers_go_on_at_the_same_time(enter, tmp_path, monkeypatch, mode, lines, call):
    """In the middle of its step, each waits until the other one is there, too."""
    meeting = threading.Barrier(2, timeout=60)
    reactor = ThreadedReactor(threads=2)
    files = Disk(tmp_path, CONTENT)
    first = enter(filesystem=files, sockets=reactor, workers=reactor.workers, mode=mode)
    clients = [first, come(first, mode)]
    for name in [call] if call else ["preadv", "pwrite"]:
        monkeypatch.setattr(os, name, meet_once(meeting, getattr(os, name)))
    wires = [client.open().wire for client in clients]
    for client, wire in zip(clients, wires, strict=True):
        if mode.private:
            client.protect(wire)
    for client, wire, line in zip(clients, wires, lines, strict=True):
        client.send(line)  # nothing happens yet
        if line.startswith("STOR"):
            wire.send(BIG)
            wire.stop()
    for client, wire, line in zip(clients, wires, lines, strict=True):
        client.expect(150)
        assert wire.take() == (BIG if line.startswith("RETR") else b"")
        client.expect(226)
    assert not meeting.broken
    assert all(data == BIG for name, data in files.contents().items() if name != "/old")


def meet_once(meeting: threading.Barrier, call: Callable[..., Any]) -> Callable[..., Any]:
    """A call before which each worker waits once for the other one."""
    met = {threading.main_thread()}

    def late(*args: Any) -> Any:
        if threading.current_thread() not in met:
            met.add(threading.current_thread())
            meeting.wait()
        return call(*args)

    return late
