"""What a crash left behind is removed, and nothing else."""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ftptls.interfaces import Store
from ftptls.settings import Anonymous, Files, Settings, Unix, UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs import cleaning
from ftptls.vfs.cleaning import Cleaner, cleaner_of
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.temporaries import kept_name, temporary_name

P = PurePosixPath
DAY = 86400.0
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)


def clean(*folders: Path, days: float = 7, **options: Any) -> Cleaner:
    cleaner = Cleaner(map(str, folders), days * DAY, **options)
    while cleaner.step():
        pass
    return cleaner


def leave(folder: Path, name: str = "", age: float = 0) -> Path:
    """What a crash left there."""
    folder.mkdir(parents=True, exist_ok=True)
    left = folder / (name or temporary_name())
    left.write_bytes(b"part")
    if age:
        then = left.stat().st_mtime - age * DAY
        os.utime(left, (then, then))
    return left


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.rglob("*")}


def test_temporaries_go_wherever_they_are(tmp_path: Path) -> None:
    leave(tmp_path)
    leave(tmp_path / "in" / "deep")
    leave(tmp_path / "in" / ".hidden")
    for number in range(2500):
        leave(tmp_path / "many", f"file-{number}")
    leave(tmp_path / "many")
    cleaner = clean(tmp_path)
    assert (cleaner.removed, cleaner.kept, cleaner.looked_at) == (4, 0, 2508)
    assert not [name for name in names(tmp_path) if name.startswith(".ftptls")]
    assert len(names(tmp_path)) == 2504


def test_what_looks_alike_stays(tmp_path: Path) -> None:
    alike = (".ftptls-1.part", "x" + temporary_name(), temporary_name() + "x", ".part")
    for name in alike:
        leave(tmp_path, name, age=1000)
    (tmp_path / temporary_name()).symlink_to("x")
    (tmp_path / temporary_name()).mkdir()
    os.mkfifo(tmp_path / temporary_name())
    assert clean(tmp_path).removed == 0
    assert len(names(tmp_path)) == len(alike) + 3


@MODES
def test_an_upload_that_runs_is_let_alone(tmp_path: Path, mode: UploadMode) -> None:
    upload = run_now(
        LocalFilesystem(tmp_path, InlineWorkers(), upload_mode=mode).open_write(
            P("/a"), Store.REPLACE, 0
        )
    )
    run_now(upload.begin())
    run_now(upload.write_at(0, b"whole"))
    for left in tmp_path.iterdir():
        os.utime(left, (0, 0))
    assert clean(tmp_path).removed == 0
    run_now(upload.commit())
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_what_arrived_waits_for_its_user(tmp_path: Path) -> None:
    young = leave(tmp_path, os.fsdecode(kept_name("alice", b"a")), age=6.9)
    leave(tmp_path, os.fsdecode(kept_name("alice", b"b")), age=7.1)
    cleaner = clean(tmp_path)
    assert (cleaner.removed, cleaner.kept) == (1, 1)
    assert list(tmp_path.iterdir()) == [young]
    assert clean(tmp_path, days=6).removed == 1


def test_where_there_are_no_locks_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int, __: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    leave(tmp_path)
    assert clean(tmp_path).removed == 0
    assert len(names(tmp_path)) == 1


def test_no_link_is_followed(tmp_path: Path) -> None:
    left = leave(tmp_path / "outside")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("../outside")
    assert clean(tmp_path / "root").removed == 0
    assert left.exists()


def test_folders_that_meet_and_folders_that_are_not_there(tmp_path: Path) -> None:
    leave(tmp_path / "in")
    (tmp_path / "same").symlink_to("in")
    folders = [tmp_path / "none", tmp_path / "in", tmp_path / "same", tmp_path / "in" / "x"]
    cleaner = clean(*folders)
    assert (cleaner.removed, cleaner.looked_at) == (1, 1)


def test_it_looks_no_further_than_the_bound(tmp_path: Path) -> None:
    for number in range(50):
        leave(tmp_path, f"file-{number}")
    assert clean(tmp_path, most=20).looked_at == 20


def test_a_directory_that_goes_while_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    leave(tmp_path)
    real = os.scandir

    def scandir(fd: int) -> Any:
        (tmp_path / "in").rmdir() if (tmp_path / "in").exists() else None
        return real(fd)

    monkeypatch.setattr(os, "scandir", scandir)
    assert clean(tmp_path).removed == 1


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    leave(tmp_path / "in")
    clean(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


# Where it looks


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    def user(name: str, number: int, home: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", number, number, "", home, "/bin/sh"))

    users = [
        user("root", 0, str(tmp_path / "home" / "root")),
        user("alice", 1000, str(tmp_path / "home" / "alice")),
        user("daemon", 1001, "/"),
        user("gone", 1002, str(tmp_path / "home" / "gone")),
    ]
    monkeypatch.setattr(cleaning.pwd, "getpwall", lambda: users)
    return tmp_path / "home"


def test_every_folder_that_settings_name(tmp_path: Path, homes: Path) -> None:
    served = [
        leave(tmp_path / "drop" / "alice" / "in"),
        leave(tmp_path / "drop" / "bob" / "in"),
        leave(tmp_path / "archive [1]"),
        leave(tmp_path / "pub"),
        leave(homes / "alice" / "of alice"),
    ]
    others = [
        leave(tmp_path / "drop" / "alice"),
        leave(tmp_path / "drop" / ".hidden" / "in"),
        leave(tmp_path / "archive 1"),
        leave(homes / "root"),
    ]
    settings = Settings(
        files=Files(
            root=str(tmp_path / "drop" / "{user}" / "in"),
            mounts=(
                f"/archive = {tmp_path}/archive [1]",
                "/home = {home}/of {user}",
                "/bucket = s3://bucket/x",
            ),
        ),
        anonymous=Anonymous(root=str(tmp_path / "pub")),
        unix=Unix(minimum_uid=1000),
    )
    cleaner = cleaner_of(settings)
    while cleaner.step():
        pass
    assert cleaner.removed == len(served)
    assert not [each for each in served if each.exists()]
    assert all(each.exists() for each in others)
