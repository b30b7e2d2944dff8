"""A part of a file: exactly the octets that were asked for, whichever way they go."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from ftptls.commands import standard_commands
from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.dtp.candidates import Channel
from ftptls.dtp.pumps import NO_END, PIECE
from ftptls.dtp.transfer import Transfer
from ftptls.interfaces import IDescriptor, IFileReader
from ftptls.progress import Progress
from ftptls.settings import Limits
from ftptls.testing.dialogue import MemoryServer
from ftptls.testing.filesystem import run_now
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.arguments import path
from ftptls.wire.replies import Reply
from ftptls.wire.representation import AsciiEncoder
from ftptls.workers import InlineWorkers

SIZE = PIECE + 1000
CONTENT = bytes(range(11, 256)) * (SIZE // 245 + 1)  # no line ends: TYPE A changes nothing
CONTENT = CONTENT[:SIZE]

RANGES = [
    (0, NO_END),
    (0, SIZE),
    (0, SIZE + 1),
    (0, SIZE - 1),
    (0, 1),
    (0, 0),
    (7, 7),
    (7, 8),
    (1, PIECE),
    (1, PIECE + 1),
    (1, PIECE + 2),
    (PIECE, PIECE + 1),
    (SIZE - 1, NO_END),
    (SIZE, NO_END),
    (SIZE, SIZE),
]


class Socket:
    """One end of a real connection."""

    threadable = True

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, data: memoryview) -> int:
        return self._end.send(data)

    def shut_write(self) -> None:
        self._end.shutdown(socket.SHUT_WR)

    def wait_writable(self) -> Deferred[None]:
        return succeed(None)


@implementer(IDescriptor, IFileReader)
class Opened:
    """A real file."""

    size = SIZE

    def __init__(self, path: Path) -> None:
        path.write_bytes(CONTENT)
        self._file = path.open("rb")

    def fileno(self) -> int:
        return self._file.fileno()

    async def close(self) -> None:
        self._file.close()


def opened(tmp_path: Path) -> Any:
    return Opened(tmp_path / "file")


def remembered(_tmp_path: Path) -> Any:
    return run_now(MemoryFilesystem({"/f": CONTENT}).open_read(PurePosixPath("/f")))


WAYS = {
    "by the kernel": (opened, None),
    "by a worker": (opened, AsciiEncoder),
    "by the reactor": (remembered, None),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("offset", "end"), RANGES)
def test_a_part(tmp_path: Path, way: str, offset: int, end: int) -> None:
    open_it: Callable[[Path], Any]
    open_it, encoder = WAYS[way]
    reader, progress = open_it(tmp_path), Progress()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SIZE)
        transfer = Transfer(
            Clock(), InlineWorkers(), Limits(), Channel(Socket(ours), None), progress
        )
        run_now(transfer.send_file(reader, offset, end, encoder and encoder()))
        received = b""
        while data := theirs.recv(SIZE):
            received += data
    assert received == CONTENT[offset:end]
    assert progress.octets == len(received)
    run_now(reader.close())


async def _middle(context: Context, name: str) -> Reply:
    target = context.path(name)
    reader = await context.filesystem.open_read(target)
    return await context.dtp.send_file(str(target), reader, 2, 5)


MIDDLE = Command(
    "MIDL", "none", "MIDL <SP> <pathname>", "Some of it.", path, _middle, opens_data=True
)


def test_the_150_tells_the_size_of_the_part() -> None:
    server = MemoryServer(
        {"/f": b"0123456789", "/short": b"0123"}, commands=standard_commands().replace(MIDDLE)
    )
    client = server.connect()
    client.secure()
    client.log_in()
    for name, size, content in (("f", 3, b"234"), ("short", 2, b"23")):
        wire = client.open().wire
        assert f"({size} bytes)" in client.ask(f"MIDL {name}", 150).text
        client.protect(wire)
        assert wire.take() == content
        client.expect(226)
        wire.close()
    server.stop()
