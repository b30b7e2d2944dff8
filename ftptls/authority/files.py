"""Files that are written whole or not at all, and folders of which one writer has the use."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def write(path: Path, data: bytes, mode: int = PRIVATE, *, replace: bool = True) -> None:
    """Write a file whole or not at all, flushed to the disk.

    Args:
        path: The file.
        data: All that it is to hold.
        mode: Its permissions, from the beginning.
        replace: Whether to take the place of a file that is there.

    Raises:
        FileExistsError: There is one, and it is to stay.
        OSError: It cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
            os.unlink(temporary)
    except BaseException:
        os.unlink(temporary)
        raise


def _link(temporary: str, path: Path) -> None:
    """Give a file its name; unlike ``rename``, that never replaces one."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise FileExistsError(error.errno, error.strerror, os.fspath(path)) from None


def write_new(files: Mapping[Path, tuple[bytes, int]]) -> None:
    """Write several new files, all or none.

    Args:
        files: What each is to hold, and its permissions.

    Raises:
        FileExistsError: One of them is there; the error names it.
        OSError: One cannot be written.
    """
    written: list[Path] = []
    try:
        for path, (data, mode) in files.items():
            write(path, data, mode, replace=False)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink()
        raise


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have others that want the same folder wait, in this process and in others."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
