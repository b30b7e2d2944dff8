"""For tests that act as users of the operating system, which only root may."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from ftptls.vfs.owners import Owner, acting_as, objection

ALICE, BOB = [entry for entry in pwd.getpwall() if entry.pw_uid > 0 and entry.pw_gid > 0][:2]
"""Two users whom every system has, though not by these names."""

_SECURE_BITS = 28
_NO_SETUID_FIXUP = 1 << 2


def as_root(test: Callable[..., Any]) -> Callable[..., Any]:
    """For a test that takes root; for anybody else, see that the kernel and we refuse it."""

    @wraps(test)
    def run(*args: Any, **given: Any) -> Any:
        why = objection()
        if not why:
            return test(*args, **given)
        assert why == "it takes the rights of root"
        with pytest.raises(PermissionError), acting_as(Owner.of(ALICE)):
            raise AssertionError("the rights of somebody else, without being root")
        return None

    return run


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which is not so with those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="ftptls-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def give(path: Path, entry: pwd.struct_passwd, mode: int) -> None:
    """Make somebody own a file or folder; for root."""
    if os.geteuid() == 0:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(mode)


def on_a_thread(*calls: Callable[[], Any]) -> Any:
    """What the last of these calls returns, on a thread that ends then."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.extend(call() for call in calls))
    thread.start()
    thread.join()
    return results[-1]


def drop_capabilities() -> None:
    """Be root only by name, on this thread."""
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, none) == 0


def keep_capabilities() -> None:
    """Let what is root's stay with this thread whoever it acts as."""
    assert ctypes.CDLL(None).prctl(_SECURE_BITS, _NO_SETUID_FIXUP, 0, 0, 0) == 0
