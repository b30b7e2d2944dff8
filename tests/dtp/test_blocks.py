"""Uploads go to the disk in whole blocks, and are there as soon as nobody works on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.dtp.blocks import MOST_OF_RECORD, Block, pages
from ftptls.dtp.incoming import FileUpload, Incoming
from ftptls.dtp.pumps import BrokenError, Want
from ftptls.progress import AbortedError, Progress

KIB = 1024
LARGEST = 512 * KIB
CONTENT = b"".join(number.to_bytes(4, "big") for number in range(1 << 20))


@given(
    position=st.integers(0, 3 * LARGEST),
    steps=st.lists(st.tuples(st.integers(0, 600 * KIB), st.booleans()), max_size=30),
)
def test_what_was_put_in_comes_out(position: int, steps: list[tuple[int, bool]]) -> None:
    """Whoever waits, and however much comes; the disk may take less than it is given."""
    block, came, went = Block(position), 0, bytearray()
    for size, waits in steps:
        assert len(block.room) > 2 * MOST_OF_RECORD
        count = min(size, len(block.room), len(CONTENT) - came)
        block.room[:count] = CONTENT[came : came + count]
        block.took(count)
        came += count
        while data := block.whole:
            taken = bytes(data[: max(1, len(data) // 2)]) if size % 7 == 0 else bytes(data)
            went += taken
            block.wrote(len(taken))
        if waits:
            went += block.held
            block.wrote(len(block.held))
        assert bytes(went + block.held) == CONTENT[:came]
        assert len(block.held) < LARGEST


class Given:
    """A clear connection that gives what it is told to; 0 is a wait."""

    threadable = True

    def __init__(self, *sizes: int) -> None:
        self._sizes, self._rest = list(sizes), memoryview(CONTENT)
        self.asked: list[int] = []

    def receive_into(self, buffer: memoryview) -> int:
        self.asked.append(len(buffer))
        size = self._sizes.pop(0) if self._sizes else len(self._rest)
        if size == 0 and self._rest:
            raise BlockingIOError
        if size < 0:
            raise ConnectionResetError(104, "Connection reset by peer")
        piece = self._rest[: min(size, len(buffer))]
        buffer[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Where each write goes, and how much it is."""
    seen, real = [], os.pwrite

    def pwrite(target: int, data: memoryview, position: int) -> int:
        seen.append((position, len(data)))
        return real(target, data, position)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return seen


class Upload:
    """To a file, from a position on."""

    def __init__(self, folder: Path, link: Given, offset: int = 0) -> None:
        self.path, self.progress = folder / "file", Progress()
        self.path.write_bytes(b"#" * offset)
        self.target = os.open(self.path, os.O_WRONLY)
        self.pump = FileUpload(self.progress, self.target, offset, Incoming(link, None))

    def run(self) -> bytes:
        while self.pump.step() is not Want.DONE:
            pass
        os.close(self.target)
        return self.path.read_bytes()


@pytest.mark.parametrize("offset", [0, 1, 12_345, LARGEST + 1])
def test_who_is_fast_fills_blocks(
    tmp_path: Path, writes: list[tuple[int, int]], offset: int
) -> None:
    assert Upload(tmp_path, Given(), offset).run() == b"#" * offset + CONTENT
    large = [position for position, size in writes if size == LARGEST]
    assert len(large) >= 4
    assert all(position % LARGEST == 0 for position in large)
    assert len(writes) < len(CONTENT) // LARGEST + 20


@pytest.mark.parametrize("size", [1, 1000, 30_000])
def test_who_is_slow_has_it_on_the_disk_and_takes_little_memory(tmp_path: Path, size: int) -> None:
    link = Given(*[size, 0] * 100)
    upload = Upload(tmp_path, link)
    for number in range(1, 101):
        assert upload.pump.step() is Want.READ
        assert upload.progress.octets == upload.path.stat().st_size == number * size
    assert max(link.asked) < 128 * KIB
    assert upload.run() == CONTENT


def test_what_came_before_the_connection_broke_is_kept(tmp_path: Path) -> None:
    upload = Upload(tmp_path, Given(10_000, 1000, -1))
    with pytest.raises(BrokenError, match="reset"):
        upload.run()
    assert upload.path.read_bytes() == CONTENT[:11_000]
    assert upload.progress.octets == 11_000


def test_what_came_before_an_abort_is_kept(tmp_path: Path) -> None:
    class Aborted(Given):
        def receive_into(self, buffer: memoryview) -> int:
            upload.progress.aborted = len(self.asked) == 2
            return super().receive_into(buffer)

    upload = Upload(tmp_path, Aborted(10_000, 1000, 500))
    with pytest.raises(AbortedError):
        upload.run()
    assert upload.path.read_bytes() == CONTENT[: upload.progress.octets]
    assert upload.progress.octets == 11_500


@pytest.mark.parametrize("size", [1, 52 * KIB, 64 * KIB, 548 * KIB])
def test_new_memory_is_empty_and_can_be_written(size: int) -> None:
    memory = pages(size)
    assert bytes(memory) == bytes(size)
    memory[-1:] = b"x"
