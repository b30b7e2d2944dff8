"""A filesystem of which hooks are told keeps every contract of what it is around."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from zope.interface import implementer

from ftptls.hooks import Event, Hooks, Reporter
from ftptls.interfaces import IFilesystem, IHook, IUploadCheck
from ftptls.progress import Progress
from ftptls.session import Peers, Session
from ftptls.settings import EventKind
from ftptls.testing.filesystem import HardLinksContract, InlineWorkers, RealPathsContract
from ftptls.vfs.guarantees import HOOKED, LOCAL, MEMORY
from ftptls.vfs.memory import MemoryFilesystem
from tests.vfs.test_contract import LocalContract, MemoryContract


@implementer(IHook)
class Everything:
    """Wants to know all there is."""

    kinds = frozenset(EventKind) - {EventKind.UPLOAD_HELD}
    sha256 = True

    async def happened(self, event: Event) -> None:
        assert event.facts


def hooked(filesystem: IFilesystem) -> IFilesystem:
    hooks, session = Hooks([Everything()]), Session(Peers("192.0.2.7", "192.0.2.1"))
    reporter = Reporter(hooks, session, Progress, InlineWorkers(), lambda: 0.0)
    return reporter.around(filesystem)


class TestHookedLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = HOOKED.of(LOCAL)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return hooked(super().make_filesystem(content))


class TestHookedInMemory(MemoryContract):
    guarantees = HOOKED.of(MEMORY)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return hooked(MemoryFilesystem(content))


def test_who_wants_to_be_asked_must_be_able_to_answer() -> None:
    class Mute(Everything):
        kinds = frozenset(EventKind)

    assert not IUploadCheck.implementedBy(Mute)
    with pytest.raises(ValueError, match="is no IUploadCheck"):
        Hooks([Mute()])


def test_without_hooks_there_is_nothing_around_files() -> None:
    session, files = Session(Peers("192.0.2.7", "192.0.2.1")), MemoryFilesystem()
    assert Reporter(Hooks(), session, Progress, InlineWorkers(), lambda: 0.0).around(files) is files
