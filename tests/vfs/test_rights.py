"""What may be done, by path: the lines, and a filesystem that keeps to them."""

from __future__ import annotations

from collections.abc import Mapping

from ftptls.interfaces import IFilesystem
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import RealPathsContract
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.rights import Restricted, Rights
from tests.vfs.test_contract import LocalContract, MemoryContract

EVERYTHING = Rights(["full"])
# The same, but nobody can know it without a look at the path.
BY_PATH = Rights(["/** = full", "/never/** = nothing"])


class TestEverythingLocal(LocalContract, RealPathsContract):
    rights = EVERYTHING

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Restricted(super().make_filesystem(content), self.rights)


class TestByPathLocal(TestEverythingLocal):
    rights = BY_PATH


class TestByPathWalk(TestByPathLocal):
    walk = True


class TestByPathDirect(TestByPathLocal):
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestEverythingInMemory(MemoryContract):
    rights = EVERYTHING

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Restricted(MemoryFilesystem(content), self.rights)


class TestByPathInMemory(TestEverythingInMemory):
    rights = BY_PATH
