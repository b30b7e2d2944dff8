"""Transfers that run on the reactor, because one end has no descriptor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePosixPath

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from ftptls.dtp.candidates import Channel
from ftptls.dtp.transfer import Transfer
from ftptls.interfaces import Store
from ftptls.progress import AbortedError, Progress
from ftptls.settings import Limits
from ftptls.testing.filesystem import run_now
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.workers import InlineWorkers


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
    run_now(upload.begin())
    return run_now(transfer.receive_file(upload, None, accept_fin=True))


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
