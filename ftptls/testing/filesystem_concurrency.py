"""What every filesystem must do for many at once, and no faster than they ask."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Coroutine
from pathlib import PurePosixPath
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ftptls.errors import TransientError
from ftptls.interfaces import IFilesystem, Store
from ftptls.testing.filesystem_bench import FilesystemBench

_MIB = 1 << 20
_PIECE = 1000


class ConcurrencyContract(FilesystemBench):
    """Readers, writers and listings of one file and of many, step by step."""

    def together(self, *works: Coroutine[Any, Any, object]) -> None:
        """Carry them out side by side."""
        results: list[object] = []
        for work in works:
            Deferred.fromCoroutine(work).addBoth(results.append)
        while len(results) < len(works) and self.step():
            pass
        self.settle()
        assert len(results) == len(works), "some go on for ever"
        for result in results:
            if isinstance(result, Failure):
                result.raiseException()

    async def pause(self) -> None:
        """Let others go first, also where nothing has to wait."""
        await self.workers.run(_nothing)

    async def read_slowly(
        self, filesystem: IFilesystem, path: str, expected: tuple[bytes, ...]
    ) -> None:
        reader = await filesystem.open_read(PurePosixPath(path))
        data = b""
        while True:
            await self.pause()
            piece = await reader.read_at(len(data), _PIECE)
            assert len(piece) <= _PIECE
            if not piece:
                break
            data += piece
        await reader.close()
        assert data in expected

    async def write_slowly(self, filesystem: IFilesystem, path: str, data: bytes) -> None:
        upload = await filesystem.open_write(PurePosixPath(path), Store.REPLACE, 0)
        await upload.begin()
        for at in range(0, len(data), _PIECE):
            await self.pause()
            await upload.write_at(at, data[at : at + _PIECE])
        await self.pause()
        await upload.commit()

    async def list_slowly(self, filesystem: IFilesystem, names: set[str]) -> None:
        """Names that stay are listed once each."""
        found: list[str] = []
        async for batch in filesystem.scan(PurePosixPath("/")):
            found += [entry.name for entry in batch]
            await self.pause()
        assert sorted(set(found)) == sorted(found)
        assert names <= set(found)

    def test_many_readers_and_writers_of_files_of_their_own(self) -> None:
        data = {f"/{n}": bytes([n]) * (_PIECE * n + n) for n in range(6)}
        for last_first in (False, True):
            filesystem = self.make_stepped(data)
            self.hold(last_first=last_first)
            self.together(
                *(self.read_slowly(filesystem, path, (data[path],)) for path in data),
                *(self.write_slowly(filesystem, f"/new{path[1:]}", data[path]) for path in data),
                *(self.list_slowly(filesystem, {path[1:] for path in data}) for _ in range(2)),
            )
            for path, octets in data.items():
                assert self.read(filesystem, f"/new{path[1:]}") == octets
            assert set(self.entries(filesystem)) == {
                name for path in data for name in (path[1:], f"new{path[1:]}")
            }

    def test_many_readers_and_writers_of_one_file(self) -> None:
        if not self.atomic:
            return
        versions = tuple(bytes([n]) * (_PIECE * (4 - n) + n) for n in range(4))

        async def read(filesystem: IFilesystem, pauses: int) -> None:
            for _ in range(pauses):
                await self.pause()
            try:
                await self.read_slowly(filesystem, "/a", versions)
            except TransientError as error:
                if self.keeps_what_is_opened or error.reply.code != 450:
                    raise

        for last_first in (False, True):
            filesystem = self.make_stepped({"/a": versions[0]})
            self.hold(last_first=last_first)
            self.together(
                *(read(filesystem, 0) for _ in range(3)),
                *(self.write_slowly(filesystem, "/a", data) for data in versions[1:]),
                *(read(filesystem, pauses) for pauses in range(20)),
            )
            assert self.read(filesystem, "/a") in versions[1:]
            assert set(self.entries(filesystem)) == {"a"}

    def test_writers_of_one_file_in_place(self) -> None:
        if self.atomic:
            return
        versions = tuple(bytes([n]) * (_PIECE * n) for n in range(1, 4))
        filesystem = self.make_stepped({"/a": b"old"})
        self.hold()
        self.together(*(self.write_slowly(filesystem, "/a", data) for data in versions))
        found = self.read(filesystem, "/a")
        assert len(found) <= max(map(len, versions))
        assert set(found) <= {1, 2, 3}, "octets that nobody wrote"

    def test_of_several_new_files_of_one_name_one_is_made(self) -> None:
        if not self.atomic:
            return
        outcomes: list[bytes] = []

        async def store(filesystem: IFilesystem, data: bytes) -> None:
            try:
                upload = await filesystem.open_write(PurePosixPath("/a"), Store.NEW, 0)
            except FileExistsError:
                return
            try:
                await upload.begin()
                await self.pause()
                await upload.write_at(0, data)
                await self.pause()
                await upload.commit()
                outcomes.append(data)
            except FileExistsError:
                await upload.abandon()

        for last_first in (False, True):
            outcomes.clear()
            filesystem = self.make_stepped({})
            self.hold(last_first=last_first)
            self.together(*(store(filesystem, bytes([n]) * 10) for n in range(4)))
            (made,) = outcomes
            assert self.read(filesystem, "/a") == made
            assert set(self.entries(filesystem)) == {"a"}

    def test_renames_of_one_file(self) -> None:
        done: list[str] = []

        async def rename(filesystem: IFilesystem, target: str) -> None:
            try:
                await filesystem.rename(PurePosixPath("/a"), PurePosixPath(target))
                done.append(target[1:])
            except FileNotFoundError:
                pass

        for last_first in (False, True):
            done.clear()
            filesystem = self.make_stepped({"/a": b"it"})
            self.hold(last_first=last_first)
            self.together(*(rename(filesystem, f"/{n}") for n in range(4)))
            assert list(self.entries(filesystem)) == done
            assert self.read(filesystem, f"/{done[0]}") == b"it"


class PressureContract(FilesystemBench):
    """Nothing is read that nobody asked for, but for what is said."""

    def test_a_reader_gives_no_more_than_it_is_asked_for(self) -> None:
        data = bytes(range(256)) * 1024
        filesystem = self.make_filesystem({"/a": data})
        reader = self.run(filesystem.open_read(PurePosixPath("/a")))
        offset = 0
        for size in (1, 10, 1000, 4095, 4096, 65537):
            found = self.run(reader.read_at(offset, size))
            assert 0 < len(found) <= size
            assert found == data[offset : offset + len(found)]
            offset += len(found)
        self.run(reader.close())

    def test_a_reader_does_not_read_ahead(self) -> None:
        filesystem = self.make_stepped({"/a": bytes(4 * _MIB)})
        reader = self.run(filesystem.open_read(PurePosixPath("/a")))
        self.run(reader.read_at(0, 1))  # what is imported is imported now
        gc.collect()
        tracemalloc.start()
        try:
            self.run(reader.read_at(2 * _MIB, 1))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < self.reads_ahead + _MIB // 2
        self.hold()
        assert not self.step(), "it goes on by itself"
        self.settle()
        self.run(reader.close())


def _nothing() -> None:
    pass
