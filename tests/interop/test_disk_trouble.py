"""A disk that is full or read-only, and descriptors that run out, under a real server.

The disk is a small one in memory, which the server's process mounts for itself alone, in a
namespace where it may do so whoever it is.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop.clients import CLEAR, Bare, everything, fetch, ftp, store
from tests.interop.conftest import StartServer
from tests.interop.server import Server

_ON_ITS_OWN_DISK = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()

def do(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def write(name, text):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)

def mount(where, options, flags=0):
    do(libc.mount(b"none", where.encode(), b"tmpfs", flags, options.encode()))

do(libc.unshare(0x10000000 | 0x00020000))  # CLONE_NEWUSER and CLONE_NEWNS
write("setgroups", "deny")
write("uid_map", f"0 {uid} 1")
write("gid_map", f"0 {gid} 1")
root = sys.argv[sys.argv.index("--root") + 1]
mount(root, "size=1m,nr_inodes=40")
os.mkdir(f"{root}/fixed")
mount(f"{root}/fixed", "size=64k", flags=1)  # MS_RDONLY
"""
_TWISTD = "sys.argv[0] = 'twistd'\nfrom twisted.scripts.twistd import run\nrun()\n"
MODES = pytest.mark.parametrize("mode", ["direct", "atomic", "atomic-resume"])
BIG = bytes(range(256)) * 16 * 1024  # 4 MiB


@pytest.fixture(scope="module")
def served(start_server: StartServer) -> Callable[[str], Server]:
    """A server for each way to upload, on a disk of 1 MiB and 40 files."""
    servers: dict[str, Server] = {}

    def start(mode: str) -> Server:
        if mode not in servers:
            servers[mode] = start_server(
                program=("-c", _ON_ITS_OWN_DISK + _TWISTD),
                flags=(*CLEAR, f"--upload-mode={mode}"),
            )
        return servers[mode]

    return start


def inside(server: Server) -> Path:
    """The folder as the server sees it."""
    return Path(f"/proc/{server.pid}/root{server.root}")


def names(server: Server) -> set[str]:
    return set(os.listdir(inside(server)))


def send(client: Bare, command: str, data: bytes) -> str:
    """Upload in clear; the final reply, wherever it comes."""
    client.command("PROT C", 200)
    with client.passive() as sock:
        client.send(command)
        reply = client.reply()
        if reply.startswith("150"):
            with suppress(OSError):  # who is refused is not listened to
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            reply = client.reply()
        return reply


@MODES
def test_a_full_disk(served: Callable[[str], Server], mode: str) -> None:
    server = served(mode)
    before = names(server)
    with ftp(server) as other, Bare(server) as client:
        store(other, "a", b"old" * 1000)
        reply = send(client, "STOR a", BIG)
        assert reply.startswith("452 No space left")
        if mode == "direct":
            kept = inside(server).joinpath("a").stat().st_size
            assert reply.endswith(f" {kept} octets are stored.")
        else:
            assert fetch(other, "a") == b"old" * 1000
        hidden = names(server) - before - {"a"}
        if mode == "atomic":
            assert reply.endswith("Nothing was stored.")
            assert not hidden
        if mode == "atomic-resume":
            (part,) = hidden
            kept = inside(server).joinpath(part).stat().st_size
            assert f" {kept} octets are kept" in reply
            assert client.command("SIZE a", 213) == f"213 {kept}"
            assert inside(server).joinpath(part).read_bytes() == BIG[:kept]
        # There is room again as soon as somebody makes some, and the session goes on.
        other.delete("a")
        assert names(server) == before
        assert send(client, "STOR b", BIG[:500_000]).startswith("226")
        assert fetch(other, "b") == BIG[:500_000]
        other.delete("b")


@MODES
def test_a_disk_that_takes_no_more_files(served: Callable[[str], Server], mode: str) -> None:
    server = served(mode)
    before = names(server)
    with ftp(server) as other, Bare(server) as client:
        made = []
        while len(made) < 50:
            reply = send(client, f"STOR file-{len(made)}", b"")
            if not reply.startswith("226"):
                break
            made.append(f"file-{len(made)}")
        assert reply.startswith("452 No space left")
        assert names(server) == before | set(made)
        assert client.command("MKD folder", 452)
        assert names(server) == before | set(made)
        for name in made:
            other.delete(name)


@MODES
def test_a_disk_that_is_read_only(served: Callable[[str], Server], mode: str) -> None:
    server = served(mode)
    with Bare(server) as client:
        client.command("CWD fixed", 250)
        for verb in ("STOR", "APPE"):
            assert send(client, f"{verb} a", b"new").startswith("550")
        assert client.command("MKD folder", 550)
    assert os.listdir(inside(server) / "fixed") == []


@MODES
def test_files_that_grow_too_large(start_server: StartServer, mode: str) -> None:
    server = start_server(flags=(*CLEAR, f"--upload-mode={mode}"))
    limit = 1_000_000
    (server.root / "a").write_bytes(b"old")
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, hard))
    with Bare(server) as client:
        reply = send(client, "STOR a", BIG)
        assert reply.startswith("552 The file is too large")
        hidden = set(os.listdir(server.root)) - {"a"}
        assert len(hidden) == (mode == "atomic-resume")
        whole = b"old" if mode != "direct" else BIG[:limit]
        assert (server.root / "a").read_bytes() == whole
        assert send(client, "STOR a", b"small enough").startswith("226")
    assert (server.root / "a").read_bytes() == b"small enough"


@MODES
def test_no_more_descriptors(start_server: StartServer, mode: str) -> None:
    server = start_server(flags=(*CLEAR, f"--upload-mode={mode}"))
    (server.root / "a").write_bytes(b"old")
    with Bare(server) as client:
        client.command("PROT C", 200)
        send(client, "STOR warm", b"up")  # its threads run
        for command in ("STOR a", "APPE a", "RETR a", "MLSD"):
            with client.passive():
                client.command("NOOP", 200)  # by then it is accepted
                soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
                limits = first_free(server), hard
                resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
                try:
                    reply = client.command(command, 451)
                    assert reply == "451 Too many open files on the server; try again later."
                    assert client.command("NOOP", 200)
                finally:
                    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert sorted(os.listdir(server.root)) == ["a", "warm"]
            assert (server.root / "a").read_bytes() == b"old"
        with client.passive() as sock:
            client.command("RETR a", 150)
            assert everything(sock) == b"old"
            client.expect(226)
        assert send(client, "STOR a", b"new").startswith("226")


def first_free(server: Server) -> int:
    """The lowest number that no descriptor of the server has."""
    taken = {int(each.name) for each in Path(f"/proc/{server.pid}/fd").iterdir()}
    return next(number for number in range(1 << 20) if number not in taken)
