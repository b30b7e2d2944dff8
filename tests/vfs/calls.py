"""What tests do with any filesystem, in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from ftptls.interfaces import IFilesystem, Store
from ftptls.testing.filesystem import InlineWorkers, run_now

WORKERS = InlineWorkers()


class CountingWorkers(InlineWorkers):
    """Workers that tell how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, call: Callable[..., Any], *args: Any) -> Any:
        self.asked += 1
        return await super().run(call, *args)


def path(text: str) -> PurePosixPath:
    return PurePosixPath(text)


def names(files: IFilesystem, where: str = "/") -> list[str]:
    """What is in a directory, sorted."""

    async def scan() -> list[str]:
        return [entry.name async for batch in files.scan(path(where)) for entry in batch]

    return sorted(run_now(scan()))


def read(files: IFilesystem, where: str, offset: int = 0, size: int = 1 << 24) -> bytes:
    async def read() -> bytes:
        reader = await files.open_read(path(where))
        try:
            return await reader.read_at(offset, size)
        finally:
            await reader.close()

    return run_now(read())


def store(
    files: IFilesystem,
    where: str,
    data: bytes,
    how: Store = Store.REPLACE,
    offset: int = 0,
    piece: int = 100_000,
) -> None:
    """Upload a file; what broke off is abandoned."""

    async def store() -> None:
        upload = await files.open_write(path(where), how, offset)
        try:
            await upload.begin()
            for at in range(0, len(data), piece):
                await upload.write_at(upload.offset + at, data[at : at + piece])
            await upload.commit()
        except BaseException:
            await upload.abandon()
            raise

    run_now(store())
