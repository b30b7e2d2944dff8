"""Transfers that run on the reactor, because one end has no descriptor; and those in one step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from ftptls.dtp.candidates import Channel
from ftptls.dtp.transfer import Received, Transfer
from ftptls.interfaces import Store
from ftptls.progress import AbortedError, Progress
from ftptls.settings import Limits, UploadMode
from ftptls.testing.filesystem import run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.workers import InlineWorkers
from tests.vfs.calls import CountingWorkers


class Socket:
    """A clear connection that delivers something, and is then shut because of an abort."""

    threadable = True

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._received = b"half"

    def receive_into(self, buffer: memoryview) -> int:
        if not self._received:
            if self._progress is not None:
                self._progress.aborted = True
            return 0
        buffer[: len(self._received)] = self._received
        count, self._received = len(self._received), b""
        return count

    def wait_readable(self) -> Deferred[None]:
        return succeed(None)

    def shut_write(self) -> None:
        pass


def receive(*, aborted: bool) -> bool:
    progress = Progress()
    link = Socket(progress if aborted else None)
    transfer = Transfer(Clock(), InlineWorkers(), Limits(), Channel(link, None), progress)
    filesystem = MemoryFilesystem()
    upload = run_now(filesystem.open_write(PurePosixPath("/f"), Store.REPLACE, 0))
    return run_now(transfer.receive_file(upload, None, accept_fin=True)).proven


def test_an_abort_is_no_end_of_the_data() -> None:
    with pytest.raises(AbortedError):
        receive(aborted=True)


def test_the_end_of_a_clear_connection_is_the_end_of_the_data() -> None:
    assert receive(aborted=False)


class Sink:
    """A clear connection that takes everything."""

    threadable = True

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: memoryview) -> int:
        self.sent += data
        return len(data)

    def shut_write(self) -> None:
        pass


async def lines_behind(answers: list[Deferred[object]]) -> AsyncIterator[bytes]:
    for answer in answers:
        yield f"{await answer!r}\n".encode()


def test_what_lines_wait_for_may_be_anything() -> None:
    """A tuple, too, which Python 3.11's anext() would take apart."""
    answers: list[Deferred[object]] = [Deferred(), Deferred()]
    link = Sink()
    transfer = Transfer(Clock(), InlineWorkers(), Limits(), Channel(link, None), Progress())
    sending = Deferred.fromCoroutine(transfer.send_lines(lines_behind(answers), None))
    answers[0].callback(("a", "tuple"))
    answers[1].callback(None)
    assert sending.called
    assert sending.result is None
    assert link.sent == b"('a', 'tuple')\nNone\n"


# --- all of an upload at once ---------------------------------------------------------------


class Local:
    """An upload to a folder of this machine, and the transfer for it."""

    def __init__(self, folder: Path, mode: UploadMode, *, fsync: bool = False) -> None:
        self.workers, self.progress = CountingWorkers(), Progress()
        options = LocalOptions(fsync=fsync)
        filesystem = LocalFilesystem(folder, self.workers, upload_mode=mode, options=options)
        self.upload = run_now(filesystem.open_write(PurePosixPath("/f"), Store.REPLACE, 0))
        self.asked = self.workers.asked

    def receive(self, link: Any) -> Received:
        transfer = Transfer(Clock(), self.workers, Limits(), Channel(link, None), self.progress)
        received = run_now(transfer.receive_file(self.upload, None, accept_fin=False))
        self.asked = self.workers.asked - self.asked
        return received


class Given(Socket):
    """The same, whose descriptor nobody needs to know."""

    def fileno(self) -> int:
        return -1


@pytest.mark.parametrize("mode", UploadMode)
def test_a_small_upload_asks_a_worker_once(tmp_path: Path, mode: UploadMode) -> None:
    local = Local(tmp_path, mode)
    assert local.receive(Given(None)) == Received(proven=True, committed=True)
    assert local.asked == 1
    assert (tmp_path / "f").read_bytes() == b"half"
    run_now(local.upload.abandon())
    assert (tmp_path / "f").read_bytes() == b"half"


@pytest.mark.parametrize("mode", UploadMode)
def test_what_is_to_be_on_the_disk_itself_is_committed_elsewhere(
    tmp_path: Path, mode: UploadMode
) -> None:
    """That may take long, and threads of transfers are few."""
    local = Local(tmp_path, mode, fsync=True)
    assert not local.receive(Given(None)).committed
    run_now(local.upload.commit())
    assert (tmp_path / "f").read_bytes() == b"half"


def test_an_upload_that_is_aborted_is_not_committed(tmp_path: Path) -> None:
    local = Local(tmp_path, UploadMode.ATOMIC)
    with pytest.raises(AbortedError):
        local.receive(Given(local.progress))
    run_now(local.upload.abandon())
    assert list(tmp_path.iterdir()) == []
