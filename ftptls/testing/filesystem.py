"""What every filesystem must do, as tests: mix :class:`FilesystemContract` into a test class.

::

    class TestMine(FilesystemContract):
        def make_filesystem(self, content):
            return Mine(content)
"""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar, TypeVar

from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError
from ftptls.interfaces import IFileReader, IFilesystem, IUpload, IWorkers, Store
from ftptls.wire.entries import Entry, Kind

T = TypeVar("T")

_LETTERS = {Kind.FILE: set("adfrw"), Kind.DIRECTORY: set("cdeflmp")}


def run_now(awaitable: Awaitable[T]) -> T:
    """The result of something awaitable that never has to wait.

    Raises:
        AssertionError: It waits; inject another ``run``.
    """
    coroutine = _wrapped(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("this filesystem waits for something: override run()")


async def _wrapped(awaitable: Awaitable[T]) -> T:
    return await awaitable


@implementer(IWorkers)
class InlineWorkers:
    """Workers that are no threads: the call is made at once."""

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        return call(*args)


class FilesystemContract(ABC):
    """The tests; each is a method and asks for nothing but a filesystem."""

    atomic: ClassVar[bool] = True
    """Whether a whole upload shows only once it is committed."""

    hostile_names: ClassVar[tuple[str, ...]] = (
        " leading and trailing ",
        "-rf",
        "...",
        "..x",
        "~",
        "*?[a]{b,c}",
        "back\\slash",
        "new\nline",
        "carriage\rreturn",
        "quote\"'`$(x)",
        "tab\tand\x1b[31mescape",
        "ünï-漢字-🐍",
        "octets-\udcff\udcfe",
        "n" * 255,
        "\u00e9" * 127,
    )
    """Names that must survive as they are; narrow it for a store that is pickier."""

    @abstractmethod
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        """A filesystem that holds ``content``, by path; a path ending in a slash is a directory."""

    def run(self, awaitable: Awaitable[T]) -> T:
        """Wait for a result; override it for a filesystem that really waits."""
        return run_now(awaitable)

    # Tools

    def read(self, filesystem: IFilesystem, path: str) -> bytes:
        """A file's octets."""

        async def read() -> bytes:
            reader = await filesystem.open_read(PurePosixPath(path))
            data = b""
            while piece := await reader.read_at(len(data), 7):
                data += piece
            await reader.close()
            return data

        return self.run(read())

    def entries(self, filesystem: IFilesystem, path: str = "/") -> dict[str, Entry]:
        """A directory's entries by name."""

        async def scan() -> dict[str, Entry]:
            found: dict[str, Entry] = {}
            async for batch in filesystem.scan(PurePosixPath(path)):
                assert batch, "an empty batch"
                found.update({entry.name: entry for entry in batch})
            return found

        return self.run(scan())

    def begin(
        self, filesystem: IFilesystem, path: str, how: Store = Store.REPLACE, offset: int = 0
    ) -> IUpload:
        """An upload that has begun."""
        upload = self.run(filesystem.open_write(PurePosixPath(path), how, offset))
        self.run(upload.begin())
        return upload

    def store(
        self,
        filesystem: IFilesystem,
        path: str,
        data: bytes,
        how: Store = Store.REPLACE,
        offset: int = 0,
    ) -> None:
        """Upload a file."""
        upload = self.begin(filesystem, path, how, offset)
        self.run(upload.write_at(upload.offset, data))
        self.run(upload.commit())

    def refusal(self, awaitable: Awaitable[object]) -> int:
        """The errno with which something is refused."""
        try:
            result = self.run(awaitable)
        except OSError as error:
            return error.errno or 0
        raise AssertionError(f"not refused: {result!r}")

    def refused_upload(
        self, filesystem: IFilesystem, path: str, how: Store = Store.REPLACE, offset: int = 0
    ) -> int:
        """The errno with which an upload is refused before it begins."""
        return self.refusal(filesystem.open_write(PurePosixPath(path), how, offset))

    # Reading

    def test_it_provides_the_interface(self) -> None:
        filesystem = self.make_filesystem({"/a": b"x"})
        verifyObject(IFilesystem, filesystem)
        verifyObject(IFileReader, self.run(filesystem.open_read(PurePosixPath("/a"))))
        verifyObject(IUpload, self.begin(filesystem, "/b"))

    def test_stat_of_a_file(self) -> None:
        filesystem = self.make_filesystem({"/in/a.txt": b"hello"})
        entry = self.run(filesystem.stat(PurePosixPath("/in/a.txt")))
        assert (entry.name, entry.kind, entry.size) == ("a.txt", Kind.FILE, 5)
        assert set(entry.perm) == _LETTERS[Kind.FILE]
        assert entry.modified > 0

    def test_stat_of_a_directory_and_of_the_root(self) -> None:
        filesystem = self.make_filesystem({"/in/": b""})
        entry = self.run(filesystem.stat(PurePosixPath("/in")))
        assert (entry.name, entry.kind) == ("in", Kind.DIRECTORY)
        assert set(entry.perm) == _LETTERS[Kind.DIRECTORY]
        root = self.run(filesystem.stat(PurePosixPath("/")))
        assert (root.name, root.kind) == ("/", Kind.DIRECTORY)
        assert set(root.perm) == _LETTERS[Kind.DIRECTORY] - set("df")

    def test_stat_of_what_is_not_there(self) -> None:
        filesystem = self.make_filesystem({"/a": b""})
        assert self.refusal(filesystem.stat(PurePosixPath("/b"))) == errno.ENOENT
        assert self.refusal(filesystem.stat(PurePosixPath("/b/c"))) == errno.ENOENT
        assert self.refusal(filesystem.stat(PurePosixPath("/a/c"))) == errno.ENOTDIR

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

    def test_scan_may_be_dropped_half_way(self) -> None:
        filesystem = self.make_filesystem({f"/{number}": b"" for number in range(600)})

        async def first() -> int:
            async for batch in filesystem.scan(PurePosixPath("/")):
                return len(batch)
            return 0

        assert self.run(first()) > 0

    def test_scan_while_names_vanish(self) -> None:
        filesystem = self.make_filesystem({f"/{number}": b"" for number in range(1100)})

        async def scan() -> int:
            found = 0
            async for batch in filesystem.scan(PurePosixPath("/")):
                found += len(batch)
                for number in range(1100):
                    path = PurePosixPath(f"/{number}")
                    try:
                        await filesystem.remove_file(path)
                    except FileNotFoundError:
                        continue
            return found

        assert 0 < self.run(scan()) <= 1100

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
            ("/a/b", errno.ENOTDIR),
            ("/in", errno.EISDIR),
            ("/", errno.EISDIR),
        ):
            assert self.refusal(filesystem.open_read(PurePosixPath(path))) == number, path

    def test_a_reader_keeps_the_file_it_opened(self) -> None:
        filesystem = self.make_filesystem({"/a": b"old"})
        reader = self.run(filesystem.open_read(PurePosixPath("/a")))
        self.run(filesystem.remove_file(PurePosixPath("/a")))
        self.store(filesystem, "/a", b"new")
        assert self.run(reader.read_at(0, 10)) == b"old"
        self.run(reader.close())

    # Uploads

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
        filesystem = self.make_filesystem({"/a": b"0123"})
        upload = self.begin(filesystem, "/a", Store.APPEND)
        assert upload.offset == 4
        self.run(upload.write_at(4, b"45"))
        self.run(upload.commit())
        self.store(filesystem, "/a", b"67", Store.APPEND)
        assert self.read(filesystem, "/a") == b"01234567"
        self.store(filesystem, "/new", b"x", Store.APPEND)
        assert self.read(filesystem, "/new") == b"x"

    def test_what_is_in_place_keeps_what_arrived(self) -> None:
        filesystem = self.make_filesystem({"/a": b"0123"})
        for how, offset in ((Store.APPEND, 0), (Store.RESUME, 5)):
            upload = self.begin(filesystem, "/a", how, offset)
            assert upload.in_place
            self.run(upload.write_at(upload.offset, b"+"))
            self.run(upload.abandon())
        assert self.read(filesystem, "/a") == b"0123++"

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

    # Directories and names

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
