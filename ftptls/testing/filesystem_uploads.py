"""What every upload must do, as tests; a part of the filesystem contract suite."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import errno
from pathlib import PurePosixPath

from ftptls.errors import PermanentError
from ftptls.interfaces import Store
from ftptls.testing.filesystem_bench import FilesystemBench
from ftptls.wire.entries import Kind


class UploadContract(FilesystemBench):
    """Whole, resumed, appended and new; committed and abandoned at every point."""

    def test_store_a_new_file(self) -> None:
        filesystem = self.make_filesystem({})
        self.store(filesystem, "/a", b"hello")
        assert self.read(filesystem, "/a") == b"hello"
        self.store(filesystem, "/empty", b"")
        assert self.read(filesystem, "/empty") == b""

    def test_store_in_pieces(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        for offset in range(0, 1000, 100):
            self.run(upload.write_at(offset, bytes([offset // 100]) * 100))
        self.run(upload.commit())
        assert self.read(filesystem, "/a") == b"".join(bytes([n]) * 100 for n in range(10))

    def test_open_write_touches_nothing(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        for path, how in (("/a", Store.REPLACE), ("/b", Store.REPLACE), ("/b", Store.APPEND)):
            upload = self.run(filesystem.open_write(PurePosixPath(path), how, 0))
            assert set(self.entries(filesystem)) == {"a"}
            self.run(upload.abandon())
            self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"old"
        assert set(self.entries(filesystem)) == {"a"}

    def test_replace_shows_when_it_is_whole(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old contents"})
        upload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"new"))
        assert upload.in_place is not self.atomic
        if self.atomic or self.prompt:
            assert self.read(filesystem, "/a") == (b"old contents" if self.atomic else b"new")
        assert set(self.entries(filesystem)) == {"a"}
        self.run(upload.commit())
        assert self.read(filesystem, "/a") == b"new"
        assert set(self.entries(filesystem)) == {"a"}

    def test_a_new_file_shows_when_it_is_whole(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"new"))
        assert set(self.entries(filesystem)) == (set() if self.atomic else {"a"})
        self.run(upload.commit())
        assert set(self.entries(filesystem)) == {"a"}

    def test_abandon_leaves_the_old_file_or_the_part(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old contents"})
        upload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"part"))
        self.run(upload.abandon())
        self.run(upload.abandon())
        assert self.read(filesystem, "/a") == (b"old contents" if self.atomic else b"part")
        assert set(self.entries(filesystem)) == {"a"}
        assert self.refusal(upload.write_at(0, b"x")) == errno.EBADF
        assert self.refusal(upload.commit()) == errno.EBADF

    def test_abandon_at_once_after_begin(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        self.run(upload.abandon())
        assert set(self.entries(filesystem)) == (set() if self.atomic else {"a"})

    def test_begin_after_abandon(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.run(filesystem.open_write(PurePosixPath("/a"), Store.REPLACE, 0))
        self.run(upload.abandon())
        assert self.refusal(upload.begin()) == errno.EBADF
        assert self.entries(filesystem) == {}

    def test_steps_out_of_order(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.run(filesystem.open_write(PurePosixPath("/a"), Store.REPLACE, 0))
        assert self.refusal(upload.write_at(0, b"x")) == errno.EBADF
        assert self.refusal(upload.commit()) == errno.EBADF
        self.run(upload.begin())
        assert self.refusal(upload.begin()) == errno.EBADF
        self.run(upload.abandon())

    def test_abandon_after_commit_changes_nothing(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        self.run(upload.write_at(0, b"whole"))
        self.run(upload.commit())
        self.run(upload.commit())
        self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"whole"

    def test_resume(self) -> None:
        if not self.resumes:
            return
        filesystem = self.make_filesystem({"/a": b"0123456789"})
        self.store(filesystem, "/a", b"abcdefgh", Store.RESUME, 5)
        assert self.read(filesystem, "/a") == b"01234abcdefgh"
        self.store(filesystem, "/a", b"!", Store.RESUME, 13)
        assert self.read(filesystem, "/a") == b"01234abcdefgh!"
        self.store(filesystem, "/new", b"x", Store.RESUME, 0)
        assert self.read(filesystem, "/new") == b"x"

    def test_resume_behind_the_end(self) -> None:
        filesystem = self.make_filesystem({"/a": b"0123"})
        for path, offset in (("/a", 5), ("/none", 1)):
            code = 0
            try:
                self.run(filesystem.open_write(PurePosixPath(path), Store.RESUME, offset))
            except PermanentError as error:
                code = error.reply.code
            assert code == 554, path
        assert set(self.entries(filesystem)) == {"a"}

    def test_append(self) -> None:
        if not self.resumes:
            return
        filesystem = self.make_filesystem({"/a": b"0123"})
        upload = self.begin(filesystem, "/a", Store.APPEND)
        assert upload.offset == 4
        self.run(upload.write_at(4, b"45"))
        self.run(upload.commit())
        self.store(filesystem, "/a", b"67", Store.APPEND)
        assert self.read(filesystem, "/a") == b"01234567"
        self.store(filesystem, "/new", b"x", Store.APPEND)
        assert self.read(filesystem, "/new") == b"x"

    def test_without_resuming_only_whole_files_are_stored(self) -> None:
        if self.resumes:
            return
        filesystem = self.make_filesystem({"/a": b"0123", "/empty": b""})
        for how, offset in ((Store.RESUME, 2), (Store.RESUME, 4), (Store.APPEND, 0)):
            refused = False
            try:
                self.run(filesystem.open_write(PurePosixPath("/a"), how, offset))
            except PermanentError:
                refused = True
            assert refused, (how, offset)
        assert self.read(filesystem, "/a") == b"0123"
        for path in ("/new", "/empty"):
            self.store(filesystem, path, b"x", Store.APPEND)
            assert self.read(filesystem, path) == b"x"

    def test_what_is_in_place_keeps_what_arrived(self) -> None:
        if not self.resumes:
            return
        filesystem = self.make_filesystem({"/a": b"0123"})
        for how, offset in ((Store.APPEND, 0), (Store.RESUME, 5)):
            upload = self.begin(filesystem, "/a", how, offset)
            assert upload.in_place
            self.run(upload.write_at(upload.offset, b"+"))
            self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"0123++"

    def test_a_new_file_takes_no_name_that_is_taken(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        assert self.refused_upload(filesystem, "/a", Store.NEW) == errno.EEXIST
        self.store(filesystem, "/b", b"new", Store.NEW)
        assert self.read(filesystem, "/a") == b"old"
        assert self.read(filesystem, "/b") == b"new"
        assert set(self.entries(filesystem)) == {"a", "b"}

    def test_a_name_that_is_taken_before_the_new_file_begins(self) -> None:
        filesystem = self.make_filesystem({})
        upload = self.run(filesystem.open_write(PurePosixPath("/a"), Store.NEW, 0))
        self.store(filesystem, "/a", b"first")
        assert self.refusal(upload.begin()) == errno.EEXIST
        self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"first"

    def test_a_name_that_is_taken_while_the_new_file_comes(self) -> None:
        if not self.atomic:
            return
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a", Store.NEW)
        self.run(upload.write_at(0, b"second"))
        self.store(filesystem, "/a", b"first", Store.NEW)
        assert self.refusal(upload.commit()) == errno.EEXIST
        self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"first"
        assert set(self.entries(filesystem)) == {"a"}

    def test_uploads_that_cannot_begin(self) -> None:
        filesystem = self.make_filesystem({"/a": b"", "/in/": b""})
        for path, number in (
            ("/none/b", errno.ENOENT),
            ("/a/b", errno.ENOTDIR),
            ("/in", errno.EISDIR),
            ("/", errno.EISDIR),
        ):
            for how in Store:
                assert self.refused_upload(filesystem, path, how) == number, (path, how)

    def test_begin_when_the_parent_has_gone(self) -> None:
        filesystem = self.make_filesystem({"/in/": b""})
        upload = self.run(filesystem.open_write(PurePosixPath("/in/a"), Store.REPLACE, 0))
        self.run(filesystem.remove_directory(PurePosixPath("/in")))
        assert self.refusal(upload.begin()) == errno.ENOENT
        self.run(upload.abandon())
        assert self.entries(filesystem) == {}

    def test_commit_when_the_target_became_a_directory(self) -> None:
        if not self.atomic:
            return
        filesystem = self.make_filesystem({})
        upload = self.begin(filesystem, "/a")
        self.run(filesystem.make_directory(PurePosixPath("/a")))
        assert self.refusal(upload.commit()) == errno.EISDIR
        self.run(upload.abandon())
        assert self.entries(filesystem)["a"].kind is Kind.DIRECTORY
        self.run(filesystem.remove_directory(PurePosixPath("/a")))
        assert self.entries(filesystem) == {}

    def test_two_uploads_of_one_name(self) -> None:
        if not self.atomic:
            return
        filesystem = self.make_filesystem({})
        first, second = self.begin(filesystem, "/a"), self.begin(filesystem, "/a")
        self.run(first.write_at(0, b"1111"))
        self.run(second.write_at(0, b"22"))
        self.run(second.commit())
        assert self.read(filesystem, "/a") == b"22"
        self.run(first.commit())
        assert self.read(filesystem, "/a") == b"1111"
        assert set(self.entries(filesystem)) == {"a"}
