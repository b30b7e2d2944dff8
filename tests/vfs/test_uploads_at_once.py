"""Where an upload goes: looked at without a worker where the kernel knows what is there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from ftptls.interfaces import IUpload, Store
from ftptls.settings import Links, UploadMode
from ftptls.testing.filesystem import run_now
from ftptls.vfs import small
from ftptls.vfs.jail import Jail
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from tests.vfs.calls import CountingWorkers

FILE = PurePosixPath("/in/f")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of whose disk is known that it tells what it has in memory."""
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "f"
    file.write_bytes(b"before")
    with file.open("rb") as opened:
        assert small.never_waits(opened.fileno(), tmp_path.stat().st_dev)
    return tmp_path


@pytest.fixture
def files(folder: Path, workers: CountingWorkers) -> LocalFilesystem:
    return LocalFilesystem(folder, workers)


def opened(
    files: LocalFilesystem,
    path: PurePosixPath = FILE,
    how: Store = Store.REPLACE,
    offset: int = 0,
) -> IUpload:
    return run_now(files.open_write(path, how, offset))


def store(upload: IUpload, data: bytes) -> None:
    run_now(upload.begin())
    run_now(upload.write_at(upload.offset, data))
    run_now(upload.commit())


@contextmanager
def refused(number: int) -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError) as caught:  # noqa: PT011
        yield
    assert caught.value.errno == number
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("mode", UploadMode)
def test_a_file_that_is_known_is_replaced(
    folder: Path, workers: CountingWorkers, mode: UploadMode
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    upload = opened(LocalFilesystem(folder, workers, upload_mode=mode))
    assert workers.asked == 0
    assert len(os.listdir("/proc/self/fd")) == before
    assert (folder / "in" / "f").read_bytes() == b"before"
    store(upload, b"after")
    assert (folder / "in" / "f").read_bytes() == b"after"


def test_a_name_that_is_not_in_memory_is_looked_up_by_a_worker(
    files: LocalFilesystem, folder: Path, workers: CountingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_cached(*_: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "not in memory")

    monkeypatch.setattr(Jail, "open_cached", nothing_cached)
    store(opened(files, PurePosixPath("/in/new")), b"new")
    assert workers.asked == 4
    assert (folder / "in" / "new").read_bytes() == b"new"


def test_a_name_of_which_is_known_that_nothing_has_it(
    files: LocalFilesystem, folder: Path, workers: CountingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_cached = Jail.open_cached

    def absent(jail: Jail, path: bytes, flags: int) -> int:
        if path == b"/in/new":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return open_cached(jail, path, flags)

    monkeypatch.setattr(Jail, "open_cached", absent)
    upload = opened(files, PurePosixPath("/in/new"))
    assert workers.asked == 0
    store(upload, b"new")
    assert (folder / "in" / "new").read_bytes() == b"new"


def test_what_cannot_be_replaced_is_refused(files: LocalFilesystem, folder: Path) -> None:
    os.mkfifo(folder / "in" / "fifo")
    with refused(errno.EISDIR):
        opened(files, PurePosixPath("/in"))
    with refused(errno.ENXIO):
        opened(files, PurePosixPath("/in/fifo"))
    with refused(errno.EISDIR):
        opened(files, PurePosixPath("/"))
    with refused(errno.ENOTDIR):
        opened(files, FILE / "g")
    with refused(errno.ENOENT):
        opened(files, PurePosixPath("/out/f"))
    with refused(errno.EEXIST):
        opened(files, FILE, Store.NEW)


@pytest.mark.parametrize(("how", "offset"), [(Store.APPEND, 0), (Store.RESUME, 2), (Store.NEW, 2)])
def test_what_is_gone_on_with_is_looked_at_by_a_worker(
    files: LocalFilesystem, workers: CountingWorkers, how: Store, offset: int
) -> None:
    try:
        opened(files, FILE, how, offset)
    except FileExistsError:
        assert how is Store.NEW
    assert workers.asked == 1


def test_write_locks_are_looked_at_by_a_worker(folder: Path, workers: CountingWorkers) -> None:
    files = LocalFilesystem(folder, workers, options=LocalOptions(lock_uploads=True))
    opened(files)
    assert workers.asked == 1


@pytest.mark.parametrize("links", Links)
def test_links_are_followed_by_a_worker_if_at_all(
    folder: Path, workers: CountingWorkers, links: Links
) -> None:
    (folder / "link").symlink_to("/in/f")
    files = LocalFilesystem(folder, workers, options=LocalOptions(links=links))
    try:
        opened(files, PurePosixPath("/link"))
    except Exception:  # noqa: BLE001 - each way to refuse a link has its own
        assert links is not Links.FOLLOW
    assert workers.asked == 1


def test_an_upload_stays_in_the_folder(folder: Path, workers: CountingWorkers) -> None:
    outside = folder / "in"
    inside = folder / "jail"
    inside.mkdir()
    (inside / "away").symlink_to(outside)
    with refused(errno.ENOENT):
        opened(LocalFilesystem(inside, workers), PurePosixPath("/away/f"))
    assert (outside / "f").read_bytes() == b"before"


def test_a_disk_is_known_by_the_first_upload_in_place_of_a_file(
    files: LocalFilesystem, workers: CountingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small, "_tells", {})
    opened(files)
    assert workers.asked == 1
    opened(files)
    assert workers.asked == 1


def test_a_disk_that_does_not_tell_is_left_to_workers(
    files: LocalFilesystem, folder: Path, workers: CountingWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small, "_tells", {folder.stat().st_dev: False})
    with refused(errno.EEXIST):
        opened(files, FILE, Store.NEW)
    assert workers.asked == 1
