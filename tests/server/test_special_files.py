"""FIFOs, sockets and devices: nobody opens them, by whatever name; they are no files."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ftptls.settings import UploadMode
from ftptls.testing.client import Client
from ftptls.vfs.local import LocalFilesystem
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)
WALKS = pytest.mark.parametrize("walk", [False, True], ids=["kernel", "walk"])
_IN_OPEN = 0x20
_NULL = os.makedev(1, 3)


class Openings:
    """Sees whether a file is opened (inotify); to look at it (``O_PATH``) is no opening."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._fd >= 0

    def watch(self, path: Path) -> None:
        assert self._libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN) >= 0

    def any(self) -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(self._fd, 65536))
        return False

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def openings() -> Iterator[Openings]:
    made = Openings()
    yield made
    made.close()


def make_special(root: Path) -> list[str]:
    """One of each kind; a device takes root, elsewhere it is a FIFO that has its name."""
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root)  # the name of a socket is short
        listener.bind("socket")
    try:
        os.mknod(root / "device", 0o666 | stat.S_IFCHR, _NULL)
    except PermissionError:
        os.mkfifo(root / "device")
    names = ["fifo", "socket", "device"]
    for name in names:
        os.link(root / name, root / f"{name}-hard")
        (root / f"{name}-soft").symlink_to(name)
    return names


def snapshot(root: Path) -> dict[str, object]:
    """What there is, but for when links were last read."""
    found = {each: (root / each).lstat() for each in os.listdir(root)}
    return {name: (info.st_ino, info.st_mode, info.st_ctime_ns) for name, info in found.items()}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"plain")
    return tmp_path


@WALKS
@MODES
def test_what_is_no_file_is_550_and_not_opened(
    enter: Callable[..., Client], root: Path, openings: Openings, mode: UploadMode, walk: bool
) -> None:
    names = make_special(root)
    for name in names:
        openings.watch(root / name)
    before = snapshot(root)
    filesystem = LocalFilesystem(root, InlineWorkers(), upload_mode=mode, walk=walk)
    client = enter(filesystem=filesystem)
    for name in names:
        for path in (name, f"{name}-hard", f"{name}-soft"):
            client.open()
            for verb in ("RETR", "STOR", "APPE"):
                client.ask(f"{verb} {path}", 550)
            client.ask("REST 1", 350)
            client.ask(f"STOR {path}", 550)
            client.ask(f"SIZE {path}", 550)
            client.ask(f"HASH {path}", 550, 553)
            client.ask(f"MFMT 20020717210715 {path}", 550)
            client.ask(f"CWD {path}", 550)
            if path != f"{name}-soft":  # to rename over a link replaces the link itself
                client.ask("RNFR file", 350)
                client.ask(f"RNTO {path}", 550)
            client.ask(f"SITE CPFR {path}", 550)
            client.ask("SITE CPFR file", 350)
            client.ask(f"SITE CPTO {path}", 550)
    assert not openings.any()
    assert snapshot(root) == before
    listing = client.download("MLSD").decode()
    assert all(f" {name}\r\n" in listing for name in names)
    for name in names:
        client.ask(f"DELE {name}", 250)
    assert not openings.any()


@MODES
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_a_fifo_that_takes_the_place_of_a_file_during_the_handshake(
    enter: Callable[..., Client], root: Path, openings: Openings, mode: UploadMode, verb: str
) -> None:
    os.mkfifo(root / "fifo")
    reader = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)  # so that it can be written
    client = enter(filesystem=LocalFilesystem(root, InlineWorkers(), upload_mode=mode))
    data_port = client.open()
    client.ask(f"{verb} file", 150)
    os.rename(root / "fifo", root / "file")
    openings.watch(root / "file")
    client.protect(data_port.wire)
    data_port.wire.send(b"into the pipe")
    data_port.wire.stop()
    client.expect(550)
    data_port.close()
    assert not openings.any()
    assert os.read(reader, 100) == b""
    os.close(reader)
    assert os.listdir(root) == ["file"]


def test_an_opening_is_seen(root: Path, openings: Openings) -> None:
    openings.watch(root / "file")
    os.close(os.open(root / "file", os.O_PATH))
    assert not openings.any()
    os.close(os.open(root / "file", os.O_RDONLY))
    assert openings.any()
