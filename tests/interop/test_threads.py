"""Which thread does what: the reactor never reads or writes files, nor protects their octets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interop.clients import ftp
from tests.interop.server import Server, scale

MIB = 1 << 20
MOST = 256 * 1024  # what the reactor may move: handshakes, commands and replies


def test_the_work_of_transfers_is_done_by_workers(
    start_server, capsys: pytest.CaptureFixture[str]
) -> None:
    server: Server = start_server(
        program=[str(Path(__file__).with_name("recording.py"))],
        flags=["--data-protection", "optional"],
    )
    size = int(min(scale(), 8) * 64) << 20
    with (server.root / "down").open("wb") as file:
        file.truncate(size)
    sent = memoryview(bytes(1 << 20))
    for protect in (True, False):
        with ftp(server, protect=protect) as client:
            received = 0

            def count(data: bytes) -> None:
                nonlocal received
                received += len(data)

            client.retrbinary("RETR down", count, blocksize=1 << 20)
            assert received == size
            connection = client.transfercmd("STOR up")
            for _ in range(size >> 20):
                connection.sendall(sent)
            if protect:
                connection.unwrap()
            connection.close()
            client.voidresp()
            assert (server.root / "up").stat().st_size == size
            (server.root / "up").unlink()
    server.stop()
    recorded = json.loads((server.root.parent / "calls.json").read_text())
    octets = recorded["octets"]
    for name, least in {
        "preadv": size,
        "sendfile": size,
        "pwrite": size,
        "splice": 2 * (size - MIB),  # into a pipe and out of it; the first octets go by memory
        "Connection.send": size,
        "TLSStream.decrypt": size,
        "socket.send": size,
        "socket.recv_into": size,
    }.items():
        assert octets.get(f"{name} on worker", 0) >= least, (name, octets)
        assert octets.get(f"{name} on reactor", 0) < MOST, (name, octets)
    for name in ("preadv", "sendfile", "pwrite", "splice"):
        assert f"{name} on reactor" not in octets
    with capsys.disabled():
        if scale() > 1:
            print(f"\nlongest turn of the reactor: {recorded['longest'] * 1000:.1f} ms")
