"""A wrapper that changes nothing keeps every contract of what it is around."""

from __future__ import annotations

from collections.abc import Mapping

from ftptls.interfaces import IFilesystem, IUmask
from ftptls.testing.filesystem import HardLinksContract, RealPathsContract
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.wrapping import ABILITIES, Wrapper
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestWrapperLocal(LocalContract, HardLinksContract, RealPathsContract):
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Wrapper(super().make_filesystem(content))


class TestWrapperInMemory(MemoryContract):
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Wrapper(MemoryFilesystem(content))


def test_what_is_lost_is_not_provided() -> None:
    class Masked(Wrapper):
        lost = frozenset({IUmask})

    inner = MemoryFilesystem()
    provided = {each for each in ABILITIES if each.providedBy(inner)}
    assert {each for each in ABILITIES if each.providedBy(Masked(inner))} == provided - {IUmask}
