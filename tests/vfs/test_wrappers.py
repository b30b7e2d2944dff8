"""A filesystem of which nothing can be changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from zope.interface.verify import verifyObject

from ftptls.errors import from_os_error
from ftptls.interfaces import IDescriptor, IFilesystem, Store
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.wrappers import ReadOnly

P = PurePosixPath


@pytest.fixture(params=["memory", "local"])
def filesystem(request: pytest.FixtureRequest, tmp_path: Path) -> ReadOnly:
    if request.param == "memory":
        return ReadOnly(MemoryFilesystem({"/a": b"12345", "/in/b": b""}))
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "in").mkdir()
    return ReadOnly(LocalFilesystem(tmp_path, InlineWorkers()))


def test_it_provides_the_interface(filesystem: ReadOnly) -> None:
    assert verifyObject(IFilesystem, filesystem)


def test_it_reads(filesystem: ReadOnly) -> None:
    reader = run_now(filesystem.open_read(P("/a")))
    assert run_now(reader.read_at(1, 3)) == b"234"
    run_now(reader.close())


def test_a_descriptor_stays_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    filesystem = ReadOnly(LocalFilesystem(tmp_path, InlineWorkers()))
    assert IDescriptor.providedBy(run_now(filesystem.open_read(P("/a"))))


def test_it_says_what_can_be_done(filesystem: ReadOnly) -> None:
    async def letters() -> dict[str, str]:
        return {e.name: e.perm async for batch in filesystem.scan(P("/")) for e in batch}

    assert run_now(letters()) == {"a": "r", "in": "el"}
    assert run_now(filesystem.stat(P("/a"))).perm == "r"
    assert run_now(filesystem.stat(P("/"))).perm == "el"


@pytest.mark.parametrize(
    "change",
    [
        *(
            (lambda fs, path, how=how: fs.open_write(path, how, 0))
            for how in Store
        ),
        lambda fs, path: fs.make_directory(path),
        lambda fs, path: fs.remove_directory(path),
        lambda fs, path: fs.remove_file(path),
        lambda fs, path: fs.rename(path, P("/x")),
    ],
)  # fmt: skip
def test_it_refuses_every_change(filesystem: ReadOnly, change: Callable) -> None:
    for path in ("/a", "/in", "/none", "/none/x", "/"):
        with pytest.raises(OSError, match="Read-only") as caught:
            run_now(change(filesystem, P(path)))
        assert from_os_error(caught.value).reply.code == 550
