"""Every provider keeps the contract."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    RealPathsContract,
    SetCreatedContract,
    SetTimesContract,
    SpaceContract,
    UmaskContract,
)
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem


class LocalContract(
    FilesystemContract,
    SetTimesContract,
    ModesContract,
    UmaskContract,
    GroupsContract,
    LinksContract,
    SpaceContract,
    LocalPathsContract,
):
    walk = False
    upload_mode = UploadMode.ATOMIC
    workers: IWorkers = InlineWorkers()
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
                target.mkdir(parents=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        return LocalFilesystem(root, self.workers, upload_mode=self.upload_mode, walk=self.walk)


class TestKernel(LocalContract, HardLinksContract, RealPathsContract):
    pass


class TestWalk(LocalContract, HardLinksContract, RealPathsContract):
    walk = True


class TestKernelDirect(LocalContract, HardLinksContract, RealPathsContract):
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
    pass


class TestMemory(MemoryContract):
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return MemoryFilesystem(content)


class TestMemoryDirect(MemoryContract):
    atomic = False

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return MemoryFilesystem(content, upload_mode=UploadMode.DIRECT)
