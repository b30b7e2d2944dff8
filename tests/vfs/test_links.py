"""What symbolic links of a local disk are to clients, and whom listings name as owner."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath

import pytest

from ftptls.errors import PermanentError
from ftptls.interfaces import IFilesystem, ILinks, Store
from ftptls.settings import Links, OwnerNames, UploadMode
from ftptls.settings.rights import Rights
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
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.rights import Restricted
from ftptls.wire.entries import Kind
from tests.vfs.test_contract import LocalFolder

P = PurePosixPath
WALKS = pytest.mark.parametrize("walk", [False, True], ids=["kernel", "walk"])
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "in" / "deep").mkdir(parents=True)
    (root / "in" / "file").write_bytes(b"12345")
    (root / "plain").write_bytes(b"plain")
    (root / "file").symlink_to("in/file")
    (root / "folder").symlink_to("/in")
    (root / "nowhere").symlink_to("none")
    (root / "round").symlink_to("round")
    (root / "out").symlink_to(tmp_path)
    return root


LINKS = ("file", "folder", "nowhere", "round", "out")


def local(
    root: Path, links: Links, walk: bool = False, mode: UploadMode = UploadMode.ATOMIC
) -> LocalFilesystem:
    options = LocalOptions(links=links)
    return LocalFilesystem(root, InlineWorkers(), walk=walk, upload_mode=mode, options=options)


def names(filesystem: IFilesystem, path: str = "/") -> dict[str, Kind]:
    async def scan() -> dict[str, Kind]:
        return {
            entry.name: entry.kind async for batch in filesystem.scan(P(path)) for entry in batch
        }

    return run_now(scan())


def uses(filesystem: IFilesystem, name: str) -> list[Awaitable[object]]:
    """Everything that uses a link, or goes through it."""
    link, behind = P("/", name), P("/", name, "file")

    async def scan() -> None:
        async for _ in filesystem.scan(link):
            pass

    return [
        filesystem.stat(link),
        filesystem.stat(behind),
        scan(),
        filesystem.open_read(link),
        filesystem.open_read(behind),
        *(filesystem.open_write(link, how, 0) for how in Store),
        *(filesystem.open_write(behind, how, 0) for how in Store),
        filesystem.make_directory(link / "new"),
        filesystem.remove_directory(link / "deep"),
        filesystem.remove_file(link),
        filesystem.remove_file(behind),
        filesystem.rename(link, P("/x")),
        filesystem.rename(behind, P("/x")),
        filesystem.rename(P("/plain"), link),
        filesystem.rename(P("/plain"), link / "x"),
        filesystem.set_times(link, 1.0),
        filesystem.set_mode(link, 0o600),
        filesystem.set_group(link, str(os.getegid())),
        filesystem.available(link),
        filesystem.real_path(link),
    ]


def snapshot(folder: Path) -> dict[str, object]:
    found = sorted(folder.rglob("*"))
    return {str(each): (each.lstat().st_mode, each.lstat().st_mtime_ns) for each in found}


class TestHiding(
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
    def open(self) -> IFilesystem:
        return LocalFilesystem(self.root, self.workers, options=LocalOptions(links=Links.HIDE))


@MODES
@WALKS
def test_hidden_links_are_not_there(root: Path, walk: bool, mode: UploadMode) -> None:
    filesystem = local(root, Links.HIDE, walk, mode)
    assert names(filesystem) == {"in": Kind.DIRECTORY, "plain": Kind.FILE}
    before = snapshot(root)
    for name in LINKS:
        for use in uses(filesystem, name):
            with pytest.raises(FileNotFoundError):
                run_now(use)
    assert snapshot(root) == before


@MODES
@WALKS
def test_refused_links_are_listed_and_not_used(root: Path, walk: bool, mode: UploadMode) -> None:
    filesystem = local(root, Links.REFUSE, walk, mode)
    listed = names(filesystem)
    assert {name for name, kind in listed.items() if kind is Kind.LINK} == set(LINKS)
    before = snapshot(root)
    for name in LINKS:
        for use in uses(filesystem, name):
            with pytest.raises(PermanentError, match="550 Symbolic links are not used here"):
                run_now(use)
    assert snapshot(root) == before


@pytest.mark.parametrize("links", [Links.HIDE, Links.REFUSE])
def test_no_links_are_made_where_none_are_used(root: Path, links: Links) -> None:
    assert ILinks.providedBy(local(root, Links.FOLLOW))
    assert not ILinks.providedBy(local(root, links))
    assert not ILinks.providedBy(local(root, links).with_umask(0o077))


@WALKS
@pytest.mark.parametrize("links", [Links.HIDE, Links.REFUSE])
def test_a_link_that_comes_later(root: Path, walk: bool, links: Links) -> None:
    filesystem = local(root, links, walk)
    upload = run_now(filesystem.open_write(P("/in/new"), Store.REPLACE, 0))
    (root / "in").rename(root / "moved")
    (root / "in").symlink_to("moved")
    with pytest.raises((FileNotFoundError, PermanentError)):
        run_now(upload.begin())
    assert sorted(os.listdir(root / "moved")) == ["deep", "file"]


@pytest.mark.parametrize("links", list(Links))
def test_links_under_rights(root: Path, links: Links) -> None:
    filesystem = Restricted(local(root, links), Rights(["/** = full", "/in/** = read_only"]))
    if links is Links.FOLLOW:
        assert run_now(filesystem.stat(P("/file"))).size == 5
    elif links is Links.HIDE:
        with pytest.raises(FileNotFoundError):
            run_now(filesystem.stat(P("/file")))
    else:
        with pytest.raises(PermanentError, match="550"):
            run_now(filesystem.open_read(P("/file")))
    assert run_now(filesystem.open_read(P("/plain"))).size == 5


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to("root")
    for links in Links:
        assert "plain" in names(local(tmp_path / "door", links))


# Owners


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (OwnerNames.NUMERIC, lambda uid, gid: (str(uid), str(gid), uid, gid)),
        (OwnerNames.FTP, lambda _uid, _gid: ("ftp", "ftp", 0, 0)),
    ],
)
def test_whom_listings_name(
    root: Path, shown: OwnerNames, expected: Callable[[int, int], tuple[str, str, int, int]]
) -> None:
    options = LocalOptions(owner_names=shown)
    filesystem = LocalFilesystem(root, InlineWorkers(), options=options)
    info = (root / "plain").stat()
    entry = run_now(filesystem.stat(P("/plain")))
    assert (entry.owner, entry.group, entry.uid, entry.gid) == expected(info.st_uid, info.st_gid)
    assert set(entry.perm) == set("adfrw")  # that is still his who he is


def test_errors_of_hidden_links_do_not_depend_on_what_they_lead_to(root: Path) -> None:
    filesystem = local(root, Links.HIDE)
    for name in (*LINKS, "none"):
        with pytest.raises(OSError, match="No such file") as caught:
            run_now(filesystem.open_read(P("/", name)))
        assert caught.value.errno == errno.ENOENT
