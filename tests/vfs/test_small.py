"""Small files: read as they are opened, and without a worker where the kernel has them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from ftptls.interfaces import IContents, IDescriptor, IFileReader
from ftptls.settings import Links
from ftptls.testing.filesystem import run_now
from ftptls.vfs import small
from ftptls.vfs.jail import LOOK, Jail, kernel_resolves
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.small import SMALL, never_waits
from tests.vfs.calls import CountingWorkers

FILE = PurePosixPath("/f")


@pytest.fixture
def files(tmp_path: Path, workers: CountingWorkers) -> LocalFilesystem:
    """A folder of which something was read already, so that it is known how its disk is."""
    return known(LocalFilesystem(tmp_path, workers), tmp_path, workers)


def known(files: LocalFilesystem, folder: Path, workers: CountingWorkers) -> LocalFilesystem:
    (folder / "f").write_bytes(b"contents")
    read(files)
    workers.asked = 0
    return files


def opened(files: LocalFilesystem, path: PurePosixPath = FILE) -> IFileReader:
    return run_now(files.open_read(path))


def read(files: LocalFilesystem, path: PurePosixPath = FILE) -> bytes:
    reader = opened(files, path)
    try:
        return run_now(reader.read_at(0, 2 * SMALL))
    finally:
        run_now(reader.close())


def test_the_kernel_of_this_machine_can_do_it(
    files: LocalFilesystem, workers: CountingWorkers
) -> None:
    assert kernel_resolves()
    assert read(files) == b"contents"
    assert workers.asked == 0


def test_a_worker_reads_a_small_file_in_one_go(tmp_path: Path, workers: CountingWorkers) -> None:
    files = LocalFilesystem(tmp_path, workers, walk=True)
    (tmp_path / "f").write_bytes(b"contents")
    assert read(files) == b"contents"
    assert read(files) == b"contents"
    assert workers.asked == 2


@pytest.mark.parametrize("size", [0, 1, SMALL])
def test_small_files_hold_no_descriptor(
    files: LocalFilesystem, tmp_path: Path, workers: CountingWorkers, size: int
) -> None:
    (tmp_path / "f").write_bytes(bytes(size))
    reader = opened(files)
    assert not IDescriptor.providedBy(reader)
    assert IContents(reader).contents == bytes(size)
    assert reader.size == size
    assert run_now(reader.read_at(size - 1, 10)) == bytes(size)[-1:]
    assert workers.asked == 0


def test_larger_files_are_opened_only(
    files: LocalFilesystem, tmp_path: Path, workers: CountingWorkers
) -> None:
    (tmp_path / "f").write_bytes(bytes(SMALL + 1))
    reader = opened(files)
    assert IDescriptor.providedBy(reader)
    assert not IContents.providedBy(reader)
    assert workers.asked == 0
    run_now(reader.close())


def nothing_cached(*_: object) -> int:
    raise BlockingIOError(errno.EAGAIN, "not in memory")


def half_of_it(_fd: int, buffers: list[bytearray], *_: int) -> int:
    return len(buffers[0]) // 2


@pytest.mark.parametrize("preadv", [nothing_cached, half_of_it])
def test_what_is_not_in_memory_is_read_by_a_worker(
    files: LocalFilesystem,
    workers: CountingWorkers,
    monkeypatch: pytest.MonkeyPatch,
    preadv: Callable[..., int],
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "preadv", preadv)
    assert read(files) == b"contents"
    assert workers.asked == 1
    assert len(os.listdir("/proc/self/fd")) == before


def test_names_that_are_not_in_memory_are_resolved_by_a_worker(
    files: LocalFilesystem, workers: CountingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jail, "open_cached", nothing_cached)
    assert read(files) == b"contents"
    assert workers.asked == 1


@pytest.mark.parametrize(
    ("name", "number"),
    [("fifo", errno.ENXIO), ("folder", errno.EISDIR), ("none", errno.ENOENT)],
)
def test_what_is_no_file_is_not_opened(
    files: LocalFilesystem, tmp_path: Path, name: str, number: int
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number tells
        opened(files, PurePosixPath("/") / name)
    assert caught.value.errno == number


def test_the_jail_holds(files: LocalFilesystem, tmp_path: Path) -> None:
    """As if the folder were the whole disk."""
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("../../../../../f")
    with pytest.raises(FileNotFoundError):
        opened(files, PurePosixPath("/out"))
    assert read(files, PurePosixPath("/up")) == b"contents"


@pytest.mark.parametrize("links", [Links.REFUSE, Links.HIDE])
def test_links_that_are_not_followed(
    tmp_path: Path, workers: CountingWorkers, links: Links
) -> None:
    files = LocalFilesystem(tmp_path, workers, options=LocalOptions(links=links))
    known(files, tmp_path, workers)
    (tmp_path / "link").symlink_to("f")
    expected = FileNotFoundError if links is Links.HIDE else Exception
    with pytest.raises(expected):
        opened(files, PurePosixPath("/link"))
    assert read(files) == b"contents"


def test_nothing_is_opened_at_once_on_another_disk() -> None:
    jail = Jail("/")
    os.close(jail.open_cached(b"/", LOOK))
    with pytest.raises(OSError) as caught:  # noqa: PT011
        jail.open_cached(b"/dev/null", LOOK)
    assert caught.value.errno in (errno.EXDEV, errno.EAGAIN)


def test_whether_a_disk_tells_what_it_has_in_memory(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"contents")
    with (tmp_path / "f").open("rb") as file, Path("/proc/version").open("rb") as other:
        for each, expected in ((file, True), (other, False)):
            assert never_waits(each.fileno(), os.fstat(each.fileno()).st_dev) is expected


def test_a_disk_is_asked_once_for_all_sessions(
    files: LocalFilesystem,
    tmp_path: Path,
    workers: CountingWorkers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(LocalFilesystem(tmp_path, workers)) == b"contents"
    assert workers.asked == 0
    monkeypatch.setattr(small, "_tells", {})
    assert read(files) == b"contents"
    assert workers.asked == 1
    assert read(LocalFilesystem(tmp_path, workers)) == b"contents"
    assert workers.asked == 1


def test_a_disk_that_does_not_tell_is_left_to_workers(
    files: LocalFilesystem,
    tmp_path: Path,
    workers: CountingWorkers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(small, "_tells", {tmp_path.stat().st_dev: False})
    assert read(files) == b"contents"
    assert workers.asked == 1


def test_a_disk_that_has_nothing_of_it_in_memory_tells_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"contents")
    monkeypatch.setattr(os, "preadv", nothing_cached)
    monkeypatch.setattr(small, "_tells", {})
    with (tmp_path / "f").open("rb") as file:
        assert never_waits(file.fileno(), 1) is True


def test_a_file_that_grows_or_shrinks_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"contents")
    for size in (3, 100):
        fd = os.open(tmp_path / "f", os.O_RDONLY)
        assert small.read_small(fd, size).contents == b"contents"[:size]
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
