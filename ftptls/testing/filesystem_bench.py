"""What the filesystem contract suite is written with."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, ClassVar, TypeVar

from zope.interface import implementer

from ftptls.interfaces import IFilesystem, IUpload, IWorkers, Store
from ftptls.testing.stepping import SteppedWorkers, run_now
from ftptls.vfs.guarantees import Guarantees
from ftptls.wire.entries import Entry, Kind

T = TypeVar("T")


@implementer(IWorkers)
class InlineWorkers:
    """Workers that are no threads: the call is made at once."""

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        return call(*args)


class FilesystemBench(ABC):
    """What a provider tells of itself, and tools for the tests."""

    atomic: ClassVar[bool] = True
    """Whether a whole upload shows only once it is committed."""

    resumes: ClassVar[bool] = True
    """Whether files can be appended to, and uploads resumed; else that is refused."""

    prompt: ClassVar[bool] = True
    """Whether what is written in place shows at once, or when the upload is over."""

    below_a_file: ClassVar[int] = errno.ENOTDIR
    """What is said of a path that leads through a file, if it is only looked at."""

    letters: ClassVar[Mapping[Kind, str]] = {Kind.FILE: "adfrw", Kind.DIRECTORY: "cdeflmp"}
    """The ``perm`` facts of what its owner may do everything with."""

    keeps_what_is_opened: ClassVar[bool] = True
    """Whether a reader goes on when its file is replaced or removed; one that cannot says 450."""

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

    scans_lazily: ClassVar[bool] = True
    """Whether a listing is read as it is asked for; else all of it comes with the first batch."""

    reads_ahead: ClassVar[int] = 0
    """Octets that a reader may have in memory of what nobody asked it for."""

    renames_at_once: ClassVar[bool] = True
    """Whether what is renamed is the same file, by its ``unique`` fact; else it may be a copy."""

    folds_case: ClassVar[bool] = False
    """Whether the case of names does not count."""

    lasts: ClassVar[bool] = True
    """Whether files outlast the program; then there must be a :meth:`restart`."""

    guarantees: ClassVar[Guarantees | None] = None
    """What is told of it in the documents, if anything is."""

    workers: IWorkers = InlineWorkers()
    """What :meth:`make_filesystem` gives to a filesystem that needs some.

    Tests put :class:`~ftptls.testing.stepping.SteppedWorkers` here, and make the filesystem wait.
    """

    @abstractmethod
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        """A filesystem that holds ``content``, by path; a path ending in a slash is a directory."""

    def run(self, awaitable: Awaitable[T]) -> T:
        """Wait for a result; override it for a filesystem that really waits."""
        return run_now(awaitable)

    def left_over(self, filesystem: IFilesystem) -> object:
        """What it keeps besides the files, such as parts of uploads; the same before and after.

        Override it for what stores more than its clients see.
        """
        return None

    def left_open(self) -> int:
        """How much is open that must be closed: descriptors of this process."""
        return len(os.listdir("/dev/fd"))

    def restart(self, filesystem: IFilesystem) -> IFilesystem | None:
        """The same files after a crash: a new filesystem over the same store.

        ``None`` if nothing outlasts the program.
        """
        return None

    def make_stepped(self, content: Mapping[str, bytes]) -> IFilesystem:
        """A filesystem whose workers make their calls when they are told to."""
        self.workers = SteppedWorkers()
        return self.make_filesystem(content)

    def hold(self, *, last_first: bool = False) -> None:
        """From now on, what the filesystem waits for happens at :meth:`step` only."""
        if isinstance(self.workers, SteppedWorkers):
            self.workers.held, self.workers.last_first = True, last_first

    def step(self) -> bool:
        """Have one thing happen that the filesystem waits for; whether there was one."""
        return isinstance(self.workers, SteppedWorkers) and self.workers.step()

    def settle(self) -> None:
        """Have everything happen, and hold nothing back any more."""
        while self.step():
            pass
        if isinstance(self.workers, SteppedWorkers):
            self.workers.held = False

    def fill(self, filesystem: IFilesystem, content: Mapping[str, bytes]) -> IFilesystem:
        """Put files and directories into an empty filesystem, through itself."""
        for path, data in content.items():
            *parents, name = path.split("/")[1:]
            place = PurePosixPath("/")
            for parent in parents:
                place /= parent
                with suppress(FileExistsError):
                    self.run(filesystem.make_directory(place))
            if name:
                self.store(filesystem, path, data)
        return filesystem

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
