"""Several filesystems as one: at the root of each the contract holds."""

from __future__ import annotations

import errno
from collections.abc import Awaitable
from pathlib import PurePosixPath

import pytest

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem, ILinks, IModes, IRealPaths, ISetTimes, Store
from ftptls.testing.filesystem import HardLinksContract, InlineWorkers, RealPathsContract, run_now
from ftptls.vfs.guarantees import LOCAL, MEMORY, MOUNTS
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.mounts import Mounts
from ftptls.vfs.rights import READ_ONLY, Restricted
from ftptls.vfs.subtree import Subtree
from ftptls.wire.entries import Kind
from tests.vfs.calls import names, path, store
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestRootInMemory(MemoryContract):
    guarantees = MOUNTS.of(MEMORY)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Mounts({"/": filesystem})


class TestRootLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = MOUNTS.of(LOCAL)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Mounts({"/": filesystem})


class TestBelow(MemoryContract):
    """What is mounted, seen alone."""

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        mounts = Mounts({"/": MemoryFilesystem(), "/mnt/here": filesystem})
        return Subtree(mounts, PurePosixPath("/mnt/here"))


def refusal(change: Awaitable[object]) -> int:
    try:
        run_now(change)
    except OSError as error:
        return error.errno
    raise AssertionError("not refused")


@pytest.fixture
def base() -> MemoryFilesystem:
    return MemoryFilesystem({"/a": b"base", "/mnt/old": b"hidden", "/mnt/deep/": b""})


@pytest.fixture
def other() -> MemoryFilesystem:
    return MemoryFilesystem({"/b": b"other"})


@pytest.fixture
def mounts(base: MemoryFilesystem, other: MemoryFilesystem) -> Mounts:
    return Mounts({"/": base, "/mnt": other, "/far/away": MemoryFilesystem({"/c": b"far"})})


def test_each_path_is_of_the_filesystem_that_is_mounted_nearest(mounts, base, other):
    assert names(mounts) == ["a", "far", "mnt"]
    assert names(mounts, "/mnt") == ["b"]
    assert names(mounts, "/far") == ["away"]
    assert names(mounts, "/far/away") == ["c"]
    store(mounts, "/mnt/new", b"1")
    store(mounts, "/new", b"2")
    store(mounts, "/far/away/new", b"3")
    assert other.contents() == {"/b": b"other", "/new": b"1"}
    assert base.contents() == {"/a": b"base", "/mnt/old": b"hidden", "/new": b"2"}


def test_what_is_mounted_within_what_is_mounted():
    inner = MemoryFilesystem({"/x": b""})
    mounts = Mounts({"/": MemoryFilesystem(), "/m": MemoryFilesystem(), "/m/in/n": inner})
    assert names(mounts, "/m/in") == ["n"]
    assert names(mounts, "/m/in/n") == ["x"]
    assert run_now(mounts.stat(path("/m/in"))).perm == "el"


@pytest.mark.parametrize("point", ["/mnt", "/far", "/far/away"])
def test_mount_points_stay(mounts, point):
    entry = run_now(mounts.stat(path(point)))
    assert (entry.name, entry.kind) == (point.rpartition("/")[2], Kind.DIRECTORY)
    assert not set("df") & set(entry.perm)
    for change, paths in (
        (mounts.remove_directory, [point]),
        (mounts.rename, [point, "/elsewhere"]),
        (mounts.rename, ["/a", point]),
    ):
        with pytest.raises(PermanentError, match="550"):
            run_now(change(*map(path, paths)))
    with pytest.raises(FileExistsError):
        run_now(mounts.make_directory(path(point)))
    with pytest.raises(IsADirectoryError):
        run_now(mounts.remove_file(path(point)))
    for how in Store:
        with pytest.raises(IsADirectoryError):
            run_now(mounts.open_write(path(point), how, 0))


def test_a_directory_on_the_way_stays(other):
    mounts = Mounts({"/": MemoryFilesystem({"/in/deep/x": b""}), "/in/deep/m": other})
    for way in ("/in", "/in/deep"):
        with pytest.raises(PermanentError, match="550"):
            run_now(mounts.rename(path(way), path("/elsewhere")))
    assert names(mounts, "/in/deep") == ["m", "x"]


def test_nothing_is_renamed_from_one_to_the_other(mounts):
    for source, target in (("/a", "/mnt/a"), ("/mnt/b", "/b"), ("/mnt/b", "/far/away/b")):
        assert refusal(mounts.rename(path(source), path(target))) == errno.EXDEV
    run_now(mounts.rename(path("/mnt/b"), path("/mnt/c")))
    assert names(mounts, "/mnt") == ["c"]


def test_what_one_of_them_cannot_is_refused_there(tmp_path):
    local = LocalFilesystem(tmp_path, InlineWorkers())
    (tmp_path / "file").touch()
    mounts = Mounts({"/": MemoryFilesystem({"/a": b""}), "/disk": local})
    assert all(each.providedBy(mounts) for each in (ISetTimes, IModes, ILinks, IRealPaths))
    run_now(mounts.set_mode(path("/disk/file"), 0o600))
    run_now(mounts.make_link(path("/disk/link"), path("/disk/file")))
    assert run_now(mounts.stat(path("/disk/link"))).mode == 0o600
    assert run_now(mounts.real_path(path("/disk/link"))) == path("/disk/file")
    assert run_now(mounts.real_path(path("/a"))) == path("/a")
    assert refusal(mounts.set_group(path("/a"), "0")) == errno.EOPNOTSUPP
    assert refusal(mounts.make_link(path("/l"), path("/a"))) == errno.EOPNOTSUPP
    assert refusal(mounts.make_link(path("/disk/l"), path("/a"))) == errno.EXDEV
    assert refusal(mounts.add_name(path("/disk/file"), path("/b"))) == errno.EXDEV
    assert refusal(mounts.add_name(path("/a"), path("/disk"))) == errno.EEXIST
    assert refusal(mounts.add_name(path("/a"), path("/b"))) == errno.EOPNOTSUPP
    assert refusal(mounts.make_link(path("/disk"), path("/disk/file"))) == errno.EEXIST


def test_targets_of_links_are_told_as_they_are_among_all(tmp_path):
    (tmp_path / "link").symlink_to("/not/there")
    mounts = Mounts({"/": MemoryFilesystem(), "/disk": LocalFilesystem(tmp_path, InlineWorkers())})
    assert run_now(mounts.stat(path("/disk/link"))).target == "/disk/not/there"


def test_files_of_two_filesystems_are_not_one_file(tmp_path):
    (tmp_path / "a").touch()
    local = LocalFilesystem(tmp_path, InlineWorkers())
    mounts = Mounts({"/": local, "/again": local})
    one, two = (run_now(mounts.stat(path(each))).unique for each in ("/a", "/again/a"))
    assert one
    assert two
    assert one != two


def test_one_of_them_may_be_read_only(base, other):
    mounts = Mounts({"/": base, "/mnt": Restricted(other, READ_ONLY)})
    with pytest.raises(PermanentError, match="550"):
        store(mounts, "/mnt/x", b"")
    store(mounts, "/x", b"")


def test_a_umask_is_for_all_that_have_one(mounts):
    other = mounts.with_umask(0o077)
    assert (mounts.umask, other.umask) == (0o022, 0o077)
    for where in ("/x", "/mnt/x", "/far/away/x"):
        store(other, where, b"")
        assert run_now(mounts.stat(path(where))).mode == 0o600


@pytest.mark.parametrize("wrong", ["mnt", "/mnt/", "//mnt", "/a/../b", "/..", "/a/./b", ""])
def test_paths_that_are_not_clean_are_refused(base, wrong):
    with pytest.raises(ValueError, match="clean absolute path"):
        Mounts({"/": base, wrong: base})


def test_there_must_be_a_root(base):
    with pytest.raises(ValueError, match="nothing is mounted at /"):
        Mounts({"/mnt": base})
