"""What a filesystem with optional interfaces must do, as tests: one class for each interface.

A test class names those its filesystem provides; the contract suite fails where it does not.
"""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import errno
import os
from pathlib import PurePosixPath
from typing import Any

from zope.interface import Interface
from zope.interface.verify import verifyObject

from ftptls.interfaces import (
    IGroups,
    IHardLinks,
    ILinks,
    ILocalPaths,
    IModes,
    IRealPaths,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
)
from ftptls.testing.filesystem_bench import FilesystemBench
from ftptls.testing.filesystem_resuming import ResumableContract
from ftptls.wire.entries import Entry

_A, _IN, _ROOT = PurePosixPath("/a"), PurePosixPath("/in"), PurePosixPath("/")
_NOWHERE = (
    (PurePosixPath("/none"), errno.ENOENT),
    (PurePosixPath("/none/x"), errno.ENOENT),
    (PurePosixPath("/a/x"), errno.ENOTDIR),
    (PurePosixPath("/nul\0"), errno.EINVAL),
    (PurePosixPath("/", "n" * 256), errno.ENAMETOOLONG),
)
_TIMES = (
    1026936435.0,
    0.0,
    1.5,
    1026936435.123456,
    -86400.0,  # before 1970
    -1.25,
    2**31 + 0.5,  # behind what 32 bits hold
    4102444800.0,
)


class AttributesBench(FilesystemBench):
    """Something to change: a file ``/a`` and a directory ``/in``."""

    def make_two(self) -> Any:
        return self.make_filesystem({"/a": b"12345", "/in/b": b""})

    def look(self, filesystem: Any, path: PurePosixPath) -> Entry:
        entry: Entry = self.run(filesystem.stat(path))
        return entry


class SetTimesContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.ISetTimes`."""

    def test_times_can_be_set(self) -> None:
        filesystem = self.make_two()
        verifyObject(ISetTimes, filesystem)
        for path in (_A, _IN, _ROOT):
            for modified in _TIMES:
                self.run(filesystem.set_times(path, modified))
                assert abs(self.look(filesystem, path).modified - modified) < 1e-6
                self.run(filesystem.set_times(path, modified + 60, 1000.0))
                assert abs(self.look(filesystem, path).modified - modified - 60) < 1e-6
        assert self.read(filesystem, "/a") == b"12345"

    def test_times_of_what_is_not_there(self) -> None:
        filesystem = self.make_two()
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.set_times(path, 0.0)) == number, path


class SetCreatedContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.ISetCreated`."""

    def test_when_it_was_created_can_be_set(self) -> None:
        filesystem = self.make_two()
        verifyObject(ISetCreated, filesystem)
        for path in (_A, _IN):
            before = self.look(filesystem, path)
            for created in _TIMES:
                self.run(filesystem.set_created(path, created))
                entry = self.look(filesystem, path)
                assert entry.created is not None
                assert abs(entry.created - created) < 1e-6
                assert entry.modified == before.modified

    def test_creation_of_what_is_not_there(self) -> None:
        filesystem = self.make_two()
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.set_created(path, 0.0)) == number, path


class ModesContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.IModes`."""

    def test_modes_can_be_set(self) -> None:
        filesystem = self.make_two()
        verifyObject(IModes, filesystem)
        for path in (_A, _IN):
            for mode in (0o600, 0o755, 0o777, 0o640, 0o000, 0o700):
                self.run(filesystem.set_mode(path, mode))
                assert self.look(filesystem, path).mode == mode

    def test_a_mode_survives_a_new_upload(self) -> None:
        filesystem = self.make_two()
        self.run(filesystem.set_mode(_A, 0o640))
        self.store(filesystem, "/a", b"new")
        assert self.look(filesystem, _A).mode == 0o640

    def test_special_bits_are_refused(self) -> None:
        filesystem = self.make_two()
        before = self.look(filesystem, _A).mode
        for mode in (0o4755, 0o2755, 0o1755, 0o7777, 0o10644, -1):
            assert self.refusal(filesystem.set_mode(_A, mode)) == errno.EINVAL
        assert self.look(filesystem, _A).mode == before

    def test_mode_of_what_is_not_there(self) -> None:
        filesystem = self.make_two()
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.set_mode(path, 0o644)) == number, path


class UmaskContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.IUmask`."""

    def test_another_umask_is_for_new_names_only(self) -> None:
        filesystem = self.make_two()
        verifyObject(IUmask, filesystem)
        before, umask = self.look(filesystem, _A).mode, filesystem.umask
        other = filesystem.with_umask(0o077)
        verifyObject(IUmask, other)
        assert (filesystem.umask, other.umask) == (umask, 0o077)
        self.store(other, "/new", b"x")
        self.run(other.make_directory(PurePosixPath("/made")))
        assert self.look(filesystem, PurePosixPath("/new")).mode == 0o600
        assert self.look(filesystem, PurePosixPath("/made")).mode & 0o777 == 0o700
        assert self.look(other, _A).mode == before
        self.store(filesystem, "/usual", b"x")
        assert self.look(other, PurePosixPath("/usual")).mode == 0o666 & ~umask


class GroupsContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.IGroups`."""

    def test_a_file_may_stay_in_its_group(self) -> None:
        filesystem = self.make_two()
        verifyObject(IGroups, filesystem)
        for path in (_A, _IN):
            before = self.look(filesystem, path)
            for group in (before.group, str(before.gid)):
                self.run(filesystem.set_group(path, group))
                entry = self.look(filesystem, path)
                assert (entry.gid, entry.uid) == (before.gid, before.uid)

    def test_group_of_what_is_not_there(self) -> None:
        filesystem = self.make_two()
        group = self.look(filesystem, _A).group
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.set_group(path, group)) == number, path


class LinksContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.ILinks`."""

    def test_links_lead_where_they_were_told_to(self) -> None:
        content = {"/a": b"at the top", "/in/deep/b": b"deep", "/on/": b""}
        filesystem: Any = self.make_filesystem(content)
        verifyObject(ILinks, filesystem)
        for path, target, found in (
            ("/link", "/a", b"at the top"),
            ("/in/link", "/a", b"at the top"),
            ("/in/deep/link", "/in/deep/b", b"deep"),
            ("/on/link", "/in/deep/b", b"deep"),
            ("/on/again", "/on/link", b"deep"),
        ):
            self.run(filesystem.make_link(PurePosixPath(path), PurePosixPath(target)))
            assert self.read(filesystem, path) == found

    def test_links_to_directories_and_to_the_root(self) -> None:
        filesystem: Any = self.make_filesystem({"/in/deep/b": b"deep"})
        self.run(filesystem.make_link(PurePosixPath("/to"), PurePosixPath("/in/deep")))
        self.run(filesystem.make_link(PurePosixPath("/to/top"), _ROOT))
        assert self.read(filesystem, "/to/top/to/b") == b"deep"
        self.run(filesystem.make_link(PurePosixPath("/to/up"), PurePosixPath("/in/deep/b")))
        assert self.read(filesystem, "/in/deep/up") == b"deep"

    def test_a_link_may_lead_nowhere_and_can_be_removed(self) -> None:
        filesystem = self.make_two()
        link = PurePosixPath("/link")
        self.run(filesystem.make_link(link, PurePosixPath("/not/yet")))
        assert self.refusal(filesystem.open_read(link)) == errno.ENOENT
        self.run(filesystem.remove_file(link))
        assert set(self.entries(filesystem)) == {"a", "in"}

    def test_links_that_cannot_be_made(self) -> None:
        filesystem = self.make_two()
        for path, number in ((_A, errno.EEXIST), (_IN, errno.EEXIST), (_ROOT, errno.EEXIST)):
            assert self.refusal(filesystem.make_link(path, _A)) == number, path
        for path, number in _NOWHERE[1:]:
            assert self.refusal(filesystem.make_link(path, _A)) == number, path
        assert self.refusal(filesystem.make_link(PurePosixPath("/l"), PurePosixPath("/\0")))


class HardLinksContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.IHardLinks`."""

    def test_a_file_has_two_names(self) -> None:
        filesystem = self.make_two()
        verifyObject(IHardLinks, filesystem)
        self.run(filesystem.add_name(_A, _IN / "other"))
        assert self.look(filesystem, _A).unique == self.look(filesystem, _IN / "other").unique
        self.run(filesystem.remove_file(_A))
        assert self.read(filesystem, "/in/other") == b"12345"

    def test_what_replaces_one_name_leaves_the_other(self) -> None:
        filesystem = self.make_two()
        self.run(filesystem.add_name(_A, _IN / "other"))
        self.run(filesystem.rename(_IN / "b", _A))
        assert self.read(filesystem, "/in/other") == b"12345"

    def test_names_that_cannot_be_added(self) -> None:
        filesystem = self.make_two()
        assert self.refusal(filesystem.add_name(_A, _IN / "b")) == errno.EEXIST
        assert self.refusal(filesystem.add_name(_A, _ROOT)) == errno.EEXIST
        for path in (_IN, _ROOT):
            assert self.refusal(filesystem.add_name(path, _IN / "c")) == errno.EISDIR
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.add_name(path, _IN / "c")) == number, path
        for path, number in _NOWHERE[1:]:
            assert self.refusal(filesystem.add_name(_A, path)) == number, path
        assert set(self.entries(filesystem, "/in")) == {"b"}


class SpaceContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.ISpace`."""

    def test_there_is_room(self) -> None:
        filesystem = self.make_two()
        verifyObject(ISpace, filesystem)
        for path in (_ROOT, _IN):
            assert self.run(filesystem.available(path)) > 0

    def test_room_is_in_directories(self) -> None:
        filesystem = self.make_two()
        assert self.refusal(filesystem.available(_A)) == errno.ENOTDIR
        for path, number in _NOWHERE:
            assert self.refusal(filesystem.available(path)) == number, path


class RealPathsContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.IRealPaths`, without links."""

    def test_a_path_without_links_is_its_own(self) -> None:
        filesystem = self.make_two()
        verifyObject(IRealPaths, filesystem)
        for path in (_ROOT, _A, _IN, _IN / "b", _IN / "not yet"):
            assert self.run(filesystem.real_path(path)) == path

    def test_the_same_files_without_links(self) -> None:
        filesystem = self.make_two()
        plain = filesystem.without_links()
        assert self.read(plain, "/a") == b"12345"
        self.store(plain, "/in/c", b"new")
        assert self.read(filesystem, "/in/c") == b"new"

    def test_real_paths_that_are_not_there(self) -> None:
        filesystem = self.make_two()
        for path, number in _NOWHERE[1:]:
            assert self.refusal(filesystem.real_path(path)) == number, path


class LocalPathsContract(AttributesBench):
    """Of a provider of :class:`~ftptls.interfaces.ILocalPaths`."""

    def test_files_are_on_the_disk(self) -> None:
        filesystem = self.make_two()
        verifyObject(ILocalPaths, filesystem)
        for path in (_ROOT, _A, _IN, _IN / "b"):
            assert os.path.exists(self.run(filesystem.local_path(path))), path
        place = self.run(filesystem.local_path(_IN / "not yet"))
        assert not os.path.exists(place)
        self.store(filesystem, "/in/not yet", b"new")
        assert os.path.exists(place)


OPTIONAL: dict[type[Interface], type] = {
    ISetTimes: SetTimesContract,
    ISetCreated: SetCreatedContract,
    IModes: ModesContract,
    IUmask: UmaskContract,
    IGroups: GroupsContract,
    ILinks: LinksContract,
    IHardLinks: HardLinksContract,
    ISpace: SpaceContract,
    IResumable: ResumableContract,
    IRealPaths: RealPathsContract,
    ILocalPaths: LocalPathsContract,
}
"""The tests of each optional interface."""
