"""What is overwritten is kept: as many versions as were asked for, as they were."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from ftptls.errors import PermanentError
from ftptls.interfaces import IDescriptor, IFilesystem, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    HardLinksContract,
    InlineWorkers,
    RealPathsContract,
    run_now,
)
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.versions import Versions
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestVersionsLocal(LocalContract, HardLinksContract, RealPathsContract):
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Versions(super().make_filesystem(content), 2)


class TestVersionsLocalDirect(TestVersionsLocal):
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestVersionsInMemory(MemoryContract):
    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return Versions(MemoryFilesystem(content), 2)


CONTENT = {"/in/a": b"first", "/in/b": b"bee"}


@pytest.fixture(params=["memory", "memory direct", "local", "local direct"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Versions:
    kind, _, mode = request.param.partition(" ")
    upload_mode = UploadMode.DIRECT if mode else UploadMode.ATOMIC
    inner: IFilesystem
    if kind == "memory":
        inner = MemoryFilesystem(CONTENT, upload_mode=upload_mode)
    else:
        (tmp_path / "in").mkdir()
        for path, data in CONTENT.items():
            (tmp_path / path[1:]).write_bytes(data)
        inner = LocalFilesystem(tmp_path, InlineWorkers(), upload_mode=upload_mode)
    seconds = itertools.count()
    return Versions(inner, 3, lambda: float(next(seconds)))


def path(text: str) -> PurePosixPath:
    return PurePosixPath(text)


def names(files: IFilesystem, where: str) -> list[str]:
    async def scan() -> list[str]:
        return [entry.name async for batch in files.scan(path(where)) for entry in batch]

    return sorted(run_now(scan()))


def read(files: IFilesystem, where: str) -> bytes:
    async def read() -> bytes:
        reader = await files.open_read(path(where))
        try:
            return await reader.read_at(0, 1000)
        finally:
            await reader.close()

    return run_now(read())


def store(
    files: IFilesystem, where: str, data: bytes, how: Store = Store.REPLACE, offset: int = 0
) -> None:
    async def store() -> None:
        upload = await files.open_write(path(where), how, offset)
        await upload.begin()
        await upload.write_at(upload.offset, data)
        await upload.commit()
        await upload.commit()

    run_now(store())


def kept(files: IFilesystem, where: str) -> list[bytes]:
    folder = f"/.versions{where}"
    return [read(files, f"{folder}/{name}") for name in names(files, folder)]


def test_as_many_versions_as_were_asked_for(files):
    for number in range(6):
        store(files, "/in/a", b"%d" % number)
    assert read(files, "/in/a") == b"5"
    assert kept(files, "/in/a") == [b"2", b"3", b"4"]


def test_a_version_is_named_by_when_it_was_replaced(files):
    before = run_now(files.stat(path("/in/a"))).modified
    store(files, "/in/a", b"new")
    assert names(files, "/.versions/in/a") == ["1970-01-01T00.00.00.000000Z"]
    version = run_now(files.stat(path("/.versions/in/a/1970-01-01T00.00.00.000000Z")))
    assert version.modified == pytest.approx(before)


def test_two_at_the_same_moment(files):
    files = Versions(files._files, 3, lambda: 1.0)
    store(files, "/in/a", b"second")
    store(files, "/in/a", b"third")
    assert kept(files, "/in/a") == [b"first", b"second"]


def test_what_a_rename_replaces_is_kept(files):
    run_now(files.rename(path("/in/b"), path("/in/a")))
    assert read(files, "/in/a") == b"bee"
    assert kept(files, "/in/a") == [b"first"]


def test_a_rename_that_fails_keeps_nothing(files):
    with pytest.raises(OSError, match="No such file"):
        run_now(files.rename(path("/in/none"), path("/in/a")))
    assert names(files, "/.versions/in/a") == []
    assert read(files, "/in/a") == b"first"


def test_what_is_changed_in_place_is_kept_as_it_was(files):
    store(files, "/in/a", b"FI", Store.RESUME, 0)
    assert read(files, "/in/a") == b"FIrst"
    assert kept(files, "/in/a") == [b"first"]


def test_what_is_only_appended_to_loses_nothing(files):
    store(files, "/in/a", b"+", Store.APPEND)
    store(files, "/in/a", b"+", Store.RESUME, 6)
    store(files, "/new", b"+", Store.RESUME, 0)
    assert read(files, "/in/a") == b"first++"
    assert names(files, "/") == ["in", "new"]
    with pytest.raises(FileNotFoundError):
        names(files, "/.versions")


def test_an_upload_that_breaks_keeps_no_version_of_what_is_still_there(files):
    upload = run_now(files.open_write(path("/in/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    run_now(upload.write_at(0, b"part"))
    run_now(upload.abandon())
    if upload.in_place:
        assert kept(files, "/in/a") == [b"first"]
    else:
        assert read(files, "/in/a") == b"first"
        with pytest.raises(FileNotFoundError):
            names(files, "/.versions")


def test_versions_are_in_no_listing_but_their_own(files):
    store(files, "/in/a", b"new")
    assert names(files, "/") == ["in"]
    assert names(files, "/.versions") == ["in"]
    assert run_now(files.stat(path("/.versions"))).is_directory


def test_versions_cannot_be_changed(files):
    store(files, "/in/a", b"new")
    (name,) = names(files, "/.versions/in/a")
    version = f"/.versions/in/a/{name}"
    for change, arguments in (
        (files.remove_file, (path(version),)),
        (files.remove_directory, (path("/.versions"),)),
        (files.make_directory, (path("/.versions/x"),)),
        (files.rename, (path(version), path("/x"))),
        (files.rename, (path("/in/b"), path(version))),
        (files.rename, (path("/.versions"), path("/x"))),
        (files.rename, (path("/in"), path("/.versions"))),
        (files.open_write, (path(version), Store.REPLACE, 0)),
        (files.open_write, (path(version), Store.APPEND, 0)),
        (files.open_write, (path("/.versions/x"), Store.NEW, 0)),
        (files.set_times, (path(version), 0.0)),
        (files.set_mode, (path(version), 0o600)),
    ):
        with pytest.raises(PermanentError, match="550 Old versions stay"):
            run_now(change(*arguments))
    assert kept(files, "/in/a") == [b"first"]


def test_no_link_leads_around_that(tmp_path):
    (tmp_path / "a").write_text("first")
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    store(files, "/a", b"new")
    (tmp_path / "link").symlink_to(".versions/a")
    (name,) = names(files, "/link")
    (tmp_path / "direct").symlink_to(f".versions/a/{name}")
    for change, arguments in (
        (files.remove_file, (path(f"/link/{name}"),)),
        (files.open_write, (path(f"/link/{name}"), Store.REPLACE, 0)),
        (files.open_write, (path("/direct"), Store.APPEND, 0)),
        (files.rename, (path(f"/link/{name}"), path("/x"))),
        (files.set_group, (path("/direct"), "0")),
        (files.make_link, (path("/link/x"), path("/a"))),
        (files.add_name, (path("/a"), path("/link/x"))),
        (files.add_name, (path(f"/link/{name}"), path("/x"))),
    ):
        with pytest.raises(PermanentError, match="550 Old versions stay"):
            run_now(change(*arguments))
    run_now(files.remove_file(path("/link")))  # the link itself is nobody's version


def test_a_link_that_is_written_through_keeps_the_file(tmp_path):
    (tmp_path / "a").write_text("first")
    (tmp_path / "link").symlink_to("a")
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    store(files, "/link", b"new")
    assert kept(files, "/a") == [b"first"]
    (tmp_path / "other").write_text("other")
    run_now(files.rename(path("/other"), path("/link")))
    assert not (tmp_path / ".versions/link").exists()
    assert kept(files, "/a") == [b"first"]


def test_a_version_on_disk_is_another_name_of_the_file(tmp_path):
    (tmp_path / "a").write_text("first")
    number = (tmp_path / "a").stat().st_ino
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    store(files, "/a", b"new")
    (version,) = (tmp_path / ".versions/a").iterdir()
    assert version.stat().st_ino == number


def test_uploads_go_straight_to_the_disk(tmp_path):
    (tmp_path / "a").write_text("first")
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    upload = run_now(files.open_write(path("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    assert IDescriptor.providedBy(upload)
    assert upload.fileno() > 2
    run_now(upload.abandon())
