"""The contract suite, over what fsspec has and over S3."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from ftptls.interfaces import IFilesystem
from ftptls.testing.filesystem import FilesystemContract
from ftptls.vfs.guarantees import FSSPEC, S3
from ftptls.vfs.objects.filesystem import ObjectFilesystem
from ftptls.vfs.objects.generic import FsspecStore
from ftptls.vfs.objects.opening import Stores
from ftptls.vfs.objects.stores import MIB, Bounds
from tests.objects.s3_server import S3Server, options

# The first request for a file asks for 1 MiB, which is joined of pieces.
READS_AHEAD = 3 * MIB


class FsspecContract(FilesystemContract):
    # Octets are asked for when they are read, of a name.
    keeps_what_is_opened = False
    # fsspec lists a directory all at once.
    scans_lazily = False
    reads_ahead = READS_AHEAD
    renames_at_once = False


class TestMemory(FsspecContract):
    lasts = False

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        memory = MemoryFileSystem(global_store=False, skip_instance_cache=True)
        memory.mkdir("/root")
        _fill(memory, "/root", content)
        self.memory = memory
        return ObjectFilesystem(FsspecStore(memory, "/root", Bounds()), self.workers)

    def left_over(self, filesystem: IFilesystem) -> object:
        return [name for name in self.memory.store if "/.ftptls-" in name]


class TestFiles(FsspecContract):
    guarantees = FSSPEC
    _numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        root = self.folder / f"root{next(self._numbers)}"
        root.mkdir()
        _fill(LocalFileSystem(), str(root), content)
        self.url = f"file://{root}"
        return self.open()

    def open(self) -> IFilesystem:
        return ObjectFilesystem(Stores().open(self.url), self.workers)

    def restart(self, filesystem: IFilesystem) -> IFilesystem:
        return self.open()

    def left_over(self, filesystem: IFilesystem) -> object:
        return list(self.folder.rglob(".ftptls-*"))


class TestS3(FilesystemContract):
    guarantees = S3
    keeps_what_is_opened = False
    renames_at_once = False
    reads_ahead = READS_AHEAD
    # Keys are text; and moto, unlike S3, knows no path with a line end in it.
    hostile_names = tuple(
        name for name in FilesystemContract.hostile_names if not {"\udcff", "\n"} & set(name)
    )

    @pytest.fixture(autouse=True)
    def _server(self, s3: S3Server) -> None:
        self.s3 = s3
        self.stores = Stores(options(s3.url))
        self.buckets: list[str] = []

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        bucket = self.s3.bucket()
        self.buckets.append(bucket)
        for path, data in content.items():
            self.s3.put(bucket, f"some/where{path}", data)
        return self.open()

    def open(self) -> IFilesystem:
        store = self.stores.open(f"s3://{self.buckets[-1]}/some/where")
        return ObjectFilesystem(store, self.workers)

    def restart(self, filesystem: IFilesystem) -> IFilesystem:
        return self.open()

    def left_open(self) -> int:
        """Uploads in parts; connections are kept for the next request."""
        return sum(len(self.s3.uploads(bucket)) for bucket in self.buckets)


def _fill(filesystem, root: str, content: Mapping[str, bytes]) -> None:
    for path, data in content.items():
        if path.endswith("/"):
            filesystem.makedirs(root + path.rstrip("/"), exist_ok=True)
        else:
            filesystem.makedirs((root + path).rpartition("/")[0], exist_ok=True)
            filesystem.pipe_file(root + path, data)
