"""Uploads to a local disk that go on after they broke off: what the contract cannot see."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ftptls.errors import PermanentError, TransientError
from ftptls.interfaces import Store
from ftptls.settings import UploadMode
from ftptls.settings.rights import Right, Rights
from ftptls.testing.filesystem import (
    HardLinksContract,
    RealPathsContract,
    ResumableContract,
    run_now,
)
from ftptls.vfs.encrypted import Encrypted
from ftptls.vfs.folding import CaseFolding
from ftptls.vfs.guarantees import LOCAL_RESUMING
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.mounts import Mounts
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.rights import Restricted
from ftptls.vfs.sealing import Keys
from ftptls.vfs.subtree import Subtree
from ftptls.vfs.temporaries import kept_name
from ftptls.vfs.versions import Versions
from tests.vfs.calls import WORKERS
from tests.vfs.test_contract import LocalContract

P = PurePosixPath
RESUME = UploadMode.ATOMIC_RESUME


class TestKernelResuming(LocalContract, HardLinksContract, RealPathsContract, ResumableContract):
    guarantees = LOCAL_RESUMING
    upload_mode = RESUME


class TestWalkResuming(LocalContract, HardLinksContract, RealPathsContract, ResumableContract):
    upload_mode = RESUME
    walk = True


@pytest.fixture(autouse=True)
def _no_leak() -> Iterator[None]:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def local(root: Path, user: str = "alice", **options: Any) -> Any:
    return LocalFilesystem(
        root, WORKERS, upload_mode=RESUME, user=user, options=LocalOptions(**options)
    )


def begin(filesystem: Any, path: str = "/a", how: Store = Store.REPLACE, offset: int = 0) -> Any:
    upload = run_now(filesystem.open_write(P(path), how, offset))
    run_now(upload.begin())
    return upload


def break_off(filesystem: Any, path: str = "/a", data: bytes = b"01234") -> None:
    upload = begin(filesystem, path)
    run_now(upload.write_at(0, data))
    assert run_now(upload.keep()) == len(data)


def finish(
    filesystem: Any, data: bytes, path: str = "/a", how: Store = Store.APPEND, offset: int = 0
) -> None:
    upload = begin(filesystem, path, how, offset)
    run_now(upload.write_at(upload.offset, data))
    run_now(upload.commit())


def arrived(filesystem: Any, path: str = "/a") -> Any:
    return run_now(filesystem.arrived(P(path)))


# Whose it is


def test_nobody_else_finds_it(tmp_path: Path) -> None:
    alice, bob = local(tmp_path), local(tmp_path, "bob")
    break_off(alice)
    assert (arrived(alice), arrived(bob)) == (5, None)
    with pytest.raises(PermanentError, match="554"):
        run_now(bob.open_write(P("/a"), Store.RESUME, 5))
    break_off(bob, data=b"of bob")
    assert (arrived(alice), arrived(bob)) == (5, 6)
    finish(bob, b"!")
    assert (tmp_path / "a").read_bytes() == b"of bob!"
    finish(alice, b"5")
    assert (tmp_path / "a").read_bytes() == b"012345"


def test_another_server_finds_it_for_the_same_user(tmp_path: Path) -> None:
    break_off(local(tmp_path))
    finish(local(tmp_path), b"567", how=Store.RESUME, offset=5)
    assert (tmp_path / "a").read_bytes() == b"01234567"
    assert os.listdir(tmp_path) == ["a"]


def test_names_of_users_and_files_do_not_run_together() -> None:
    pairs = [("ab", b"c"), ("a", b"bc"), ("", b"abc"), ("ä", b"c"), ("a\udcff", b"c")]
    assert len({kept_name(*pair) for pair in pairs}) == len(pairs)


def test_it_follows_the_link_that_was_stored_to(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in/real")
    filesystem = local(tmp_path)
    break_off(filesystem, "/link")
    assert (arrived(filesystem, "/link"), arrived(filesystem, "/in/real")) == (5, 5)
    finish(filesystem, b"5", "/in/real")
    assert (tmp_path / "link").read_bytes() == b"012345"


def test_it_goes_where_its_directory_goes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    filesystem = local(tmp_path)
    break_off(filesystem, "/in/a")
    run_now(filesystem.rename(P("/in"), P("/out")))
    finish(filesystem, b"5", "/out/a")
    assert (tmp_path / "out" / "a").read_bytes() == b"012345"


# Several at once


def test_while_one_runs_it_is_not_gone_on_with(tmp_path: Path) -> None:
    filesystem = local(tmp_path)
    first = begin(filesystem)
    run_now(first.write_at(0, b"01234"))
    second = run_now(filesystem.open_write(P("/a"), Store.RESUME, 5))
    with pytest.raises(TransientError, match="450"):
        run_now(second.begin())
    assert run_now(first.keep()) == 5
    finish(filesystem, b"5", how=Store.RESUME, offset=5)
    assert (tmp_path / "a").read_bytes() == b"012345"


def test_a_second_whole_upload_is_only_atomic(tmp_path: Path) -> None:
    filesystem = local(tmp_path)
    first, second = begin(filesystem), begin(filesystem)
    run_now(first.write_at(0, b"first"))
    run_now(second.write_at(0, b"second"))
    assert run_now(second.keep()) == 0
    assert run_now(first.keep()) == 5
    assert arrived(filesystem) == 5


def test_what_was_finished_meanwhile_is_not_gone_on_with(tmp_path: Path) -> None:
    filesystem = local(tmp_path)
    break_off(filesystem)
    late = run_now(filesystem.open_write(P("/a"), Store.RESUME, 5))
    finish(filesystem, b"5")
    with pytest.raises(TransientError, match="450"):
        run_now(late.begin())
    assert (tmp_path / "a").read_bytes() == b"012345"


def test_what_became_the_file_while_it_was_opened_is_let_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filesystem = local(tmp_path)
    break_off(filesystem)
    late = run_now(filesystem.open_write(P("/a"), Store.RESUME, 5))
    real = fcntl.flock

    def flock(fd: int, how: int) -> None:
        monkeypatch.undo()
        finish(filesystem, b"5")
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(TransientError, match="450"):
        run_now(late.begin())
    assert (tmp_path / "a").read_bytes() == b"012345"
    assert os.listdir(tmp_path) == ["a"]


# What is kept, and what is not


def test_a_session_that_dies_keeps_it(tmp_path: Path) -> None:
    filesystem = local(tmp_path)
    upload = begin(filesystem)
    run_now(upload.write_at(0, b"01234"))
    del upload
    gc.collect()
    assert arrived(filesystem) == 5


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_what_the_disk_does_not_hold_is_not_kept(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    filesystem = local(tmp_path, fsync=True)
    upload = begin(filesystem)
    run_now(upload.write_at(0, b"01234"))
    monkeypatch.setattr(os, "fsync", fail)
    assert run_now(upload.keep()) == 0
    assert os.listdir(tmp_path) == []


def test_where_there_are_no_locks_uploads_are_only_atomic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int, __: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    filesystem = local(tmp_path)
    upload = begin(filesystem)
    run_now(upload.write_at(0, b"01234"))
    assert run_now(upload.keep()) == 0
    finish(filesystem, b"whole", how=Store.REPLACE)
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "two names", "another owner"])
def test_what_others_put_there_is_not_taken(tmp_path: Path, kind: str) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    planted = tmp_path / os.fsdecode(kept_name("alice", b"a"))
    if kind == "link":
        planted.symlink_to("other")
    elif kind == "fifo":
        os.mkfifo(planted)
    elif kind == "directory":
        planted.mkdir()
    elif kind == "two names":
        os.link(other, planted)
    elif os.getuid() == 0:
        planted.write_bytes(b"other")
        os.chown(planted, 1234, -1)
    else:
        other.rename(planted)  # another owner takes root; without it, one that cannot be opened
        planted.chmod(0)
        other.write_bytes(b"other")
    filesystem = local(tmp_path)
    if kind != "another owner" or os.getuid() == 0:
        assert arrived(filesystem) is None
    finish(filesystem, b"whole", how=Store.REPLACE)
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert other.read_bytes() == b"other"
    assert os.path.lexists(planted)


# Under other filesystems


def test_it_passes_through_wrappers(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    inner = local(tmp_path)
    for wrapper, path in (
        (CaseFolding(inner), "/in/a"),
        (Subtree(inner, P("/in")), "/a"),
        (Mounts({"/": MemoryFilesystem(), "/disk": inner}), "/disk/in/a"),
        (Restricted(inner, Rights(["/** = full"])), "/in/a"),
        (Versions(inner, 1), "/in/a"),
    ):
        break_off(wrapper, path)
        assert arrived(wrapper, path) == 5
        finish(wrapper, b"5", path)
        assert arrived(wrapper, path) is None
        assert (tmp_path / "in" / "a").read_bytes() == b"012345"


def test_mounts_of_which_one_keeps_nothing(tmp_path: Path) -> None:
    mounts = Mounts({"/": MemoryFilesystem({"/a": b""}), "/disk": local(tmp_path)})
    assert arrived(mounts) is None


def test_the_old_version_is_kept_of_what_went_on(tmp_path: Path) -> None:
    for how, offset in ((Store.APPEND, 0), (Store.RESUME, 5)):
        (tmp_path / "a").write_bytes(b"old")
        versions = Versions(local(tmp_path), 9)
        break_off(versions)
        finish(versions, b"5", how=how, offset=offset)
        assert (tmp_path / "a").read_bytes() == b"012345"
    kept = list((tmp_path / ".versions" / "a").iterdir())
    assert [each.read_bytes() for each in kept] == [b"old", b"old"]


def test_encrypted_files_are_not_served_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be gone on with"):
        Encrypted(local(tmp_path), Keys([bytes(32)]), WORKERS)


# Rights


def restricted(root: Path, right: Right) -> Restricted:
    return Restricted(local(root), Rights([f"/** = {line(right)}"]))


def line(right: Right) -> str:
    return " ".join(each.name.lower() for each in Right if each in right and each.name)


def test_who_may_only_store_what_is_new_goes_on_with_that(tmp_path: Path) -> None:
    for how, offset in ((Store.RESUME, 5), (Store.APPEND, 0)):
        filesystem = restricted(tmp_path, Right.WRITE_NEW | Right.APPEND)
        break_off(filesystem)
        assert arrived(filesystem) == 5
        finish(filesystem, b"5", how=how, offset=offset)
        assert (tmp_path / "a").read_bytes() == b"012345"
        (tmp_path / "a").unlink()


@pytest.mark.parametrize("how", [Store.RESUME, Store.APPEND])
def test_who_may_only_store_what_is_new_replaces_nothing_so(tmp_path: Path, how: Store) -> None:
    filesystem = restricted(tmp_path, Right.WRITE_NEW | Right.APPEND)
    break_off(filesystem)
    (tmp_path / "a").write_bytes(b"of bob")
    with pytest.raises(PermanentError, match="553"):
        run_now(filesystem.open_write(P("/a"), how, 5 if how is Store.RESUME else 0))
    (tmp_path / "a").unlink()
    upload = begin(filesystem, "/a", how, 5 if how is Store.RESUME else 0)
    (tmp_path / "a").write_bytes(b"of bob")
    with pytest.raises(FileExistsError):
        run_now(upload.commit())
    assert (tmp_path / "a").read_bytes() == b"of bob"


def test_who_may_only_append_by_now_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    break_off(local(tmp_path))
    for how in (Store.RESUME, Store.APPEND):
        with pytest.raises(PermanentError, match="550"):
            run_now(restricted(tmp_path, Right.APPEND).open_write(P("/a"), how, 0))
    assert (tmp_path / "a").read_bytes() == b"old"
