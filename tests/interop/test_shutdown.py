"""The end of the server: in bounded time, whatever runs, and with nothing left half done."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from tests.interop.clients import Bare, everything, ftp, store
from tests.interop.server import Server, eventually

BOUND = 30  # seconds; what hangs, hangs for ever


@pytest.mark.parametrize("protection", ["P", "C"])
def test_transfers_in_progress(start_server, protection: str) -> None:
    server: Server = start_server(flags=["--data-protection", "optional"])
    with (server.root / "endless").open("wb") as file:
        file.truncate(1 << 40)
    (server.root / "old").write_bytes(b"as it was")
    with ExitStack() as stack:
        clients = [stack.enter_context(Bare(server)) for _ in range(6)]
        datas = []
        for number, client in enumerate(clients):
            command = ("RETR endless", f"STOR new{number}", "STOR old")[number % 3]
            client.command(f"PROT {protection}", 200)
            data = stack.enter_context(client.passive())
            client.command(command, 150)
            if protection == "P":
                data = stack.enter_context(client.protect(data))
            if command.startswith("STOR"):
                data.sendall(bytes(100_000))
            datas.append(data)
        eventually(lambda: len(temporaries(server)) == 4)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < BOUND
        for client in clients:
            assert client.reply()[:3] in ("421", "426")
        for data in datas:
            with suppress(OSError):
                everything(data)
    assert sorted(os.listdir(server.root)) == ["endless", "old"]
    assert (server.root / "old").read_bytes() == b"as it was"


def temporaries(server: Server) -> list[str]:
    return [name for name in os.listdir(server.root) if name.startswith(".")]


def test_connections_in_every_state(start_server) -> None:
    server: Server = start_server()
    with ExitStack() as stack:
        idle = stack.enter_context(Bare(server))
        waiting = stack.enter_context(Bare(server))
        waiting.command("EPSV", 229)
        waiting.send("NLST")
        waiting.expect(150)
        candidate = stack.enter_context(Bare(server))
        stack.enter_context(candidate.passive())
        silent = Bare(server, login=False)
        stack.callback(silent.close)
        shaking = Bare(server, login=False)
        stack.callback(shaking.close)
        shaking.command("AUTH TLS", 234)
        shaking.send(b"\x16\x03\x01\x02\x00")
        address = ("127.0.0.1", server.port("implicit"))
        stack.enter_context(socket.create_connection(address, 60))
        server.stop()
        for client in (idle, candidate, silent):
            client.expect(421)
            assert client.line() == ""
        assert waiting.reply()[:3] in ("421", "426")


def test_a_client_that_reads_nothing_cannot_stop_it(start_server) -> None:
    server: Server = start_server()
    with Bare(server) as client:
        client.sock.settimeout(1)
        commands = b"HELP\r\n" * 1_000_000
        with pytest.raises(TimeoutError):
            client.send(commands)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < BOUND


def test_a_whole_upload_is_there_after_a_kill(start_server) -> None:
    """226 is a promise: what it was said of is under its name when the server is gone."""
    server: Server = start_server()
    with ftp(server) as client:
        store(client, "whole", b"content")
        server.stop()
        client.close()
    assert (server.root / "whole").read_bytes() == b"content"


def test_it_starts_again_where_it_was(start_server) -> None:
    """Ports of its sessions do not stand in its way."""
    server: Server = start_server()
    port = server.port()
    with Bare(server) as client:
        client.command("NOOP", 200)
        server.stop()
    again: Server = start_server(flags=["--explicit", f"tcp:{port}:interface=127.0.0.1"])
    again.wait_for(rf"explicit TLS on 127\.0\.0\.1:{port}\b")
