"""A folder of another filesystem: it keeps the contract, and nothing leads out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from ftptls.interfaces import IFilesystem, ILinks, Store
from ftptls.testing.filesystem import (
    GroupsContract,
    HardLinksContract,
    InlineWorkers,
    LocalPathsContract,
    ModesContract,
    RealPathsContract,
    SetTimesContract,
    SpaceContract,
    UmaskContract,
    run_now,
)
from ftptls.vfs.guarantees import LOCAL, MEMORY, SUBTREE
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.subtree import Subtree
from ftptls.wire.entries import Kind
from tests.vfs.calls import path
from tests.vfs.test_contract import LocalFolder, MemoryContract

FOLDER = PurePosixPath("/home/alice")


class TestSubtreeInMemory(MemoryContract):
    guarantees = SUBTREE.of(MEMORY)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return super().make_filesystem(moved(content))

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Subtree(filesystem, FOLDER)


class TestSubtreeLocal(
    LocalFolder,
    SetTimesContract,
    ModesContract,
    UmaskContract,
    GroupsContract,
    HardLinksContract,
    SpaceContract,
    RealPathsContract,
    LocalPathsContract,
):
    guarantees = SUBTREE.of(LOCAL)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return super().make_filesystem(moved(content))

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Subtree(filesystem, FOLDER)


def moved(content: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Into the folder, with somebody else's beside it."""
    inside = {f"{FOLDER}{path}": data for path, data in content.items()}
    return {"/home/bob/secret": b"bob's", f"{FOLDER}/": b"", **inside}


LEADING_OUT = ["/home/bob", "../bob", "/", "/home/alice/../bob", "/home/alice2"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("alice", "bob", "alice2"):
        (tmp_path / "home" / name / "in").mkdir(parents=True)
        (tmp_path / "home" / name / "in" / "file").write_text(name)
    return tmp_path / "home/alice"


@pytest.fixture
def files(tmp_path: Path, home: Path) -> Subtree:
    return Subtree(LocalFilesystem(tmp_path, InlineWorkers()), FOLDER)


@pytest.mark.parametrize("target", LEADING_OUT)
def test_a_link_that_leads_out_leads_nowhere(files, home, target):
    (home / "link").symlink_to(target)
    entry = run_now(files.stat(path("/link")))
    assert entry.kind is Kind.LINK
    assert "bob" not in entry.target or not target.startswith("/")
    for way in ("/link/in/file", "/link/file", "/link/bob/in/file", "/link/in/new"):
        with pytest.raises(FileNotFoundError):
            run_now(files.open_read(path(way)))
        with pytest.raises(FileNotFoundError):
            run_now(files.open_write(path(way), Store.REPLACE, 0))
        with pytest.raises(FileNotFoundError):
            run_now(files.make_directory(path(way)))
        with pytest.raises(FileNotFoundError):
            run_now(files.remove_file(path(way)))
        with pytest.raises(FileNotFoundError):
            run_now(files.rename(path("/in/file"), path(way)))
    run_now(files.remove_file(path("/link")))
    assert not os.path.lexists(home / "link")


@pytest.mark.parametrize("target", ["in", "/home/alice/in", "../alice/in", "../../home/alice/in"])
def test_a_link_that_stays_inside_is_followed(files, home, target):
    (home / "link").symlink_to(target)
    assert run_now(files.stat(path("/link"))).kind is Kind.DIRECTORY
    reader = run_now(files.open_read(path("/link/file")))
    assert run_now(reader.read_at(0, 100)) == b"alice"
    run_now(reader.close())
    assert run_now(files.real_path(path("/link/file"))) == path("/in/file")


def test_links_are_told_as_they_are_in_here(files, home):
    (home / "inside").symlink_to("/home/alice/in/file")
    (home / "outside").symlink_to("/home/bob/in/file")
    (home / "near").symlink_to("in/file")

    async def targets() -> dict[str, str]:
        return {
            entry.name: entry.target
            async for batch in files.scan(path("/"))
            for entry in batch
            if entry.kind is Kind.LINK
        }

    assert run_now(targets()) == {"inside": "/in/file", "outside": "", "near": "in/file"}
    assert not ILinks.providedBy(files)


def test_a_folder_that_is_made_later():
    inner = MemoryFilesystem()
    files = Subtree(inner, path("/later"))
    with pytest.raises(FileNotFoundError):
        run_now(files.stat(path("/")))
    run_now(inner.make_directory(path("/later")))
    assert run_now(files.stat(path("/"))).name == "/"
