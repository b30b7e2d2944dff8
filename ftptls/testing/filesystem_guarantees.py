"""What is told of a filesystem in the table of guarantees must be so, as tests."""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

from dataclasses import fields
from pathlib import PurePosixPath

from ftptls.interfaces import Store
from ftptls.testing.filesystem_attributes import OPTIONAL
from ftptls.testing.filesystem_bench import FilesystemBench

_A, _B = PurePosixPath("/a"), PurePosixPath("/b")


class GuaranteesContract(FilesystemBench):
    """A row of the table, and what no other test shows of it."""

    def test_what_is_told_of_it_is_so(self) -> None:
        told = self.guarantees
        if told is None:
            return
        for each in fields(told):
            if each.name not in ("name", "provides"):
                assert getattr(told, each.name) == getattr(self, each.name), each.name
        filesystem = self.make_filesystem({})
        assert told.provides == {each for each in OPTIONAL if each.providedBy(filesystem)}

    def test_case(self) -> None:
        filesystem = self.make_filesystem({"/in/Name": b"x"})
        found = True
        try:
            self.run(filesystem.stat(PurePosixPath("/IN/nAME")))
        except FileNotFoundError:
            found = False
        assert found == self.folds_case

    def test_what_is_renamed_is_the_same_file_or_a_copy(self) -> None:
        filesystem = self.make_filesystem({"/a": b"x"})
        before = self.run(filesystem.stat(_A)).unique
        self.run(filesystem.rename(_A, _B))
        after = self.run(filesystem.stat(_B)).unique
        assert (before == after != "") == self.renames_at_once

    def test_a_crash(self) -> None:
        filesystem = self.make_filesystem({})
        self.store(filesystem, "/a", b"whole")
        uploads = [self.begin(filesystem, path) for path in ("/a", "/b")]
        for upload in uploads:
            self.run(upload.write_at(0, b"part"))
        again = self.restart(filesystem)
        assert (again is not None) == self.lasts
        if again is not None:
            assert set(self.entries(again)) == ({"a"} if self.atomic else {"a", "b"})
            if self.atomic or self.prompt:
                assert self.read(again, "/a") == (b"whole" if self.atomic else b"part")
            self.store(again, "/b", b"new", Store.REPLACE)
            assert self.read(again, "/b") == b"new"
        for upload in uploads:
            self.run(upload.abandon())
