"""Memory, descriptors and threads: none grows with sizes, or with clients that stop."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.interop.clients import Bare, everything, fetch, ftp, reset, store
from tests.interop.conftest import StartServer
from tests.interop.server import Server, eventually, scale

MIB = 1 << 20
SIZE = int(128 * min(scale(), 8)) * MIB
MORE = 40 * MIB
MANY = round(50 * min(scale(), 8))  # clients
MARK = os.urandom(4096)
PLACES = (0, SIZE // 2 - 1000, SIZE - len(MARK))

PROTECT = pytest.mark.parametrize("protect", [True, False], ids=["TLS", "clear"])


def plant(path: Path) -> None:
    """A sparse file with marks in it."""
    with path.open("wb") as file:
        file.truncate(SIZE)
        for place in PLACES:
            file.seek(place)
            file.write(MARK)


def warm(server: Server, *, protect: bool) -> None:
    """Let the server load and start what it needs anyway."""
    with ftp(server, protect=protect) as client:
        store(client, "warm", bytes(MIB))
        assert len(fetch(client, "warm")) == MIB
        client.delete("warm")


@PROTECT
def test_a_download_takes_no_memory(server: Server, protect: bool) -> None:
    plant(server.root / "big")
    warm(server, protect=protect)
    server.forget_peak()
    before = server.memory()
    buffer = bytearray(MIB)
    view = memoryview(buffer)
    received = 0
    found = bytearray()
    with ftp(server, protect=protect) as client:
        client.voidcmd("TYPE I")
        connection = client.transfercmd("RETR big")
        while count := connection.recv_into(view):
            for place in PLACES:
                start, end = max(place, received), min(place + len(MARK), received + count)
                found += view[start - received : end - received] if start < end else b""
            received += count
        connection.close()
        client.voidresp()
    (server.root / "big").unlink()
    assert received == SIZE
    assert found == MARK * len(PLACES)
    assert server.peak_memory() < before + MORE


@PROTECT
def test_an_upload_takes_no_memory(server: Server, tmp_path: Path, protect: bool) -> None:
    plant(tmp_path / "big")
    warm(server, protect=protect)
    server.forget_peak()
    before = server.memory()
    with ftp(server, protect=protect) as client, (tmp_path / "big").open("rb") as file:
        client.storbinary("STOR big", file, blocksize=MIB)
    stored = server.root / "big"
    size = stored.stat().st_size
    with stored.open("rb") as file:
        found = b"".join(os.pread(file.fileno(), len(MARK), place) for place in PLACES)
    stored.unlink()
    (tmp_path / "big").unlink()
    assert size == SIZE
    assert found == MARK * len(PLACES)
    assert server.peak_memory() < before + MORE


@pytest.mark.parametrize(
    ("protect", "mode"), [(True, "S"), (False, "S"), (True, "Z")], ids=["TLS", "clear", "MODE Z"]
)
def test_clients_that_stop_hold_nobody_up_and_little_memory(
    start_server: StartServer, protect: bool, mode: str
) -> None:
    """There is one thread, and many of them; then they go on, all at once."""
    server = start_server(
        flags=["--data-protection", "optional"],
        limits=["threads = 1", "transfer_threads = 1"],
    )
    with (server.root / "endless").open("wb") as file:
        file.truncate(1 << 30)
    warm(server, protect=protect)
    server.forget_peak()
    before = server.memory()
    with ExitStack() as stack:
        stopped = [stack.enter_context(Bare(server)) for _ in range(MANY)]
        connections: list[socket.socket] = []
        for number, client in enumerate(stopped):
            client.command(f"PROT {'P' if protect else 'C'}", 200)
            client.command("OPTS MODE Z LEVEL 0", 200)  # so many octets as the file has
            client.command(f"MODE {mode}", 200)
            data = client.passive()
            client.command("RETR endless" if number % 2 else f"STOR stopped{number}", 150)
            connections.append(stack.enter_context(client.protect(data) if protect else data))
        packers = [zlib.compressobj(0) for _ in connections]

        def send(number: int, data: bytes) -> None:
            if mode == "Z":
                data = packers[number].compress(data) + packers[number].flush(zlib.Z_SYNC_FLUSH)
            connections[number].sendall(data)

        for number in range(0, MANY, 2):
            send(number, bytes(300_000))
        at: list[int] = []

        def stands_still() -> bool:
            time.sleep(0.2)
            before, at[:] = at[:], [moved(client) for client in stopped]
            return before == at

        eventually(stands_still)
        assert all(octets == 300_000 for octets in at[::2])
        assert all(0 < octets < 64 * MIB for octets in at[1::2])
        for client in stopped:
            client.command("NOOP", 200)
        with ftp(server, protect=protect) as passing:  # everybody else is served
            store(passing, "passing", bytes(MIB))
            assert fetch(passing, "passing") == bytes(MIB)
            passing.delete("passing")
        # A session with its buffers, a transfer with its own: bounded for each.
        assert server.peak_memory() < before + MANY * 2 * MIB
        buffer = bytearray(128 * 1024)
        for _ in range(20):
            for number, data in enumerate(connections):
                if number % 2:
                    assert data.recv_into(buffer)
                else:
                    send(number, buffer)
        assert server.peak_memory() < before + MANY * 2 * MIB
        for data in connections[::2]:
            reset(data)
    eventually(lambda: server.descriptors() == [])
    assert sorted(os.listdir(server.root)) == ["endless"]
    (server.root / "endless").unlink()


def moved(client: Bare) -> int:
    reply = client.command("STAT", 211)
    (octets,) = re.findall(r"(?:RETR|STOR) .*: (\d+) (?:of \d+ )?octets", reply)
    return int(octets)


@PROTECT
@pytest.mark.parametrize("command", ["RETR endless", "STOR stopped"])
def test_a_client_that_stops_is_given_up(
    impatient_server: Server, command: str, protect: bool
) -> None:
    """Even if it never closes: neither its transfer nor its descriptor stays."""
    server = impatient_server
    with (server.root / "endless").open("wb") as file:
        file.truncate(1 << 30)
    with Bare(server) as client:
        client.command(f"PROT {'P' if protect else 'C'}", 200)
        data = client.passive()
        client.command(command, 150)
        data = client.protect(data) if protect else data
        client.expect(426)
        eventually(lambda: len(server.descriptors()) == 1)  # the control connection
        data.close()
        client.command("NOOP", 200)
    assert os.listdir(server.root) == ["endless"]


def test_a_download_nobody_closes_is_given_up(server: Server) -> None:
    (server.root / "some").write_bytes(bytes(1000))
    with Bare(server) as client:
        data = client.transfer("RETR some")
        client.expect(226)
        eventually(lambda: len(server.descriptors()) == 1)  # the control connection
        assert everything(data) == bytes(1000)
        data.close()
    (server.root / "some").unlink()


def test_replies_that_nobody_reads_pile_up_nowhere(server: Server) -> None:
    with Bare(server) as client:
        server.forget_peak()
        before = server.memory()
        client.sock.settimeout(1)
        commands = b"HELP\r\n" * 1_000_000
        with pytest.raises(TimeoutError):
            client.send(commands)
        assert server.peak_memory() < before + 8 * MIB


def test_connections_that_say_nothing_cost_little(start_server: StartServer) -> None:
    server = start_server(guard=["waiting_per_address = 1000"])
    server.forget_peak()
    before = server.memory()
    with ExitStack() as stack:
        for number in range(200):
            kind = "implicit" if number % 2 else "explicit"
            address = ("127.0.0.1", server.port(kind))
            sock = stack.enter_context(socket.create_connection(address, 60))
            if number % 4 == 1:
                sock.sendall(b"\x16\x03\x01\x02\x00")  # the head of a handshake
        eventually(lambda: len(server.descriptors()) >= 200)
        with Bare(server) as client:
            client.command("NOOP", 200)
        assert server.peak_memory() < before + 200 * 256 * 1024
    eventually(lambda: server.descriptors() == [])


def test_others_have_their_turn_while_files_are_moved(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gaps are told, and judged by people: how long they are is up to the machine."""
    with (server.root / "endless").open("wb") as file:
        file.truncate(1 << 30)
    ended = threading.Event()

    def load(command: str) -> None:
        with Bare(server) as client, client.transfer(command) as data:
            buffer = bytearray(MIB)
            with suppress(OSError):
                while not ended.is_set():
                    if command.startswith("RETR"):
                        data.recv_into(buffer)
                    else:
                        data.sendall(buffer)

    commands = ["RETR endless", "RETR endless", "STOR one", "STOR two"]
    threads = [threading.Thread(target=load, args=[command]) for command in commands]
    gaps = []
    try:
        for thread in threads:
            thread.start()
        with Bare(server) as client:
            for _ in range(int(200 * scale())):
                began = time.monotonic()
                client.command("NOOP", 200)
                gaps.append(time.monotonic() - began)
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    with capsys.disabled():
        if scale() > 1:
            print(f"\nlongest NOOP while files were moved: {max(gaps) * 1000:.1f} ms")
    (server.root / "endless").unlink()
    eventually(lambda: os.listdir(server.root) == [])


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    return start_server(flags=["--data-protection", "optional"])


@pytest.fixture(scope="module")
def impatient_server(start_server) -> Server:
    return start_server(
        flags=["--data-protection", "optional"],
        limits=["stall_timeout = 1.0", "connect_timeout = 5.0"],
    )
