"""Transfers aborted in mid-step, by the hundred, while others look for octets gone astray.

A worker that used a descriptor after its close would read from, or write to, whatever took
its number: the sockets and files of the canaries, which are opened and closed all the time.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.clients import PATIENCE, Bare, everything, reset
from tests.interop.server import Server, eventually

ABORTS = 1000
CLIENTS = 6
WAYS = ("data reset", "ABOR", "control reset", "control end", "data end", "ABOR and data reset")
CASES = list(itertools.product(("RETR", "STOR", "RESUME"), ("P", "C"), WAYS))
CHUNK = bytes(range(256)) * 512  # nothing that a canary would send or ask for


class Aborter:
    """One client, which connects anew where the abort costs it its control connection."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._name = f"aborted-{number}"
        self._random = random.Random(number)
        self._client: Bare | None = None
        self._level = ""

    def abort(self, direction: str, level: str, way: str) -> None:
        client = self._connected(level)
        if direction == "RESUME":
            client.command("REST 1000", 350)
        command = "RETR endless" if direction == "RETR" else f"STOR {self._name}"
        data = client.passive()
        client.command("STOR kept" + self._name if direction == "RESUME" else command, 150)
        if level == "P":
            data = client.protect(data)
        with suppress(OSError):
            self._move(data, direction)
        if way.startswith("control"):
            if way == "control reset":
                client.reset()
            else:
                client.close()
            self._client = None
        elif way.startswith("ABOR"):
            client.send("ABOR")
            if way == "ABOR":
                client.expect(426, 226)
            else:
                reset(data)
                client.expect(426, 226)
        elif way == "data reset" or level == "C":
            reset(data)
            client.expect(426)
        else:
            data.close()
            client.expect(426)
        if data.fileno() >= 0:
            reset(data)  # in clear text, an end would be the end of a file

    def _move(self, data: socket.socket, direction: str) -> None:
        """A random amount, so that the abort meets the server at any place."""
        octets = self._random.choice((0, 1, 10_000, 300_000, 2_000_000))
        moved = 0
        while moved < octets:
            moved += len(data.recv(65536)) if direction == "RETR" else data.send(CHUNK)

    def _connected(self, level: str) -> Bare:
        if self._client is None:
            self._client, self._level = Bare(self._server), "P"
        if level != self._level:
            self._client.command(f"PROT {level}", 200)
            self._level = level
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.command("QUIT", 221)
            self._client.close()


class Canary:
    """Opens and closes connections without pause, and must get what is its own, exactly."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._random = random.Random(number)
        self._number = number
        self.sung = 0
        self.uploads: dict[str, bytes] = {}

    def sing(self, ended: threading.Event) -> None:
        with Bare(self._server) as client:
            client.command("PROT C", 200)
            while not ended.is_set() or self.sung < 3:
                self._say_hello()
                self._fetch(client)
                self._store(client)
                self.sung += 1

    def _say_hello(self) -> None:
        """Nothing but a greeting, a reply and a goodbye on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self._server.port()), PATIENCE) as sock:
            sock.sendall(b"NOOP\r\nQUIT\r\n")
            assert everything(sock) == b"220 Service ready.\r\n200 OK.\r\n221 Goodbye.\r\n"

    def _fetch(self, client: Bare) -> None:
        with client.passive() as data:
            client.command("RETR canary", 150)
            assert hashlib.sha256(everything(data)).digest() == CANARY_DIGEST
        client.expect(226)

    def _store(self, client: Bare) -> None:
        name = f"canary-{self._number}-{self.sung % 20}"
        content = self._random.randbytes(self._random.randrange(100_000))
        with client.passive() as data:
            client.command(f"STOR {name}", 150)
            data.sendall(content)
        client.expect(226)
        self.uploads[name] = content


CANARY = random.Random(7).randbytes(200_000)
CANARY_DIGEST = hashlib.sha256(CANARY).digest()


def test_aborts_reach_nobody_else(server: Server) -> None:
    with (server.root / "endless").open("wb") as file:
        file.truncate(1 << 40)
    (server.root / "canary").write_bytes(CANARY)
    for number in range(CLIENTS):
        (server.root / f"keptaborted-{number}").write_bytes(bytes(1000))
    ended = threading.Event()
    canaries = [Canary(server, number) for number in range(2)]
    turns = iter(range(ABORTS))
    lock = threading.Lock()

    def abort_on(number: int) -> int:
        aborter = Aborter(server, number)
        done = 0
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                aborter.close()
                return done
            aborter.abort(*CASES[turn % len(CASES)])
            done += 1

    with ThreadPoolExecutor(CLIENTS + len(canaries)) as pool:
        singing = [pool.submit(canary.sing, ended) for canary in canaries]
        try:
            aborting = [pool.submit(abort_on, number) for number in range(CLIENTS)]
            done = sum(each.result() for each in aborting)
        finally:
            ended.set()
        for each in singing:
            each.result()
    assert done == ABORTS
    eventually(lambda: server.descriptors() == [])
    for canary in canaries:
        assert canary.sung >= 3
        for name, content in canary.uploads.items():
            assert (server.root / name).read_bytes() == content
            (server.root / name).unlink()
    for number in range(CLIENTS):
        kept = (server.root / f"keptaborted-{number}").read_bytes()
        assert kept[:1000] == bytes(1000)
        assert kept[1000:] == (CHUNK * (len(kept) // len(CHUNK) + 1))[: len(kept) - 1000]
        (server.root / f"keptaborted-{number}").unlink()
    # No aborted upload is there, in part or in disguise.
    assert sorted(os.listdir(server.root)) == ["canary", "endless"]


@pytest.fixture(params=["as it is", "lagging"])
def server(start_server, request: pytest.FixtureRequest) -> Server:
    """With ordinary timing, and with steps that last long enough to be met in their middle."""
    flags = ["--data-protection", "optional"]
    if request.param == "lagging":
        return start_server(flags=flags, program=[str(Path(__file__).with_name("lagging.py"))])
    return start_server(flags=flags)
