"""Several uploads of one file: refused while one runs, or each of them whole."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ftptls.errors import TransientError
from ftptls.interfaces import Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions

P = PurePosixPath
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)
HOWS = pytest.mark.parametrize("how", [Store.REPLACE, Store.APPEND, Store.RESUME])
WHOLE = [UploadMode.ATOMIC, UploadMode.ATOMIC_RESUME]


def local(root: Path, mode: UploadMode, user: str = "alice", *, lock: bool = True) -> Any:
    options = LocalOptions(lock_uploads=lock)
    return LocalFilesystem(root, InlineWorkers(), upload_mode=mode, user=user, options=options)


def opened(filesystem: Any, path: str = "/a", how: Store = Store.REPLACE) -> Any:
    return run_now(filesystem.open_write(P(path), how, 1 if how is Store.RESUME else 0))


def begun(filesystem: Any, path: str = "/a", how: Store = Store.REPLACE) -> Any:
    upload = opened(filesystem, path, how)
    run_now(upload.begin())
    return upload


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(b"old")
    return tmp_path


@MODES
@HOWS
def test_a_second_upload_is_refused_before_it_begins(
    root: Path, mode: UploadMode, how: Store
) -> None:
    first = begun(local(root, mode))
    if mode is UploadMode.DIRECT:
        run_now(first.write_at(0, b"first"))
    for user in ("alice", "bob"):
        with pytest.raises(TransientError, match="450 Another upload is writing this file"):
            opened(local(root, mode, user), how=how)
    run_now(first.abandon())
    run_now(begun(local(root, mode, "bob")).commit())


@MODES
@HOWS
def test_of_two_that_were_opened_the_second_cannot_begin(
    root: Path, mode: UploadMode, how: Store
) -> None:
    filesystem = local(root, mode)
    first, second = opened(filesystem), opened(filesystem, how=how)
    run_now(first.begin())
    with pytest.raises(TransientError, match="450"):
        run_now(second.begin())
    run_now(second.abandon())
    run_now(first.write_at(0, b"first"))
    run_now(first.commit())
    assert (root / "a").read_bytes() == b"first"


@MODES
def test_it_ends_with_the_upload_however_that_ends(root: Path, mode: UploadMode) -> None:
    filesystem = local(root, mode)
    run_now(begun(filesystem).commit())
    run_now(begun(filesystem).abandon())
    begun(filesystem)
    gc.collect()
    if mode is UploadMode.ATOMIC_RESUME:
        assert run_now(begun(filesystem).keep()) == 0
    failing = begun(filesystem, "/b")
    if mode is not UploadMode.DIRECT:
        (root / "b").mkdir()
        with pytest.raises(IsADirectoryError):
            run_now(failing.commit())
        (root / "b").rmdir()
    run_now(failing.abandon())
    run_now(begun(filesystem).commit())
    run_now(begun(filesystem, "/b").commit())


@MODES
def test_it_is_the_place_that_counts(root: Path, mode: UploadMode) -> None:
    (root / "in").mkdir()
    (root / "link").symlink_to("a")
    (root / "folder").symlink_to("in")
    filesystem = local(root, mode)
    first, second = begun(filesystem), begun(filesystem, "/in/a")
    for path in ("/link", "/folder/a"):
        with pytest.raises(TransientError, match="450"):
            opened(filesystem, path)
    (root / "in").rename(root / "moved")
    with pytest.raises(TransientError, match="450"):
        opened(filesystem, "/moved/a")
    for upload in (first, second):
        run_now(upload.commit())


def test_another_name_of_the_file_that_is_written_in_place(root: Path) -> None:
    os.link(root / "a", root / "b")
    filesystem = local(root, UploadMode.DIRECT)
    first = begun(filesystem)
    run_now(first.write_at(0, b"first"))
    with pytest.raises(TransientError, match="450"):
        begun(filesystem, "/b")
    assert (root / "a").read_bytes() == b"first"
    run_now(first.commit())
    run_now(begun(filesystem, "/b").commit())


_HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)
def test_another_process_that_writes_in_place(root: Path, mode: UploadMode) -> None:
    filesystem = local(root, mode)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(root / "a")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TransientError, match="450"):
            begun(filesystem, how=Store.APPEND)
        assert (root / "a").read_bytes() == b"old"
        run_now(begun(local(root, mode, lock=False), how=Store.APPEND).commit())
        other.communicate(b"")
    run_now(begun(filesystem, how=Store.APPEND).commit())


# Without it


@pytest.mark.parametrize("mode", WHOLE, ids=lambda mode: mode.value)
def test_without_it_the_last_to_end_stays_and_is_whole(root: Path, mode: UploadMode) -> None:
    uploads = [begun(local(root, mode, user, lock=False)) for user in ("alice", "bob", "alice")]
    for number, upload in enumerate(uploads):
        run_now(upload.write_at(0, str(number).encode() * 10 * (3 - number)))
    for number in (1, 2, 0):
        run_now(uploads[number].commit())
        assert (root / "a").read_bytes() == str(number).encode() * 10 * (3 - number)
    assert os.listdir(root) == ["a"]


def test_without_it_what_is_written_in_place_is_what_came_last_by_octet(root: Path) -> None:
    filesystem = local(root, UploadMode.DIRECT, lock=False)
    first, second = begun(filesystem), begun(filesystem)
    run_now(first.write_at(0, b"11111"))
    run_now(second.write_at(0, b"222"))
    for upload in (first, second):
        run_now(upload.commit())
    assert (root / "a").read_bytes() == b"22211"


# On the disk itself


@MODES
@pytest.mark.parametrize("how", [Store.REPLACE, Store.APPEND, Store.NEW])
def test_it_is_on_the_disk_before_it_counts(
    root: Path, mode: UploadMode, how: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "b" if how is Store.NEW else "a"
    steps: list[str] = []
    fsync, rename, link = os.fsync, os.rename, os.link

    def watched_fsync(fd: int) -> None:
        name = os.readlink(f"/proc/self/fd/{fd}")
        steps.append("directory" if name == str(root) else "file")
        fsync(fd)

    def watched_rename(*args: Any, **more: Any) -> None:
        steps.append("rename")
        rename(*args, **more)

    monkeypatch.setattr(os, "fsync", watched_fsync)

    def watched_link(*args: Any, **more: Any) -> None:
        steps.append("rename")
        link(*args, **more)

    monkeypatch.setattr(os, "rename", watched_rename)
    monkeypatch.setattr(os, "link", watched_link)
    for options in (LocalOptions(), LocalOptions(fsync=True)):
        filesystem = LocalFilesystem(root, InlineWorkers(), upload_mode=mode, options=options)
        upload = begun(filesystem, f"/{path}", how)
        run_now(upload.write_at(upload.offset, b"new"))
        run_now(upload.commit())
        atomic = not upload.in_place
        (root / "b").unlink(missing_ok=True)
        assert steps == [
            *["file"] * options.fsync,
            *["rename"] * atomic,
            *["directory"] * options.fsync,
        ]
        steps.clear()


@pytest.mark.parametrize("mode", WHOLE, ids=lambda mode: mode.value)
def test_a_directory_that_may_not_be_read(
    root: Path, mode: UploadMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.open

    def refuse(path: Any, flags: int, *args: Any, **more: Any) -> int:
        if path == ".":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *args, **more)

    def fsync(fd: int) -> None:
        synced.append(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "fsync", fsync)
    options = LocalOptions(fsync=True)
    filesystem = LocalFilesystem(root, InlineWorkers(), upload_mode=mode, options=options)
    run_now(begun(filesystem).commit())
    monkeypatch.undo()
    assert synced == [(root / "a").stat().st_ino] * 2
