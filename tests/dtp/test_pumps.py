"""A transfer's steps, where they meet what the reactor does meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftptls.dtp.pumps import FileUpload, Incoming, Want
from ftptls.progress import AbortedError, Progress


class ShutLink:
    """A clear connection that is shut while a worker is about to receive from it."""

    threadable = True

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def receive_into(self, buffer: memoryview) -> int:
        self._progress.aborted = True  # set first, and then the connection is shut
        return 0


class EndedLink(ShutLink):
    def receive_into(self, buffer: memoryview) -> int:
        return 0


def upload(tmp_path: Path, link: type[ShutLink]) -> tuple[FileUpload, int]:
    progress = Progress()
    target = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    return FileUpload(progress, target, 0, Incoming(link(progress), None)), target


def test_an_abort_is_no_end_of_the_data(tmp_path: Path) -> None:
    """In clear text both look the same to the one who receives."""
    pump, target = upload(tmp_path, ShutLink)
    with pytest.raises(AbortedError):
        pump.step()
    os.close(target)


def test_the_end_of_a_clear_connection_is_the_end_of_the_data(tmp_path: Path) -> None:
    pump, target = upload(tmp_path, EndedLink)
    assert pump.step() is Want.DONE
    os.close(target)
