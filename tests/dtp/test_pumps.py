"""A transfer's steps, where they meet what the reactor does meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from ftptls.dtp.incoming import FileUpload, Incoming
from ftptls.dtp.kernel import KernelUpload
from ftptls.dtp.links import SocketLink
from ftptls.dtp.pumps import PIECE, Want
from ftptls.progress import AbortedError, Progress


class ShutLink:
    """A clear connection that is shut while a worker is about to receive from it."""

    threadable = True

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def receive_into(self, buffer: memoryview) -> int:
        self._progress.aborted = True  # set first, and then the connection is shut
        return 0


class EndedLink(ShutLink):
    def receive_into(self, buffer: memoryview) -> int:
        return 0


def upload(tmp_path: Path, link: type[ShutLink]) -> tuple[FileUpload, int]:
    progress = Progress()
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    return FileUpload(progress, target, 0, Incoming(link(progress), None)), target


def test_an_abort_is_no_end_of_the_data(tmp_path: Path) -> None:
    """In clear text both look the same to the one who receives."""
    pump, target = upload(tmp_path, ShutLink)
    with pytest.raises(AbortedError):
        pump.step()
    os.close(target)


def test_the_end_of_a_clear_connection_is_the_end_of_the_data(tmp_path: Path) -> None:
    pump, target = upload(tmp_path, EndedLink)
    assert pump.step() is Want.DONE
    os.close(target)


# --- a moment for clients that are fast -----------------------------------------------------


class Threads:
    def __init__(self, crowded: bool = False) -> None:
        self.crowded = crowded


class GappyLink(EndedLink):
    """Gives pieces of one size, with a gap behind each."""

    def __init__(self, size: int, pieces: int = 3) -> None:
        self._size, self._pieces, self._gap = size, pieces, True
        self.lingered = 0

    def fileno(self) -> int:
        return -1

    def linger(self, *, to_write: bool) -> bool:
        assert not to_write
        self.lingered += 1
        return True

    def receive_into(self, buffer: memoryview) -> int:
        self._gap = not self._gap
        if self._gap:
            raise BlockingIOError
        self._pieces -= 1
        return min(self._size, len(buffer)) if self._pieces >= 0 else 0


@pytest.mark.parametrize(
    ("size", "threads", "waits"),
    [
        (PIECE, Threads(), 0),
        (PIECE, Threads(crowded=True), 3),
        (PIECE, None, 3),
        (10_000, Threads(), 3),
    ],
    ids=["fast", "others wait", "unknown", "slow"],
)
def test_a_step_stays_for_a_fast_client_only_and_while_nobody_else_waits(
    tmp_path: Path, size: int, threads: Threads | None, waits: int
) -> None:
    link = GappyLink(size)
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    pump = FileUpload(Progress(), target, 0, Incoming(link, None))
    pump._block._begin_with(2 * PIECE)
    wants = []
    while not wants or wants[-1] is not Want.DONE:
        wants.append(pump.step(threads))
    os.close(target)
    assert wants == [Want.READ] * waits + [Want.DONE]
    assert link.lingered == 3 - waits
    assert (tmp_path / "file").stat().st_size == 3 * size


def connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    ours.setblocking(False)
    return ours, theirs


def test_a_socket_is_waited_for_no_longer_than_a_moment() -> None:
    ours, theirs = connected()
    with ours, theirs:
        link = SocketLink(MemoryReactorClock(), ours)
        assert not link.linger(to_write=False)
        assert link.linger(to_write=True)
        theirs.send(b"now")
        assert link.linger(to_write=False)
        theirs.close()
        assert link.linger(to_write=False)  # its end is something to say, too


# --- moved by the kernel --------------------------------------------------------------------


class Fed:
    """A socket with a whole upload behind it."""

    def __init__(self, content: bytes) -> None:
        ours, self._theirs = connected()
        self.link = SocketLink(MemoryReactorClock(), ours)
        self._thread = threading.Thread(target=self._send, args=(content,))
        self._thread.start()

    def _send(self, content: bytes) -> None:
        with self._theirs, suppress(OSError):
            self._theirs.sendall(content)

    def upload(self, path: Path, end: int | None = None) -> Progress:
        progress = Progress()
        target = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            pump = KernelUpload(progress, target, 0, Incoming(self.link, None), end)
            while pump.step(Threads()) is not Want.DONE:
                pass
        finally:
            os.close(target)
            self.link.close()
            self._thread.join()
        return progress


CONTENT = b"".join(number.to_bytes(4, "big") for number in range(1 << 20))


def refused(*_: object, **__: object) -> int:
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def spliced(monkeypatch: pytest.MonkeyPatch, where: str) -> Counter[str]:
    """Count what goes by pipes; ``where`` says what does not work."""
    octets: Counter[str] = Counter()
    real = os.splice

    def splice(source: int, target: int, count: int, **given: Any) -> int:
        to = "file" if "offset_dst" in given else "pipe"
        if where == f"no {to}":
            refused()
        moved = real(source, target, count, **given)
        octets[to] += moved
        return moved

    monkeypatch.setattr(os, "splice", splice)
    if where == "no size":
        monkeypatch.setattr(fcntl, "fcntl", refused)
    return octets


@pytest.mark.parametrize("size", [0, 1, 200_000, len(CONTENT)])
def test_the_kernel_carries_what_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    octets, before = spliced(monkeypatch, ""), len(os.listdir("/proc/self/fd"))
    progress = Fed(CONTENT[:size]).upload(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT[:size]
    assert progress.octets == size
    assert octets["file"] == octets["pipe"] <= size
    assert bool(octets["file"]) is (size > 256 * 1024)
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("where", ["no file", "no size"])
def test_where_it_cannot_the_octets_come_by_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    octets = spliced(monkeypatch, where)
    progress = Fed(CONTENT).upload(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert progress.octets == len(CONTENT)
    assert octets["file"] == 0


def test_nothing_goes_beyond_the_end_by_the_kernel(tmp_path: Path) -> None:
    end = 2_000_000
    assert Fed(CONTENT[:end]).upload(tmp_path / "fits", end).octets == end
    with pytest.raises(OSError, match=os.strerror(errno.EDQUOT)):
        Fed(CONTENT).upload(tmp_path / "file", end)
    assert (tmp_path / "file").stat().st_size <= end
    assert CONTENT.startswith((tmp_path / "file").read_bytes())
