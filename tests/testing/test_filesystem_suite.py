"""The contract suite finds what it is there for: filesystems that break one promise each."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from ftptls.errors import TransientError
from ftptls.interfaces import IFilesystem, Store
from ftptls.testing.filesystem import OnWorkers, SteppedWorkers
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.wrapping import WrappedUpload, Wrapper
from tests.vfs.test_contract import MemoryContract


class Renames(Wrapper):
    """Takes the target away first."""

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        try:
            await self._files.remove_file(target)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        await self._files.rename(source, target)


class Lists(Wrapper):
    """Reads all of a directory first."""

    async def scan(self, path: PurePosixPath) -> Any:
        batches = [batch async for batch in self._files.scan(path)]
        for batch in batches:
            yield batch


class Reads(Wrapper):
    """Has the whole file in memory."""

    async def open_read(self, path: PurePosixPath) -> Any:
        reader = await self._files.open_read(path)
        whole = reader.read_at

        async def read_at(offset: int, size: int) -> bytes:
            data: bytes = await whole(0, reader.size)
            return data[offset : offset + size]

        reader.read_at = read_at
        return reader


class Generous(Wrapper):
    """Gives more than it is asked for."""

    async def open_read(self, path: PurePosixPath) -> Any:
        reader = await self._files.open_read(path)
        exact = reader.read_at
        reader.read_at = lambda offset, size: exact(offset, size + 1)
        return reader


class Uploads(Wrapper):
    """Changes uploads; a subclass says how."""

    upload: type[WrappedUpload]

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> Any:
        return self.upload(await self._files.open_write(path, how, offset))


class Abandons(Uploads):
    """Forgets to abandon."""

    class upload(WrappedUpload):  # noqa: N801
        async def abandon(self) -> None:
            pass


class Swallows(Uploads):
    """Takes a write that fails for one that worked."""

    class upload(WrappedUpload):  # noqa: N801
        async def write_at(self, offset: int, data: bytes) -> None:
            try:
                await super().write_at(offset, data)
            except OSError:
                return


class Empties(Wrapper):
    """Takes the old file away before the new one is there."""

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> Any:
        upload = await self._files.open_write(path, how, offset)
        files = self._files

        class Emptying(WrappedUpload):
            async def commit(self) -> None:
                try:
                    await files.remove_file(path)
                except OSError as error:
                    if error.errno != errno.ENOENT:
                        raise
                await super().commit()

        return Emptying(upload)


class Opens(Wrapper):
    """Has a descriptor that it loses when nobody waits for its file."""

    async def open_read(self, path: PurePosixPath) -> Any:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        OPEN.append(descriptor)
        reader = await self._files.open_read(path)
        os.close(OPEN.pop())
        return reader


class Busy(Wrapper):
    """Loses the turn of who is cancelled, and lets nobody in any more."""

    busy = False

    async def open_read(self, path: PurePosixPath) -> Any:
        if self.busy:
            raise TransientError(450, "Later.")
        self.busy = True
        reader = await self._files.open_read(path)
        self.busy = False
        return reader


OPEN: list[int] = []


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Renames, "test_changes_that_are_cancelled_are_made_or_not"),
        (Lists, "test_scan_while_names_vanish"),
        (Reads, "test_a_reader_does_not_read_ahead"),
        (Generous, "test_a_reader_gives_no_more_than_it_is_asked_for"),
        (Abandons, "test_an_upload_that_is_cancelled"),
        (Abandons, "test_an_upload_of_which_a_step_fails"),
        (Swallows, "test_an_upload_of_which_a_step_fails"),
        (Empties, "test_an_upload_that_is_cancelled"),
        (Empties, "test_many_readers_and_writers_of_one_file"),
        (Opens, "test_reading_that_is_cancelled"),
        (Busy, "test_reading_that_is_cancelled"),
        (Busy, "test_many_readers_and_writers_of_one_file"),
    ],
)
def test_what_breaks_a_promise_is_found(broken, test):
    class Suite(MemoryContract):
        def around(self, filesystem: IFilesystem) -> IFilesystem:
            return broken(filesystem)

    class Sound(MemoryContract):
        def around(self, filesystem: IFilesystem) -> IFilesystem:
            return Wrapper(filesystem)

    getattr(Sound(), test)()
    with pytest.raises((AssertionError, OSError, TransientError)):
        getattr(Suite(), test)()
    while OPEN:
        os.close(OPEN.pop())


def test_who_tests_what_waits_for_something_else_is_told_what_to_do():
    class Other(MemoryContract):
        def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
            mine = SteppedWorkers()
            filesystem = OnWorkers(MemoryFilesystem(content), mine)
            mine.held = True
            return filesystem

    with pytest.raises(AssertionError, match=r"override run\(\)"):
        Other().test_stat_of_a_file()
