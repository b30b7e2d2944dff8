"""What is overwritten is kept: as many versions as were asked for, as they were."""

from __future__ import annotations

import itertools
from pathlib import Path, PurePosixPath

import pytest
from twisted.internet.defer import Deferred

from ftptls.errors import PermanentError
from ftptls.interfaces import IDescriptor, IFilesystem, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    HardLinksContract,
    InlineWorkers,
    RealPathsContract,
    run_now,
)
from ftptls.testing.stepping import SteppedWorkers
from ftptls.vfs.guarantees import LOCAL, LOCAL_DIRECT, MEMORY, VERSIONS
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.versions import Versions
from ftptls.vfs.wrapping import Wrapper
from tests.vfs.calls import names, path, read, store
from tests.vfs.test_contract import LocalContract, MemoryContract


class TestVersionsLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = VERSIONS.of(LOCAL)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Versions(filesystem, 2)


class TestVersionsLocalDirect(TestVersionsLocal):
    guarantees = VERSIONS.of(LOCAL_DIRECT)
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestVersionsInMemory(MemoryContract):
    guarantees = VERSIONS.of(MEMORY)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Versions(filesystem, 2)

    def test_what_is_replaced_is_kept_also_if_nobody_waits_for_it(self) -> None:
        for filesystem in self.cancelled({"/a": b"old"}, self.whole(path("/a"))):
            replaced = self.read(filesystem, "/a") != b"old"
            kept = names(filesystem, "/.versions/a") if replaced else []
            assert [self.read(filesystem, f"/.versions/a/{name}") for name in kept] == (
                [b"old"] if replaced else []
            )


class TestVersionsInMemoryDirect(TestVersionsInMemory):
    guarantees = None
    upload_mode = UploadMode.DIRECT
    atomic = False


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


def test_two_sessions_that_replace_one_file_leave_both_versions(tmp_path):
    (tmp_path / "a").write_text("first")
    workers = SteppedWorkers()
    sessions = [Versions(LocalFilesystem(tmp_path, workers), 3) for _ in range(2)]
    uploads = [run_now(each.open_write(path("/a"), Store.REPLACE, 0)) for each in sessions]
    for upload, data in zip(uploads, (b"second", b"third"), strict=True):
        run_now(upload.begin())
        run_now(upload.write_at(0, data))
    workers.held = True
    done: list[object] = []
    for upload in uploads:
        Deferred.fromCoroutine(upload.commit()).addBoth(done.append)
    while workers.step():
        pass
    assert done == [None, None]
    workers.held = False
    assert {read(sessions[0], "/a"), *kept(sessions[0], "/a")} == {b"first", b"second", b"third"}


def test_versions_of_what_was_once_a_directory(files):
    """A name may be that of a file at one time, and of a directory at another."""
    files = Versions(files._files, 1, files._now)
    store(files, "/in/a", b"second")
    run_now(files.remove_file(path("/in/a")))
    run_now(files.make_directory(path("/in/a")))
    store(files, "/in/a/0", b"first")
    store(files, "/in/a/0", b"second")
    run_now(files.remove_file(path("/in/a/0")))
    run_now(files.remove_directory(path("/in/a")))
    for data in (b"third", b"fourth", b"fifth"):
        store(files, "/in/a", data)
    assert kept(files, "/in/a/0") == [b"first"]
    *versions, directory = sorted(names(files, "/.versions/in/a"))[::-1]
    assert directory == "0"
    assert [read(files, f"/.versions/in/a/{name}") for name in versions] == [b"fourth"]


def test_a_clock_that_goes_back_costs_not_the_version_that_is_kept_just_now(files):
    files = Versions(files._files, 1, itertools.count(9, -1).__next__)
    store(files, "/in/a", b"second")
    store(files, "/in/a", b"third")
    assert kept(files, "/in/a") == [b"second"]


def test_a_version_that_cannot_be_deleted_does_not_undo_the_upload(files, monkeypatch):
    monkeypatch.setattr(type(files._plain), "remove_file", _refuse)
    for data in (b"1", b"2", b"3", b"4"):
        store(files, "/in/a", data)
    assert read(files, "/in/a") == b"4"
    assert len(kept(files, "/in/a")) == 4


async def _refuse(*args: object) -> None:
    raise PermissionError(13, "Permission denied")


class Failing(Wrapper):
    """Renames, and says then that it could not."""

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        await super().rename(source, target)
        raise OSError(5, "Input/output error")


def test_a_step_that_fails_when_it_is_done_loses_no_version(files):
    files = Versions(Failing(files._files), 3, files._now)
    with pytest.raises(OSError, match="Input/output error"):
        run_now(files.rename(path("/in/b"), path("/in/a")))
    assert (read(files, "/in/a"), kept(files, "/in/a")) == (b"bee", [b"first"])


def test_a_copy_that_breaks_off_is_no_version(tmp_path):
    (tmp_path / "a").write_bytes(bytes(3 << 20))
    workers = SteppedWorkers()
    files = Versions(LocalFilesystem(tmp_path, workers, upload_mode=UploadMode.DIRECT), 3)
    upload = run_now(files.open_write(path("/a"), Store.REPLACE, 0))
    workers.held = True
    results: list[object] = []
    beginning = Deferred.fromCoroutine(upload.begin()).addBoth(results.append)
    while not list(tmp_path.glob(".versions/a/*")):
        assert workers.step()
    beginning.cancel()
    while workers.step():
        pass
    workers.held = False
    assert results
    assert names(files, "/.versions/a") == []
    assert (tmp_path / "a").stat().st_size == 3 << 20


def test_a_copy_has_the_mode_of_the_file(tmp_path):
    (tmp_path / "a").write_text("secret")
    (tmp_path / "a").chmod(0o600)
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers(), upload_mode=UploadMode.DIRECT), 3)
    store(files, "/a", b"new")
    (version,) = (tmp_path / ".versions/a").iterdir()
    assert version.stat().st_mode & 0o777 == 0o600


def test_a_rename_to_itself_by_another_path_keeps_nothing(tmp_path):
    (tmp_path / "a").write_text("first")
    (tmp_path / "link").symlink_to(".")
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    run_now(files.rename(path("/a"), path("/link/a")))
    assert not (tmp_path / ".versions").exists()


def test_no_link_that_is_exchanged_meanwhile_leads_around_that(tmp_path):
    for name in ("a", "in/a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("first")
    files = Versions(LocalFilesystem(tmp_path, InlineWorkers()), 3)
    store(files, "/a", b"new")
    (version,) = names(files, "/.versions/a")
    link = tmp_path / "link"
    link.symlink_to("in")
    upload = run_now(files.open_write(path(f"/link/{version}"), Store.REPLACE, 0))
    link.unlink()
    link.symlink_to(".versions/a")
    run_now(upload.begin())
    run_now(upload.write_at(0, b"forged"))
    run_now(upload.commit())
    assert kept(files, "/a") == [b"first"]
    assert (tmp_path / "in" / version).read_text() == "forged"
