"""What every filesystem must do when nobody waits for it any more, or a step of it fails."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ftptls.errors import FTPError
from ftptls.interfaces import IFilesystem, IUpload, Store
from ftptls.testing.filesystem_bench import FilesystemBench
from ftptls.testing.stepping import SteppedWorkers

Work = Callable[[IFilesystem], Coroutine[Any, Any, object]]

_A, _B = PurePosixPath("/a"), PurePosixPath("/b")
_OLD, _NEW = b"old contents", b"new"


class _InterruptedBench(FilesystemBench):
    """Tools to stop something at every step, and to look at what it leaves."""

    def whole(self, path: PurePosixPath, how: Store = Store.REPLACE, at: int = 0) -> Work:
        """An upload in two pieces, which is abandoned if it breaks, as every one must be."""

        async def upload(filesystem: IFilesystem) -> None:
            upload = await filesystem.open_write(path, how, at)
            try:
                await upload.begin()
                await upload.write_at(upload.offset, _NEW[:1])
                await upload.write_at(upload.offset + 1, _NEW[1:])
                await upload.commit()
            except BaseException:
                await upload.abandon()
                raise

        return upload

    def demand_whole(self, filesystem: IFilesystem, names: set[str], left: object) -> None:
        """Files are old or new, nothing else is there, and an upload works."""
        found_names = set(self.entries(filesystem))
        assert {"a"} <= found_names <= {"a", *names}
        for name in found_names:
            found = self.read(filesystem, f"/{name}")
            old = _OLD if name == "a" else _NEW
            parts = () if self.atomic else (_NEW[:1], b"")
            assert found in (old, _NEW, *parts), found
        assert self.left_over(filesystem) == left
        self.store(filesystem, "/again", b"it works")
        assert self.read(filesystem, "/again") == b"it works"
        self.run(filesystem.remove_file(PurePosixPath("/again")))

    def demand_closed(self, before: int) -> None:
        gc.collect()
        assert self.left_open() <= before


class CancellingContract(_InterruptedBench):
    """What was begun may be cancelled at every step."""

    def cancelled(self, content: Mapping[str, bytes], work: Work) -> Iterator[IFilesystem]:
        """Filesystems on which something was cancelled: at the first step, the second and so on."""
        for last_first in (False, True):
            over = False
            for steps in count():
                if over:
                    break
                filesystem = self.make_stepped(content)
                self.hold(last_first=last_first)
                results: list[object] = []
                done = Deferred.fromCoroutine(work(filesystem)).addBoth(results.append)
                moved = all(self.step() for _ in range(steps))
                over = bool(results)
                assert over or moved, "it waits for something: override step()"
                done.cancel()
                self.settle()
                self._demand_end(results)
                yield filesystem

    def _demand_end(self, results: list[object]) -> None:
        assert results, "it goes on for ever"
        (result,) = results
        if isinstance(result, Failure) and not result.check(CancelledError, OSError, FTPError):
            result.raiseException()

    def test_an_upload_that_is_cancelled(self) -> None:
        before = self.left_open()
        for path, how in ((_A, Store.REPLACE), (_B, Store.REPLACE), (_B, Store.NEW)):
            left = self.left_over(self.make_filesystem({"/a": _OLD}))
            for filesystem in self.cancelled({"/a": _OLD}, self.whole(path, how)):
                self.demand_whole(filesystem, {path.name}, left)
        del filesystem
        self.demand_closed(before)

    def test_an_upload_in_place_that_is_cancelled(self) -> None:
        if not self.resumes:
            return
        whole = _OLD + _NEW
        for how, at in ((Store.APPEND, 0), (Store.RESUME, len(_OLD))):
            for filesystem in self.cancelled({"/a": _OLD}, self.whole(_A, how, at)):
                found = self.read(filesystem, "/a")
                assert whole.startswith(found)
                assert found.startswith(_OLD)
                assert set(self.entries(filesystem)) == {"a"}
                self.store(filesystem, "/a", b"!", Store.APPEND)
                assert self.read(filesystem, "/a") == found + b"!"

    def test_reading_that_is_cancelled(self) -> None:
        async def read(filesystem: IFilesystem) -> None:
            reader = await filesystem.open_read(_A)
            try:
                assert await reader.read_at(4, 3) == _OLD[4:7]
                assert await reader.read_at(0, 3) == _OLD[:3]
            finally:
                await reader.close()

        before = self.left_open()
        for filesystem in self.cancelled({"/a": _OLD}, read):
            assert self.read(filesystem, "/a") == _OLD
            self.run(filesystem.remove_file(_A))
        del filesystem
        self.demand_closed(before)

    def test_a_reader_goes_on_after_a_read_that_was_cancelled(self) -> None:
        filesystem = self.make_stepped({"/a": _OLD})
        reader = self.run(filesystem.open_read(_A))
        self.hold()
        results: list[object] = []
        reading = Deferred.fromCoroutine(_awaited(reader.read_at(0, 3))).addBoth(results.append)
        reading.cancel()
        self.settle()
        self._demand_end(results)
        assert self.run(reader.read_at(0, 3)) == _OLD[:3]
        assert self.run(reader.read_at(3, 3)) == _OLD[3:6]
        self.run(reader.close())

    def test_scanning_that_is_cancelled(self) -> None:
        async def scan(filesystem: IFilesystem) -> None:
            async for batch in filesystem.scan(PurePosixPath("/")):
                assert batch

        before = self.left_open()
        for filesystem in self.cancelled({"/a": b"", "/in/": b""}, scan):
            assert set(self.entries(filesystem)) == {"a", "in"}
        del filesystem
        self.demand_closed(before)

    def test_changes_that_are_cancelled_are_made_or_not(self) -> None:
        content = {"/a": _OLD, "/b": _NEW}

        async def rename(filesystem: IFilesystem) -> None:
            await filesystem.rename(_A, _B)

        async def remove(filesystem: IFilesystem) -> None:
            await filesystem.remove_file(_A)

        async def make(filesystem: IFilesystem) -> None:
            await filesystem.make_directory(PurePosixPath("/c"))

        for change in (rename, remove, make):
            for filesystem in self.cancelled(content, change):
                found = {
                    name: b"" if entry.is_directory else self.read(filesystem, f"/{name}")
                    for name, entry in self.entries(filesystem).items()
                }
                after = {
                    rename: {"b": _OLD},
                    remove: {"b": _NEW},
                    make: {"a": _OLD, "b": _NEW, "c": b""},
                }[change]
                assert found in ({"a": _OLD, "b": _NEW}, after)


class FailingContract(_InterruptedBench):
    """Any step may fail, before it did its work or after."""

    def failed(self, content: Mapping[str, bytes], work: Work) -> Iterator[IFilesystem]:
        """Filesystems on which a step of something failed: the first one, the second and so on."""
        for late in (False, True):
            for number in count(1):
                filesystem = self.make_stepped(content)
                if not isinstance(self.workers, SteppedWorkers):
                    return
                self.workers.fail(number, late=late)
                try:
                    self.run(work(filesystem))
                except (OSError, FTPError):
                    assert self.workers.calls >= number, "nothing failed"
                reached = self.workers.calls >= number
                self.workers.fail(0, late=False)
                yield filesystem
                if not reached:
                    break

    def test_an_upload_of_which_a_step_fails(self) -> None:
        before = self.left_open()
        for path, how in ((_A, Store.REPLACE), (_B, Store.REPLACE), (_B, Store.NEW)):
            left = self.left_over(self.make_filesystem({"/a": _OLD}))
            for filesystem in self.failed({"/a": _OLD}, self.whole(path, how)):
                self.demand_whole(filesystem, {path.name}, left)
        del filesystem
        self.demand_closed(before)

    def test_an_upload_that_is_abandoned_after_a_write_failed(self) -> None:
        filesystem = self.make_stepped({"/a": _OLD})
        upload: IUpload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"n"))
        assert isinstance(self.workers, SteppedWorkers)
        self.workers.fail(1, late=False)
        try:
            self.run(upload.write_at(1, b"ew"))
            self.run(upload.commit())
        except (OSError, FTPError):
            self.workers.fail(0, late=False)
            self.run(upload.abandon())
            assert self.read(filesystem, "/a") == (_OLD if self.atomic else b"n")
        else:  # it asks no worker for anything
            assert self.workers.calls == 0
        self.run(upload.abandon())
        assert set(self.entries(filesystem)) == {"a"}

    def test_reading_of_which_a_step_fails(self) -> None:
        async def read(filesystem: IFilesystem) -> None:
            reader = await filesystem.open_read(_A)
            try:
                assert await reader.read_at(0, 3) == _OLD[:3]
            finally:
                await reader.close()

        before = self.left_open()
        for filesystem in self.failed({"/a": _OLD}, read):
            assert self.read(filesystem, "/a") == _OLD
        del filesystem
        self.demand_closed(before)


async def _awaited(awaitable: Awaitable[object]) -> object:
    return await awaitable
