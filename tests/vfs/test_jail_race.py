"""A folder and a link to the outside change places all the time; nothing gets out.

``FTPTLS_SCALE`` multiplies the number of operations: 10 makes it 100,000 for each way of
finding a path.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import pytest

from ftptls.interfaces import IKeepsPart, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.temporaries import kept_name

OPERATIONS = round(10_000 * float(os.environ.get("FTPTLS_SCALE", "1")))
P = PurePosixPath


@contextmanager
def swapping(root: Path, outside: Path) -> Iterator[None]:
    """``root/door`` is by turns a folder, an absolute and a relative link to ``outside``."""
    (root / "absolute").symlink_to(outside)
    (root / "relative").symlink_to(os.path.relpath(outside, root))
    stop = threading.Event()

    def swap() -> None:
        door, away = str(root / "door"), str(root / "away")
        for link in itertools.cycle((str(root / "absolute"), str(root / "relative"))):
            os.rename(door, away)
            os.rename(link, door)
            os.rename(door, link)
            os.rename(away, door)
            time.sleep(0.00005)  # long enough for some to get through
            if stop.is_set():
                return

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def snapshot(folder: Path) -> dict[str, object]:
    """Names, contents and attributes of what is in a folder, and of itself."""
    found: dict[str, object] = {}
    for path in (folder, *folder.rglob("*")):
        info = path.lstat()
        data = path.read_bytes() if path.is_file() else None
        found[str(path)] = data, info.st_mode, info.st_gid, info.st_mtime_ns
    return found


class Visitor:
    """Does everything a client can do behind the door, and counts how it went.

    By turns it uploads in each mode.
    """

    def __init__(self, root: Path, walk: bool) -> None:
        self.root = root
        self.all = [
            LocalFilesystem(root, InlineWorkers(), walk=walk, upload_mode=mode)
            for mode in UploadMode
        ]
        self.filesystem = self.all[0]
        self.count: Counter[str] = Counter()
        self.seen: set[object] = set()

    async def read(self) -> None:
        reader = await self.filesystem.open_read(P("/door/file"))
        self.seen.add(await reader.read_at(0, 100))
        await reader.close()

    async def stat(self) -> None:
        self.seen.add((await self.filesystem.stat(P("/door/file"))).size)

    async def scan(self) -> None:
        async for batch in self.filesystem.scan(P("/door")):
            self.seen.update(entry.name for entry in batch)

    async def store(self) -> None:
        upload = await self.filesystem.open_write(P("/door/stored"), Store.REPLACE, 0)
        try:
            await upload.begin()
            await upload.write_at(0, b"from the client")
            await upload.commit()
        finally:
            await upload.abandon()

    async def break_off(self) -> None:
        upload = await self.filesystem.open_write(P("/door/resumed"), Store.REPLACE, 0)
        try:
            await upload.begin()
            await upload.write_at(0, b"a part")
        finally:
            await (upload.keep() if IKeepsPart.providedBy(upload) else upload.abandon())

    async def go_on(self) -> None:
        upload = await self.filesystem.open_write(P("/door/resumed"), Store.APPEND, 0)
        try:
            await upload.begin()
            await upload.write_at(upload.offset, b", and the rest")
            await upload.commit()
        finally:
            await upload.abandon()
        await self.filesystem.remove_file(P("/door/resumed"))

    async def append(self) -> None:
        upload = await self.filesystem.open_write(P("/door/stored"), Store.APPEND, 0)
        try:
            await upload.begin()
            await upload.write_at(upload.offset, b"+")
        finally:
            await upload.abandon()

    async def remove(self) -> None:
        with suppress(FileNotFoundError):
            await self.filesystem.remove_file(P("/door/victim"))
        await self.filesystem.remove_file(P("/door/stored"))

    async def make(self) -> None:
        await self.filesystem.make_directory(P("/door/made"))

    async def unmake(self) -> None:
        with suppress(FileNotFoundError):
            await self.filesystem.remove_directory(P("/door/empty"))
        await self.filesystem.remove_directory(P("/door/made"))

    async def rename_in(self) -> None:
        await self.filesystem.rename(P("/keep"), P("/door/keep"))

    async def rename_out(self) -> None:
        await self.filesystem.rename(P("/door/keep"), P("/keep"))

    async def touch(self) -> None:
        await self.filesystem.set_times(P("/door/file"), 1.0, 2.0)

    async def change_mode(self) -> None:
        await self.filesystem.set_mode(P("/door/file"), 0o640)
        await self.filesystem.set_mode(P("/door"), 0o750)

    async def change_group(self) -> None:
        await self.filesystem.set_group(P("/door/file"), str(os.getegid()))

    async def link(self) -> None:
        await self.filesystem.make_link(P("/door/linked"), P("/keep"))

    async def unlink(self) -> None:
        await self.filesystem.remove_file(P("/door/linked"))

    def visit(self) -> None:
        acts: tuple[Callable[[], Awaitable[None]], ...] = (
            self.read, self.stat, self.scan, self.store, self.append, self.remove,
            self.break_off, self.go_on,
            self.make, self.unmake, self.rename_in, self.rename_out,
            self.touch, self.change_mode, self.change_group, self.link, self.unlink,
        )  # fmt: skip
        for number, act in enumerate(itertools.islice(itertools.cycle(acts), OPERATIONS)):
            self.filesystem = self.all[number // len(acts) % len(self.all)]
            try:
                run_now(act())
            except OSError:
                self.count["refused"] += 1
            else:
                self.count[act.__name__] += 1


@pytest.mark.parametrize("walk", [False, True], ids=["kernel", "walk"])
def test_nothing_gets_out(tmp_path: Path, walk: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "door").mkdir(parents=True)
    (root / "keep").mkdir()
    (root / "door" / "file").write_bytes(b"inside")
    (outside / "empty").mkdir(parents=True)
    for name in ("file", "victim", "secret"):
        (outside / name).write_bytes(b"this is outside")
    before = snapshot(outside)
    visitor = Visitor(root, walk)
    descriptors = len(os.listdir("/proc/self/fd"))
    with swapping(root, outside):
        visitor.visit()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert snapshot(outside) == before
    names = {"stored", "made", "keep", "linked", "resumed"}
    assert visitor.seen <= {b"inside", 6, "file", *names}
    left = {name for _, folders, files in os.walk(root) for name in (*folders, *files)}
    part = os.fsdecode(kept_name("", b"resumed"))
    assert left <= {"door", "absolute", "relative", "file", part, *names}
    assert all(visitor.count[act] for act in ("touch", "change_mode", "link", "store", "go_on"))
    # The storm was one, and calm enough to work in.
    assert 0 < visitor.count["refused"] < OPERATIONS
