"""What these tests are written with: the tools of the contract suite, without its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from ftptls.errors import FTPError
from ftptls.interfaces import IFilesystem, IWorkers
from ftptls.testing.filesystem import InlineWorkers
from ftptls.testing.filesystem_bench import FilesystemBench
from ftptls.vfs.objects.filesystem import ObjectFilesystem
from ftptls.vfs.objects.opening import Stores
from ftptls.vfs.objects.stores import MIB, Bounds
from tests.objects.s3_server import options

SMALL = Bounds(piece=5 * MIB, parallel=2, renamed=20, tries=4, patience=10, wait=0.02)


class Bench(FilesystemBench):
    """Tools around one filesystem."""

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        raise NotImplementedError


def filesystem(
    url: str,
    bucket: str,
    prefix: str = "",
    *,
    bounds: Bounds = SMALL,
    workers: IWorkers | None = None,
) -> ObjectFilesystem:
    """Everything below a prefix of a bucket."""
    store = Stores(options(url), bounds).open(f"s3://{bucket}/{prefix}")
    return ObjectFilesystem(store, workers or InlineWorkers())


def path(text: str) -> PurePosixPath:
    """A path, in short."""
    return PurePosixPath(text)


def reply(bench: FilesystemBench, awaitable) -> int:  # type: ignore[no-untyped-def]
    """The code with which something is refused."""
    try:
        result = bench.run(awaitable)
    except FTPError as error:
        return error.reply.code
    raise AssertionError(f"not refused: {result!r}")
