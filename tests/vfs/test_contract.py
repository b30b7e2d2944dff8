"""Every provider keeps the contract."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest

from ftptls.interfaces import IFilesystem, IWorkers
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    FilesystemContract,
    GroupsContract,
    HardLinksContract,
    InlineWorkers,
    LinksContract,
    LocalPathsContract,
    ModesContract,
    OnWorkers,
    RealPathsContract,
    SetCreatedContract,
    SetTimesContract,
    SpaceContract,
    UmaskContract,
    run_now,
)
from ftptls.vfs.guarantees import LOCAL, LOCAL_DIRECT, MEMORY
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.temporaries import is_temporary

LIMIT = 64 << 20


class LocalFolder(FilesystemContract):
    """A folder of the disk, and what is around it."""

    walk = False
    upload_mode = UploadMode.ATOMIC
    workers: IWorkers = InlineWorkers()
    root = Path()
    _numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        root = self.folder / f"root{next(self._numbers)}"
        root.mkdir()
        for path, data in content.items():
            target = root / path.lstrip("/")
            if path.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        self.root = root
        return self.around(self.open())

    def open(self) -> IFilesystem:
        """The folder."""
        return LocalFilesystem(
            self.root, self.workers, upload_mode=self.upload_mode, walk=self.walk
        )

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        """What is tested, around the folder."""
        return filesystem

    def restart(self, filesystem: IFilesystem) -> IFilesystem:
        return self.around(self.open())

    def left_over(self, filesystem: IFilesystem) -> int:
        """Files on the disk that nobody sees."""
        return sum(
            map(is_temporary, (name for _, _, files in os.walk(self.root) for name in files))
        )


class LocalContract(
    LocalFolder,
    SetTimesContract,
    ModesContract,
    UmaskContract,
    GroupsContract,
    LinksContract,
    SpaceContract,
    LocalPathsContract,
):
    """All that it can do, but what takes another class for each kind."""


class TestKernel(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = LOCAL


class TestWalk(LocalContract, HardLinksContract, RealPathsContract):
    walk = True
    guarantees = LOCAL


class TestKernelDirect(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = LOCAL_DIRECT
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestWalkDirect(LocalContract, HardLinksContract, RealPathsContract):
    walk = True
    upload_mode = UploadMode.DIRECT
    atomic = False


class ThreadWorkers(InlineWorkers):
    """Every call on another thread than the one before."""

    async def run(self, call, *args):  # type: ignore[no-untyped-def]
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(call, *args).result()


class TestThreads(LocalContract, HardLinksContract, RealPathsContract):
    workers = ThreadWorkers()


class MemoryContract(
    FilesystemContract,
    SetTimesContract,
    SetCreatedContract,
    ModesContract,
    UmaskContract,
    SpaceContract,
):
    upload_mode = UploadMode.ATOMIC
    lasts = False
    memory = MemoryFilesystem(limit=LIMIT)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        self.memory = MemoryFilesystem(content, limit=LIMIT, upload_mode=self.upload_mode)
        return self.around(OnWorkers(self.memory, self.workers))

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        """What is tested, around what is in memory."""
        return filesystem

    def left_over(self, filesystem: IFilesystem) -> int:
        """Room that is taken by what is no file."""
        used = LIMIT - run_now(self.memory.available(PurePosixPath("/")))
        return used - sum(map(len, self.memory.contents().values()))


class TestMemory(MemoryContract):
    guarantees = MEMORY


class TestMemoryDirect(MemoryContract):
    upload_mode = UploadMode.DIRECT
    atomic = False
