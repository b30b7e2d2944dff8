"""What a filesystem must do that keeps what arrived of uploads that broke off, as tests."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import errno
from pathlib import PurePosixPath
from typing import Any

from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem, IKeepsPart, IResumable, Store
from ftptls.testing.filesystem_bench import FilesystemBench


class ResumableContract(FilesystemBench):
    """Of a provider of :class:`~ftptls.interfaces.IResumable`."""

    def break_off(
        self,
        filesystem: IFilesystem,
        path: str,
        data: bytes,
        how: Store = Store.REPLACE,
        offset: int = 0,
    ) -> int:
        """Upload a part, and no more; returns how much is kept."""
        upload: Any = self.begin(filesystem, path, how, offset)
        assert verifyObject(IKeepsPart, upload)
        self.run(upload.write_at(upload.offset, data))
        kept: int = self.run(upload.keep())
        return kept

    def arrived(self, filesystem: Any, path: str) -> int | None:
        """What is kept of an upload of a file."""
        octets: int | None = self.run(filesystem.arrived(PurePosixPath(path)))
        return octets

    def test_it_tells_how_far_an_upload_came(self) -> None:
        filesystem = self.make_filesystem({"/in/a": b"old"})
        assert verifyObject(IResumable, filesystem)
        for path in ("/in/a", "/in/new"):
            assert self.arrived(filesystem, path) is None
            assert self.break_off(filesystem, path, b"01234") == 5
            assert self.arrived(filesystem, path) == 5

    def test_a_part_is_no_file(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        self.break_off(filesystem, "/a", b"01234")
        self.break_off(filesystem, "/new", b"01234")
        assert {name: each.size for name, each in self.entries(filesystem).items()} == {"a": 3}
        assert self.read(filesystem, "/a") == b"old"
        assert self.refusal(filesystem.stat(PurePosixPath("/new"))) == errno.ENOENT
        assert self.refusal(filesystem.open_read(PurePosixPath("/new"))) == errno.ENOENT

    def test_an_upload_that_goes_on_becomes_the_file(self) -> None:
        for how, offset in ((Store.RESUME, 5), (Store.APPEND, 0), (Store.NEW, 5)):
            content = {} if how is Store.NEW else {"/a": b"old, and longer than that"}
            filesystem = self.make_filesystem(content)
            self.break_off(filesystem, "/a", b"01234")
            upload = self.begin(filesystem, "/a", how, offset)
            assert upload.offset == 5
            assert not upload.in_place
            self.run(upload.write_at(5, b"567"))
            assert set(self.entries(filesystem)) == {path[1:] for path in content}
            self.run(upload.commit())
            assert self.read(filesystem, "/a") == b"01234567"
            assert self.arrived(filesystem, "/a") is None
            assert set(self.entries(filesystem)) == {"a"}

    def test_it_may_break_off_again_and_again(self) -> None:
        filesystem = self.make_filesystem({})
        self.break_off(filesystem, "/a", b"0")
        for digit in range(1, 10):
            self.break_off(filesystem, "/a", str(digit).encode(), Store.RESUME, digit)
        self.store(filesystem, "/a", b"!", Store.APPEND)
        assert self.read(filesystem, "/a") == b"0123456789!"

    def test_it_may_go_on_before_the_end_and_nothing_is_left_behind_it(self) -> None:
        filesystem = self.make_filesystem({})
        self.break_off(filesystem, "/a", b"0123456789")
        self.store(filesystem, "/a", b"abc", Store.RESUME, 2)
        assert self.read(filesystem, "/a") == b"01abc"

    def test_it_leaves_no_hole(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old, and longer"})
        self.break_off(filesystem, "/a", b"01234")
        for how in (Store.RESUME, Store.NEW):
            code = 0
            try:
                self.run(filesystem.open_write(PurePosixPath("/b"), how, 6))
            except PermanentError as error:
                code = error.reply.code
            assert code == 554, how
        code = 0
        try:
            self.run(filesystem.open_write(PurePosixPath("/a"), Store.RESUME, 6))
        except PermanentError as error:
            code = error.reply.code
        assert code == 554
        assert self.arrived(filesystem, "/a") == 5

    def test_a_whole_upload_starts_anew(self) -> None:
        filesystem = self.make_filesystem({})
        self.break_off(filesystem, "/a", b"0123456789")
        upload = self.begin(filesystem, "/a")
        assert self.arrived(filesystem, "/a") is None
        self.run(upload.write_at(0, b"new"))
        self.run(upload.commit())
        assert self.read(filesystem, "/a") == b"new"
        assert self.arrived(filesystem, "/a") is None

    def test_what_is_abandoned_is_not_kept(self) -> None:
        filesystem: Any = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"part"))
        self.run(upload.abandon())
        assert self.arrived(filesystem, "/a") is None
        for step in ("keep", "abandon", "keep"):
            assert not self.run(getattr(upload, step)())
        assert self.arrived(filesystem, "/a") is None

    def test_nothing_is_kept_of_nothing(self) -> None:
        filesystem: Any = self.make_filesystem({})
        assert self.break_off(filesystem, "/a", b"") == 0
        upload: Any = self.run(filesystem.open_write(PurePosixPath("/a"), Store.REPLACE, 0))
        assert self.run(upload.keep()) == 0
        assert self.refusal(upload.begin()) == errno.EBADF
        assert self.arrived(filesystem, "/a") is None

    def test_a_whole_file_is_not_kept(self) -> None:
        filesystem = self.make_filesystem({})
        upload: Any = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"whole"))
        self.run(upload.commit())
        assert self.run(upload.keep()) == 0
        assert self.read(filesystem, "/a") == b"whole"
        assert self.arrived(filesystem, "/a") is None

    def test_a_new_file_that_goes_on_takes_no_name_that_is_taken(self) -> None:
        filesystem = self.make_filesystem({"/other": b"first"})
        self.break_off(filesystem, "/a", b"01234", Store.NEW)
        upload = self.begin(filesystem, "/a", Store.NEW, 5)
        self.run(filesystem.rename(PurePosixPath("/other"), PurePosixPath("/a")))
        assert self.refusal(upload.commit()) == errno.EEXIST
        assert self.read(filesystem, "/a") == b"first"

    def test_two_uploads_of_one_name_do_not_mix(self) -> None:
        filesystem: Any = self.make_filesystem({})
        first: Any = self.begin(filesystem, "/a")
        second: Any = self.begin(filesystem, "/a")
        self.run(first.write_at(0, b"1111"))
        self.run(second.write_at(0, b"22"))
        self.run(second.commit())
        assert self.read(filesystem, "/a") == b"22"
        self.run(first.commit())
        assert self.read(filesystem, "/a") == b"1111"
        assert set(self.entries(filesystem)) == {"a"}

    def test_deleting_the_file_forgets_what_arrived(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        for path in ("/a", "/new"):
            self.break_off(filesystem, path, b"01234")
            self.run(filesystem.remove_file(PurePosixPath(path)))
            assert self.arrived(filesystem, path) is None
            assert self.refusal(filesystem.remove_file(PurePosixPath(path))) == errno.ENOENT

    def test_a_directory_of_nothing_but_parts_can_be_removed(self) -> None:
        filesystem = self.make_filesystem({"/in/": b""})
        self.break_off(filesystem, "/in/a", b"01234")
        assert self.entries(filesystem, "/in") == {}
        self.run(filesystem.remove_directory(PurePosixPath("/in")))
        assert self.entries(filesystem) == {}
