"""What only the filesystem in memory has: content, limit and clock."""

from __future__ import annotations

import errno
from pathlib import PurePosixPath

import pytest

from ftptls.errors import from_os_error
from ftptls.interfaces import IDescriptor, IUpload, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import run_now
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.temporaries import temporary_name

P = PurePosixPath
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)


def begin(filesystem: MemoryFilesystem, path: str, how: Store = Store.REPLACE) -> IUpload:
    upload = run_now(filesystem.open_write(P(path), how, 0))
    run_now(upload.begin())
    return upload


def store(filesystem: MemoryFilesystem, path: str, data: bytes) -> None:
    upload = begin(filesystem, path)
    run_now(upload.write_at(0, data))
    run_now(upload.commit())


def full(filesystem: MemoryFilesystem, upload: IUpload, offset: int, data: bytes) -> None:
    with pytest.raises(OSError, match="space") as caught:
        run_now(upload.write_at(offset, data))
    assert from_os_error(caught.value).reply.code == 452


def test_content_goes_in_and_comes_out() -> None:
    content = {"/a": b"1", "/in/deep/b": b"2", "/in/c": b""}
    assert MemoryFilesystem({**content, "/empty/": b""}).contents() == content
    assert MemoryFilesystem().contents() == {}
    with pytest.raises(NotADirectoryError):
        MemoryFilesystem({"/a": b"", "/a/b": b""})


def test_the_content_at_first_counts() -> None:
    with pytest.raises(OSError, match="space"):
        MemoryFilesystem({"/a": b"12345"}, limit=4)


@MODES
def test_the_limit(mode: UploadMode) -> None:
    filesystem = MemoryFilesystem({"/a": b"123456"}, limit=10, upload_mode=mode)
    upload = begin(filesystem, "/b")
    run_now(upload.write_at(0, b"1234"))
    full(filesystem, upload, 4, b"5")
    full(filesystem, upload, 2**50, b"5")
    run_now(upload.write_at(0, b"abcd"))
    run_now(upload.abandon())
    if mode is UploadMode.DIRECT:
        run_now(filesystem.remove_file(P("/b")))
    store(filesystem, "/b", b"1234")
    full(filesystem, begin(filesystem, "/a", Store.APPEND), 6, b"7")


@MODES
def test_room_comes_back(mode: UploadMode) -> None:
    filesystem = MemoryFilesystem({"/a": b"12345"}, limit=10, upload_mode=mode)
    for _ in range(5):
        store(filesystem, "/a", b"54321")
        store(filesystem, "/b", b"12345")
        run_now(filesystem.rename(P("/b"), P("/a")))
        store(filesystem, "/b", b"12345")
        run_now(filesystem.remove_file(P("/b")))
    store(filesystem, "/b", b"12345")
    full(filesystem, begin(filesystem, "/c"), 0, b"1")


def test_room_comes_back_when_a_commit_fails() -> None:
    filesystem = MemoryFilesystem(limit=4)
    upload = begin(filesystem, "/a")
    run_now(upload.write_at(0, b"1234"))
    run_now(filesystem.make_directory(P("/a")))
    with pytest.raises(IsADirectoryError):
        run_now(upload.commit())
    store(filesystem, "/b", b"1234")


def test_room_comes_back_when_an_upload_is_dropped() -> None:
    filesystem = MemoryFilesystem(limit=4)
    upload = begin(filesystem, "/a")
    run_now(upload.write_at(0, b"1234"))
    del upload
    store(filesystem, "/b", b"1234")


def test_a_file_that_is_removed_counts_while_it_is_written() -> None:
    filesystem = MemoryFilesystem({"/a": b""}, limit=4, upload_mode=UploadMode.DIRECT)
    uploads = [begin(filesystem, "/a"), begin(filesystem, "/a")]
    run_now(filesystem.remove_file(P("/a")))
    run_now(uploads[0].write_at(0, b"1234"))
    full(filesystem, uploads[1], 4, b"5")
    run_now(uploads[0].commit())
    full(filesystem, begin(filesystem, "/b"), 0, b"1")
    run_now(uploads[1].abandon())
    assert filesystem.contents() == {"/b": b""}
    store(filesystem, "/b", b"1234")


def test_the_clock_is_the_one_given() -> None:
    time = 1000.0
    filesystem = MemoryFilesystem({"/a": b"1", "/in/": b""}, now=lambda: time)
    time = 2000.0
    store(filesystem, "/in/b", b"")
    assert run_now(filesystem.stat(P("/a"))).modified == 1000
    assert run_now(filesystem.stat(P("/in"))).modified == 2000
    assert run_now(filesystem.stat(P("/in/b"))).modified == 2000


def test_files_are_told_apart() -> None:
    filesystem = MemoryFilesystem({"/a": b"", "/b": b""})
    first, second = (run_now(filesystem.stat(P(path))).unique for path in ("/a", "/b"))
    assert first != second
    run_now(filesystem.rename(P("/a"), P("/c")))
    assert run_now(filesystem.stat(P("/c"))).unique == first


def test_there_is_no_descriptor() -> None:
    filesystem = MemoryFilesystem({"/a": b""})
    assert not IDescriptor.providedBy(run_now(filesystem.open_read(P("/a"))))
    assert not IDescriptor.providedBy(begin(filesystem, "/a"))


def test_names_that_a_local_disk_hides_are_not_here_either() -> None:
    filesystem = MemoryFilesystem()
    with pytest.raises(FileNotFoundError):
        run_now(filesystem.make_directory(P("/", temporary_name())))


def test_a_path_must_be_absolute() -> None:
    with pytest.raises(OSError, match="Invalid") as caught:
        run_now(MemoryFilesystem({"/b": b""}).stat(P("a/b")))
    assert caught.value.errno == errno.EINVAL
