"""Two clients upload one file at the same time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftptls.settings import UploadMode
from ftptls.testing.client import Client
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

Enter = Callable[..., Client]
FIRST, SECOND = b"the first" * 1000, b"the second" * 5000
WHOLE = pytest.mark.parametrize("mode", [UploadMode.ATOMIC, UploadMode.ATOMIC_RESUME])


def two(enter: Enter, folder: Path, mode: UploadMode, *, lock: bool) -> tuple[Client, Client]:
    options = LocalOptions(lock_uploads=lock)
    first = enter(
        filesystem=LocalFilesystem(folder, InlineWorkers(), upload_mode=mode, options=options)
    )
    second = first.server.connect()
    second.secure()
    second.log_in()
    return first, second


@WHOLE
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_to_end_stays_and_is_whole(
    enter: Enter, tmp_path: Path, mode: UploadMode, order: tuple[int, int]
) -> None:
    clients = two(enter, tmp_path, mode, lock=False)
    wires = [client.begin("STOR a") for client in clients]
    for start in range(0, max(len(FIRST), len(SECOND)), 1000):
        for wire, data in zip(wires, (FIRST, SECOND), strict=True):
            wire.send(data[start : start + 1000])
    for number in order:
        wires[number].stop()
        clients[number].expect(226)
        wires[number].close()
        assert (tmp_path / "a").read_bytes() == (FIRST, SECOND)[number]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("mode", list(UploadMode))
def test_with_the_lock_the_second_is_refused_at_once(
    enter: Enter, tmp_path: Path, mode: UploadMode
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    first, second = two(enter, tmp_path, mode, lock=True)
    wire = first.begin("STOR a")
    wire.send(FIRST)
    second.open()
    for lines in (["STOR a"], ["APPE a"], ["REST 1", "STOR a"]):
        *before, last = lines
        for line in before:
            second.ask(line, 350)
        told = second.ask(last, 450).text
        assert told == "Another upload is writing this file; try again when it is done."
    second.upload("STOR b", SECOND)
    wire.stop()
    first.expect(226)
    wire.close()
    second.upload("STOR a", SECOND)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == SECOND
