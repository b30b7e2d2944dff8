"""Nothing of a local folder is asked of the system on the reactor's thread."""

from __future__ import annotations

import ast
import gc
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from ftptls import vfs
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    HardLinksContract,
    InlineWorkers,
    LocalPathsContract,
    RealPathsContract,
    ResumableContract,
)
from ftptls.vfs.openat2 import kernel_resolves
from tests.vfs.test_contract import LocalContract

# What asks the system nothing, or nothing that takes time: who this process is.
HARMLESS = {
    "PathLike", "environ", "fsdecode", "fsencode", "fspath", "path", "sep", "stat_result",
    "statvfs_result", "strerror", "getegid", "geteuid", "getgroups",
}  # fmt: skip
MODULES = ("os", "fcntl", "grp", "pwd")


class Watched:
    """A module whose functions may be called on other threads only."""

    def __init__(self, module: ModuleType, calls: list[str]) -> None:
        self._module = module
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if not callable(found) or isinstance(found, type) or name in HARMLESS:
            return found

        def call(*args: Any, **more: Any) -> Any:
            if threading.current_thread() is threading.main_thread() and not _excused():
                self._calls.append(f"{self._module.__name__}.{name}")
            else:
                self._calls.append("")
            return found(*args, **more)

        return call


def _excused() -> bool:
    """Whether somebody asks who may.

    That is the garbage collector: for a session that died, there is no other way. And who
    has the kernel answer from memory or not at all; tests/vfs/test_small.py is about him.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "open_at_once", "_open_write_at_once"):
            return True
        frame = frame.f_back
    return False


def modules() -> Iterator[ModuleType]:
    """What a local folder is served with."""
    for found in pkgutil.iter_modules(vfs.__path__, "ftptls.vfs."):
        yield importlib.import_module(found.name)


class OneThread(InlineWorkers):
    """Every call on another thread than the one of the test."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    async def run(self, call, *args):  # type: ignore[no-untyped-def]
        return self._pool.submit(call, *args).result()


class WatchedContract(LocalContract, HardLinksContract, RealPathsContract, LocalPathsContract):
    workers = OneThread()

    @pytest.fixture(autouse=True)
    def _watch(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        gc.collect()  # what other tests left is not to be released while this one is watched
        kernel_resolves()  # asked once by each process, whoever comes first
        calls: list[str] = []
        for module in modules():
            for name in MODULES:
                if hasattr(module, name):
                    watched = Watched(getattr(module, name), calls)
                    monkeypatch.setattr(module, name, watched)
        yield
        # Tests that bring workers of their own, which are no threads, show other things.
        if isinstance(self.workers, OneThread):
            assert set(calls) <= {""}


class TestWatchedAtomic(WatchedContract):
    pass


class TestWatchedDirect(WatchedContract):
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestWatchedResuming(WatchedContract, ResumableContract):
    upload_mode = UploadMode.ATOMIC_RESUME
    walk = True


def test_a_call_on_the_reactor_is_seen() -> None:
    calls: list[str] = []
    watched = Watched(os, calls)
    watched.stat("/")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(watched.stat, "/").result()
    assert calls == ["os.stat", ""]
    assert watched.path is os.path
    assert watched.O_RDONLY == os.O_RDONLY


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_modules_are_watched_by_name(module: ModuleType) -> None:
    """A function that is imported by its own name would not be seen."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    taken = [each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    assert not set(taken) & set(MODULES)
