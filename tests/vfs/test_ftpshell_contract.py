"""Shells keep the contract of filesystems as far as their interface lets them."""

from __future__ import annotations

import errno
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.protocols.ftp import FTPShell
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from ftptls.interfaces import IFilesystem
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import FilesystemContract
from ftptls.vfs.ftpshell import AsShell, ShellFilesystem
from ftptls.vfs.guarantees import SHELL
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.entries import Kind

T = TypeVar("T")


class ShellContract(FilesystemContract):
    """Where a shell cannot keep the contract, and why."""

    renames_at_once = False  # nobody tells which file a name is of
    lasts = False
    atomic = False  # IWriteFile does not know of an upload that broke
    resumes = False  # nor of an offset: openForWriting empties the file
    scans_lazily = False  # a listing is one answer
    reads_ahead = 1 << 20  # a file is sent as it likes, until it is held back
    letters = {  # noqa: RUF012
        Kind.FILE: "dfrw",  # no "a", as nothing can be appended
        Kind.DIRECTORY: "cdeflmp",
    }


class TestFTPShell(ShellContract):
    guarantees = SHELL
    lasts = True
    prompt = False  # FTPShell writes to a buffered file
    below_a_file = errno.ENOENT  # FTPShell.stat knows nothing but FileNotFoundError
    text = True
    _numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        self.root = root = self.folder / f"root{next(self._numbers)}"
        root.mkdir()
        for path, data in content.items():
            target = root / path.lstrip("/")
            if path.endswith("/"):
                target.mkdir(parents=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        return self.open()

    def restart(self, filesystem: IFilesystem) -> IFilesystem | None:
        return self.open()

    def open(self) -> IFilesystem:
        name = str(self.root)
        return ShellFilesystem(FTPShell(FilePath(name if self.text else name.encode())))


class TestFTPShellOfAUserNamedInOctets(TestFTPShell):
    text = False  # what FTPRealm makes of the names that Cred's checkers give


class TestThereAndBack(ShellContract):
    """A filesystem of ours as a shell, as a filesystem again."""

    wire_names = False

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        filesystem = MemoryFilesystem(content, upload_mode=UploadMode.DIRECT)
        shell = AsShell(filesystem, wire_names=self.wire_names)
        return ShellFilesystem(shell, wire_names=self.wire_names)


class Delayed:
    """A shell whose answers all come later.

    Args:
        shell: Whose they are.
    """

    def __init__(self, shell: AsShell) -> None:
        self._shell = shell
        self._waiting: deque[Callable[[], object]] = deque()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._shell, name)

        def call(*args: object) -> Deferred[Any]:
            later: Deferred[Any] = Deferred()
            self._waiting.append(lambda: method(*args).addCallbacks(later.callback, later.errback))
            return later

        return call

    def step(self) -> bool:
        """Give one answer, if one is waited for."""
        if self._waiting:
            self._waiting.popleft()()
            return True
        return False

    def wait_for(self, results: list[Any]) -> Any:
        """The first result, or what it failed with."""
        while not results:
            assert self.step()
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        return result


class TestThereAndBackAtLeisure(TestThereAndBack):
    """The same, where nothing is answered at once."""

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        filesystem = MemoryFilesystem(content, upload_mode=UploadMode.DIRECT)
        self.shell = Delayed(AsShell(filesystem))
        return ShellFilesystem(self.shell)

    def step(self) -> bool:
        return self.shell.step() or super().step()

    def run(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        results: list[Any] = []
        Deferred.fromCoroutine(wait()).addBoth(results.append)
        return self.shell.wait_for(results)


class TestThereAndBackByWireNames(TestThereAndBack):
    wire_names = True
