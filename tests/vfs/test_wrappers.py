"""A filesystem of which nothing can be changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.errors import from_os_error
from ftptls.interfaces import IDescriptor, IFilesystem, IModes, Store
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.testing.filesystem_attributes import OPTIONAL
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


@implementer(IFilesystem)
class Plain:
    """Says that it provides nothing else."""


@pytest.mark.parametrize("kind", ["memory", "local", "plain"])
def test_it_provides_what_the_other_one_does(tmp_path: Path, kind: str) -> None:
    inner = {
        "memory": MemoryFilesystem(),
        "local": LocalFilesystem(tmp_path, InlineWorkers()),
        "plain": Plain(),
    }[kind]
    filesystem = ReadOnly(inner)
    for each in OPTIONAL:
        assert each.providedBy(filesystem) == each.providedBy(inner)
        if each.providedBy(filesystem):
            assert verifyObject(each, filesystem)
    assert IModes.providedBy(filesystem) == (kind != "plain")


def test_there_is_no_room(filesystem: ReadOnly) -> None:
    assert run_now(filesystem.available(P("/in"))) == 0
    with pytest.raises(FileNotFoundError):
        run_now(filesystem.available(P("/none")))


def test_it_tells_the_umask(filesystem: ReadOnly) -> None:
    assert filesystem.umask == 0o022


async def _later(call: Callable, *args: object) -> object:
    return call(*args)


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
        lambda fs, path: fs.set_times(path, 0.0),
        lambda fs, path: fs.set_created(path, 0.0),
        lambda fs, path: fs.set_mode(path, 0o600),
        lambda fs, path: fs.set_group(path, "0"),
        lambda fs, path: fs.make_link(path, P("/a")),
        lambda fs, _path: _later(fs.with_umask, 0o077),
    ],
)  # fmt: skip
def test_it_refuses_every_change(filesystem: ReadOnly, change: Callable) -> None:
    for path in ("/a", "/in", "/none", "/none/x", "/"):
        with pytest.raises(OSError, match="Read-only") as caught:
            run_now(change(filesystem, P(path)))
        assert from_os_error(caught.value).reply.code == 550
