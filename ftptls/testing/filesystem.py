"""What every filesystem must do, as tests: mix :class:`FilesystemContract` into a test class.

Further contracts are for the optional interfaces; name those that yours provides::

    class TestMine(FilesystemContract, SetTimesContract):
        def make_filesystem(self, content):
            return Mine(content)
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import PurePosixPath

from zope.interface.verify import verifyObject

from ftptls.errors import TransientError
from ftptls.interfaces import IFileReader, IFilesystem, IUpload
from ftptls.testing.filesystem_attributes import (
    OPTIONAL,
    GroupsContract,
    HardLinksContract,
    LinksContract,
    LocalPathsContract,
    ModesContract,
    RealPathsContract,
    SetCreatedContract,
    SetTimesContract,
    SpaceContract,
    UmaskContract,
)
from ftptls.testing.filesystem_bench import FilesystemBench, InlineWorkers
from ftptls.testing.filesystem_cancelling import CancellingContract, FailingContract
from ftptls.testing.filesystem_concurrency import ConcurrencyContract, PressureContract
from ftptls.testing.filesystem_guarantees import GuaranteesContract
from ftptls.testing.filesystem_resuming import ResumableContract
from ftptls.testing.filesystem_uploads import UploadContract
from ftptls.testing.stepping import OnWorkers, SteppedWorkers, run_now
from ftptls.vfs.scanning import through
from ftptls.wire.entries import Entry, Kind

__all__ = [
    "FilesystemContract",
    "GroupsContract",
    "HardLinksContract",
    "InlineWorkers",
    "LinksContract",
    "LocalPathsContract",
    "ModesContract",
    "OnWorkers",
    "RealPathsContract",
    "ResumableContract",
    "SetCreatedContract",
    "SetTimesContract",
    "SpaceContract",
    "SteppedWorkers",
    "UmaskContract",
    "run_now",
]


class ReadingContract(FilesystemBench):
    """What is there, and what is in it."""

    def test_it_provides_the_interface(self) -> None:
        filesystem = self.make_filesystem({"/a": b"x"})
        verifyObject(IFilesystem, filesystem)
        verifyObject(IFileReader, self.run(filesystem.open_read(PurePosixPath("/a"))))
        verifyObject(IUpload, self.begin(filesystem, "/b"))

    def test_what_else_it_provides_is_tested(self) -> None:
        filesystem = self.make_filesystem({})
        provided = {each for each in OPTIONAL if each.providedBy(filesystem)}
        assert provided == {each for each in OPTIONAL if isinstance(self, OPTIONAL[each])}

    def test_stat_of_a_file(self) -> None:
        filesystem = self.make_filesystem({"/in/a.txt": b"hello"})
        entry = self.run(filesystem.stat(PurePosixPath("/in/a.txt")))
        assert (entry.name, entry.kind, entry.size) == ("a.txt", Kind.FILE, 5)
        assert set(entry.perm) == set(self.letters[Kind.FILE])
        assert entry.modified > 0

    def test_stat_of_a_directory_and_of_the_root(self) -> None:
        filesystem = self.make_filesystem({"/in/": b""})
        entry = self.run(filesystem.stat(PurePosixPath("/in")))
        assert (entry.name, entry.kind) == ("in", Kind.DIRECTORY)
        assert set(entry.perm) == set(self.letters[Kind.DIRECTORY])
        root = self.run(filesystem.stat(PurePosixPath("/")))
        assert (root.name, root.kind) == ("/", Kind.DIRECTORY)
        assert set(root.perm) == set(self.letters[Kind.DIRECTORY]) - set("df")

    def test_stat_of_what_is_not_there(self) -> None:
        filesystem = self.make_filesystem({"/a": b""})
        assert self.refusal(filesystem.stat(PurePosixPath("/b"))) == errno.ENOENT
        assert self.refusal(filesystem.stat(PurePosixPath("/b/c"))) == errno.ENOENT
        assert self.refusal(filesystem.stat(PurePosixPath("/a/c"))) == self.below_a_file

    def test_scan(self) -> None:
        filesystem = self.make_filesystem({"/a": b"1", "/in/b": b"22", "/in/c/": b""})
        assert {name: e.kind for name, e in self.entries(filesystem).items()} == {
            "a": Kind.FILE,
            "in": Kind.DIRECTORY,
        }
        inner = self.entries(filesystem, "/in")
        assert set(inner) == {"b", "c"}
        assert inner["b"].size == 2
        assert self.entries(filesystem, "/in/c") == {}

    def test_scan_says_what_stat_says(self) -> None:
        filesystem = self.make_filesystem({"/in/b": b"22", "/in/c/": b""})
        for name, entry in self.entries(filesystem, "/in").items():
            assert entry == self.run(filesystem.stat(PurePosixPath("/in", name)))

    def test_scan_of_many_comes_in_batches(self) -> None:
        names = {f"file-{number:05}" for number in range(1234)}
        filesystem = self.make_filesystem({f"/many/{name}": b"" for name in names})

        async def sizes() -> list[int]:
            return [len(batch) async for batch in filesystem.scan(PurePosixPath("/many"))]

        batches = self.run(sizes())
        assert sum(batches) == 1234
        assert len(batches) > 1
        assert set(self.entries(filesystem, "/many")) == names
        self._check_what_is_made_of_batches(filesystem, names)

    def _check_what_is_made_of_batches(self, filesystem: IFilesystem, names: set[str]) -> None:
        """Where they were read, if that can be (IBatches), or here: it comes to the same."""
        made: list[list[str]] = []

        def names_of(entries: Sequence[Entry]) -> list[str]:
            return [each.name for each in entries]

        def fail_later(entries: Sequence[Entry]) -> list[str]:
            if made:
                raise OSError(errno.EDOM, os.strerror(errno.EDOM))
            return names_of(entries)

        async def make(
            make: Callable[[Sequence[Entry]], list[str]], *, names_only: bool = False
        ) -> None:
            batches = filesystem.scan(PurePosixPath("/many"))
            async for each in through(batches, make, names_only=names_only):
                made.append(each)

        for names_only in (False, True):
            self.run(make(names_of, names_only=names_only))
            assert all(made)
            assert sorted(name for piece in made for name in piece) == sorted(names)
            made.clear()
        assert self.refusal(make(fail_later)) == errno.EDOM
        assert len(made) == 1

    def test_scan_may_be_dropped_half_way(self) -> None:
        filesystem = self.make_filesystem({f"/{number}": b"" for number in range(600)})

        async def first() -> int:
            async for batch in filesystem.scan(PurePosixPath("/")):
                return len(batch)
            return 0

        assert self.run(first()) > 0

    def test_scan_while_names_vanish(self) -> None:
        filesystem = self.make_filesystem({f"/{number}": b"" for number in range(1100)})

        async def scan() -> list[int]:
            found: list[int] = []
            async for batch in filesystem.scan(PurePosixPath("/")):
                if not found:
                    for number in range(1100):
                        await filesystem.remove_file(PurePosixPath(f"/{number}"))
                found.append(len(batch))
            return found

        first, *rest = self.run(scan())
        assert 0 < first <= 1100
        # What was not asked for yet was not read yet.
        assert sum(rest) == (0 if self.scans_lazily else 1100 - first)

    def test_scan_of_no_directory(self) -> None:
        filesystem = self.make_filesystem({"/a": b""})

        async def scan(path: str) -> None:
            async for _ in filesystem.scan(PurePosixPath(path)):
                pass

        assert self.refusal(scan("/a")) == errno.ENOTDIR
        assert self.refusal(scan("/b")) == errno.ENOENT

    def test_read_by_offset_and_past_the_end(self) -> None:
        filesystem = self.make_filesystem({"/a": b"0123456789"})
        reader = self.run(filesystem.open_read(PurePosixPath("/a")))
        assert reader.size == 10
        assert self.run(reader.read_at(3, 4)) == b"3456"
        assert self.run(reader.read_at(8, 100)) == b"89"
        assert self.run(reader.read_at(10, 100)) == b""
        assert self.run(reader.read_at(2**40, 1)) == b""
        self.run(reader.close())
        self.run(reader.close())
        assert self.refusal(reader.read_at(0, 1)) == errno.EBADF

    def test_read_of_no_file(self) -> None:
        filesystem = self.make_filesystem({"/a": b"", "/in/": b""})
        for path, number in (
            ("/b", errno.ENOENT),
            ("/a/b", self.below_a_file),
            ("/in", errno.EISDIR),
            ("/", errno.EISDIR),
        ):
            assert self.refusal(filesystem.open_read(PurePosixPath(path))) == number, path

    def test_a_reader_keeps_the_file_it_opened(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        reader = self.run(filesystem.open_read(PurePosixPath("/a")))
        self.run(filesystem.remove_file(PurePosixPath("/a")))
        self.store(filesystem, "/a", b"new")
        if self.keeps_what_is_opened:
            assert self.run(reader.read_at(0, 10)) == b"old"
        else:
            code = 0
            try:
                self.run(reader.read_at(0, 10))
            except TransientError as error:
                code = error.reply.code
            assert code == 450
        self.run(reader.close())


class NamesContract(FilesystemBench):
    """Directories are made, names given and taken, and odd ones survive."""

    def test_make_and_remove_a_directory(self) -> None:
        filesystem = self.make_filesystem({})
        self.run(filesystem.make_directory(PurePosixPath("/in")))
        self.run(filesystem.make_directory(PurePosixPath("/in/deep")))
        assert self.entries(filesystem, "/in")["deep"].kind is Kind.DIRECTORY
        self.run(filesystem.remove_directory(PurePosixPath("/in/deep")))
        assert self.entries(filesystem, "/in") == {}

    def test_directories_that_cannot_be_made(self) -> None:
        filesystem = self.make_filesystem({"/a": b"", "/in/": b""})
        for path, number in (
            ("/a", errno.EEXIST),
            ("/in", errno.EEXIST),
            ("/", errno.EEXIST),
            ("/none/b", errno.ENOENT),
            ("/a/b", errno.ENOTDIR),
        ):
            assert self.refusal(filesystem.make_directory(PurePosixPath(path))) == number, path

    def test_directories_that_cannot_be_removed(self) -> None:
        filesystem = self.make_filesystem({"/a": b"", "/in/b": b""})
        for path, number in (
            ("/a", errno.ENOTDIR),
            ("/in", errno.ENOTEMPTY),
            ("/", errno.EPERM),
            ("/none", errno.ENOENT),
        ):
            assert self.refusal(filesystem.remove_directory(PurePosixPath(path))) == number, path

    def test_remove_a_file(self) -> None:
        filesystem = self.make_filesystem({"/a": b"", "/in/b": b""})
        self.run(filesystem.remove_file(PurePosixPath("/in/b")))
        assert self.entries(filesystem, "/in") == {}
        for path, number in (
            ("/in", errno.EISDIR),
            ("/", errno.EISDIR),
            ("/none", errno.ENOENT),
            ("/a/b", errno.ENOTDIR),
        ):
            assert self.refusal(filesystem.remove_file(PurePosixPath(path))) == number, path

    def test_rename(self) -> None:
        filesystem = self.make_filesystem({"/a": b"1", "/b": b"2", "/in/deep/c": b"3", "/e/": b""})

        def rename(source: str, target: str) -> Awaitable[None]:
            return filesystem.rename(PurePosixPath(source), PurePosixPath(target))

        self.run(rename("/a", "/in/a"))
        self.run(rename("/in/a", "/b"))
        assert self.read(filesystem, "/b") == b"1"
        self.run(rename("/b", "/b"))
        self.run(rename("/in", "/e"))
        assert self.read(filesystem, "/e/deep/c") == b"3"
        assert set(self.entries(filesystem)) == {"b", "e"}

    def test_renames_that_are_refused(self) -> None:
        filesystem = self.make_filesystem({"/a": b"1", "/in/b": b"2", "/full/c": b"3"})
        for source, target, number in (
            ("/none", "/x", errno.ENOENT),
            ("/a", "/none/x", errno.ENOENT),
            ("/a", "/a/x", errno.ENOTDIR),
            ("/a", "/in", errno.EISDIR),
            ("/in", "/a", errno.ENOTDIR),
            ("/in", "/full", errno.ENOTEMPTY),
            ("/in", "/in/x", errno.EINVAL),
            ("/", "/x", errno.EPERM),
            ("/a", "/", errno.EPERM),
        ):
            change = filesystem.rename(PurePosixPath(source), PurePosixPath(target))
            assert self.refusal(change) == number, (source, target)
        assert set(self.entries(filesystem)) == {"a", "in", "full"}

    def test_hostile_names(self) -> None:
        filesystem = self.make_filesystem({})
        for number, name in enumerate(self.hostile_names):
            self.store(filesystem, f"/{name}", str(number).encode())
        assert set(self.entries(filesystem)) == set(self.hostile_names)
        for number, name in enumerate(self.hostile_names):
            path = PurePosixPath("/", name)
            assert self.run(filesystem.stat(path)).name == name
            assert self.read(filesystem, f"/{name}") == str(number).encode()
            self.run(filesystem.rename(path, PurePosixPath("/plain")))
            self.run(filesystem.rename(PurePosixPath("/plain"), path))
            self.run(filesystem.remove_file(path))
            self.run(filesystem.make_directory(path))
            assert self.entries(filesystem, f"/{name}") == {}
            self.run(filesystem.remove_directory(path))
        assert self.entries(filesystem) == {}

    def test_names_that_cannot_be(self) -> None:
        filesystem = self.make_filesystem({"/a": b""})
        for name, number in (
            ("n" * 256, errno.ENAMETOOLONG),
            ("\u00e9" * 128, errno.ENAMETOOLONG),
            ("nul\0", errno.EINVAL),
            ("half a pair \ud800", errno.EINVAL),
            ("..", errno.EINVAL),
        ):
            path = PurePosixPath("/", name)
            assert self.refusal(filesystem.stat(path)) == number, name
            assert self.refusal(filesystem.open_read(path)) == number, name
            assert self.refused_upload(filesystem, f"/{name}") == number, name
            assert self.refusal(filesystem.make_directory(path)) == number, name
            assert self.refusal(filesystem.remove_directory(path)) == number, name
            assert self.refusal(filesystem.remove_file(path)) == number, name
            assert self.refusal(filesystem.rename(PurePosixPath("/a"), path)) == number, name
            assert self.refusal(filesystem.rename(path, PurePosixPath("/b"))) == number, name
            assert self.refusal(filesystem.stat(path / "x")) == number, name


class FilesystemContract(
    ReadingContract,
    UploadContract,
    NamesContract,
    ConcurrencyContract,
    PressureContract,
    CancellingContract,
    FailingContract,
    GuaranteesContract,
):
    """All tests; each is a method and asks for nothing but a filesystem."""
