"""A wrapper that changes nothing keeps every contract of what it is around."""

from __future__ import annotations

from ftptls.interfaces import IFilesystem, IUmask
from ftptls.testing.filesystem import HardLinksContract, RealPathsContract
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.wrapping import ABILITIES, Wrapper
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestWrapperLocal(LocalContract, HardLinksContract, RealPathsContract):
    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Wrapper(filesystem)


class TestWrapperInMemory(MemoryContract):
    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Wrapper(filesystem)


def test_what_is_lost_is_not_provided() -> None:
    class Masked(Wrapper):
        lost = frozenset({IUmask})

    inner = MemoryFilesystem()
    provided = {each for each in ABILITIES if each.providedBy(inner)}
    assert {each for each in ABILITIES if each.providedBy(Masked(inner))} == provided - {IUmask}
