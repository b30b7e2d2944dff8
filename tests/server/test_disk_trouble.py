"""What a disk can say, at every step of an upload: the right reply, and nothing half-made."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ftptls.settings import UploadMode
from ftptls.testing.client import Client
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

OLD, NEW = b"the old file", b"what is new"
REPLIES = {
    errno.ENOSPC: 452,
    errno.EDQUOT: 552,
    errno.EIO: 451,
    errno.EROFS: 550,
    errno.EMFILE: 451,
    errno.ENFILE: 451,
    errno.EFBIG: 552,
}
IN_PLACE = ("look", "open", "write", "sync", "sync names", "close")
ATOMIC = (*IN_PLACE, "lock", "hold", "mode", "rename")
CASES = [
    *((UploadMode.DIRECT, "STOR", step) for step in IN_PLACE),
    *((UploadMode.ATOMIC, "APPE", step) for step in IN_PLACE),
    *((UploadMode.ATOMIC, "STOR", step) for step in ATOMIC),
    *((UploadMode.ATOMIC_RESUME, "STOR", step) for step in ATOMIC),
    *((UploadMode.ATOMIC_RESUME, "REST", step) for step in (*ATOMIC, "shorten")),
]


class Disk:
    """A disk of which one step fails, once.

    Attributes:
        failed: Whether it did.
    """

    def __init__(self, step: str, number: int) -> None:
        self.failed = False
        self._step = step
        self._number = number
        self._data = -1
        self._written = False
        self._synced = 0

    def fail(self, step: str) -> None:
        if step == self._step and not self.failed:
            self.failed = True
            raise OSError(self._number, os.strerror(self._number))

    def replaced(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        for module, name, step in (
            (os, "dup", "hold"),
            (os, "fchmod", "mode"),
            (os, "rename", "rename"),
            (os, "ftruncate", "shorten"),
            (fcntl, "flock", "lock"),
        ):
            yield module, name, self._failing(getattr(module, name), step)
        yield os, "open", self._open(os.open)
        yield os, "close", self._close(os.close)
        yield os, "pwrite", self._write(os.pwrite)
        yield os, "fsync", self._sync(os.fsync)

    def _failing(self, real: Callable[..., Any], step: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.fail(step)
            return real(*args, **more)

        return call

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, *args: Any, **more: Any) -> int:
            self.fail("look")
            if not flags & os.O_WRONLY:
                return real(path, flags, *args, **more)
            self.fail("open")
            self._data = real(path, flags, *args, **more)
            return self._data

        return call

    def _close(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(fd: int) -> None:
            real(fd)
            if fd == self._data:
                self.fail("close")

        return call

    def _write(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(fd: int, data: Any, offset: int) -> int:
            if self._written:
                self.fail("write")
            self._written = True
            return real(fd, data[:2] if self._step == "write" else data, offset)

        return call

    def _sync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(fd: int) -> None:
            self._synced += 1
            self.fail("sync" if self._synced == 1 else "sync names")
            real(fd)

        return call


@contextmanager
def trouble(disk: Disk) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, call in list(disk.replaced()):
            patch.setattr(module, name, call)
        yield


def open_descriptors(client: Client) -> int:
    """How many there are once the last data port is closed, and its connection seen off."""
    client.ask("ABOR", 226)
    client.wait(5)
    return len(os.listdir("/proc/self/fd"))


def final_reply(client: Client, verb: str, data: bytes) -> int:
    """Upload; the last code, whether it comes before the transfer or behind it."""
    if verb == "REST":
        client.ask("REST 8", 350)
    port = client.open()
    client.send("STOR a" if verb == "REST" else f"{verb} a")
    answer = client.answer()
    assert answer is not None
    if answer.code != 150:
        port.close()
        return int(answer.code)
    client.protect(port.wire)
    port.wire.send(data)
    port.wire.stop()
    answer = client.answer()
    assert answer is not None
    port.close()
    return int(answer.code)


@pytest.mark.parametrize(
    ("mode", "verb", "step"), CASES, ids=lambda each: getattr(each, "value", each)
)
def test_a_step_that_fails(
    enter: Callable[..., Client], tmp_path: Path, mode: UploadMode, verb: str, step: str
) -> None:
    filesystem = LocalFilesystem(
        tmp_path,
        InlineWorkers(),
        upload_mode=mode,
        user="alice",
        options=LocalOptions(fsync=True, lock_uploads=True),
    )
    client = enter(filesystem=filesystem)
    in_place = mode is UploadMode.DIRECT or verb == "APPE"
    for number, code in REPLIES.items():
        (tmp_path / "a").write_bytes(OLD)
        (tmp_path / "a").chmod(0o640)
        if verb == "REST":
            cut_off(client, NEW[:8])
        descriptors = open_descriptors(client)
        disk = Disk(step, number)
        with trouble(disk):
            assert final_reply(client, verb, NEW[8:] if verb == "REST" else NEW) == code
        assert disk.failed
        found = (tmp_path / "a").read_bytes()
        if in_place:
            assert found in (OLD, *begun(OLD if verb == "APPE" else b""))
        else:
            assert found == (NEW if step == "sync names" else OLD)
        hidden = [each for each in os.listdir(tmp_path) if each != "a"]
        assert len(hidden) <= (mode is UploadMode.ATOMIC_RESUME)
        if hidden:
            size = (tmp_path / hidden[0]).stat().st_size
            assert hidden[0].endswith(".kept")
            assert client.ask("SIZE a", 213).text == f"{size}"
            assert (tmp_path / hidden[0]).read_bytes() == NEW[:size]
        assert open_descriptors(client) == descriptors
        assert client.upload("STOR a", NEW).code == 226
        assert (tmp_path / "a").read_bytes() == NEW
        assert os.listdir(tmp_path) == ["a"]


def cut_off(client: Client, data: bytes) -> None:
    port = client.open()
    client.ask("STOR a", 150)
    client.protect(port.wire)
    port.wire.send(data)
    assert not port.wire.peek()
    client.ask("ABOR", 426)
    client.expect(226)
    port.close()


def begun(before: bytes) -> list[bytes]:
    """What a file may hold that is written in place."""
    return [before + NEW[:count] for count in range(len(NEW) + 1)]
