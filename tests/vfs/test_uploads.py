"""Uploads to a local disk: what the contract cannot see."""

from __future__ import annotations

import errno
import gc
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError, from_os_error
from ftptls.interfaces import IDescriptor, IUpload, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.temporaries import is_temporary, kept_name, temporary_name

P = PurePosixPath
WORKERS = InlineWorkers()
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)


@pytest.fixture(autouse=True)
def _no_leak() -> Iterator[None]:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def begin(
    root: Path,
    path: str,
    mode: UploadMode = UploadMode.ATOMIC,
    how: Store = Store.REPLACE,
    umask: int = 0o022,
) -> IUpload:
    filesystem = LocalFilesystem(root, WORKERS, upload_mode=mode, umask=umask)
    upload = run_now(filesystem.open_write(P(path), how, 0))
    run_now(upload.begin())
    return upload


def store(root: Path, path: str, mode: UploadMode = UploadMode.ATOMIC, umask: int = 0o022) -> None:
    upload = begin(root, path, mode, umask=umask)
    run_now(upload.write_at(0, b"new"))
    run_now(upload.commit())


def refusal(awaitable: object) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011
        run_now(awaitable)  # type: ignore[arg-type]
    return caught.value.errno or 0


def test_temporary_names() -> None:
    assert temporary_name() != temporary_name()
    assert is_temporary(temporary_name())
    assert is_temporary(temporary_name().upper())
    assert is_temporary(os.fsdecode(kept_name("alice", b"a")))
    for name in ("", ".ftptls-", "x" + temporary_name(), temporary_name() + "x", ".ftptls-1.part"):
        assert not is_temporary(name)
    assert len(temporary_name()) < 64


def test_temporary_files_cannot_be_seen_or_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    upload = begin(tmp_path, "/file")
    (name,) = set(os.listdir(tmp_path)) - {"file"}
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    filesystem = LocalFilesystem(tmp_path, WORKERS)
    for hidden in (P("/", name), P("/", name, "x"), P("/", temporary_name())):
        for attempt in (
            filesystem.stat(hidden),
            filesystem.open_read(hidden),
            filesystem.open_write(hidden, Store.REPLACE, 0),
            filesystem.make_directory(hidden),
            filesystem.remove_directory(hidden),
            filesystem.remove_file(hidden),
            filesystem.rename(hidden, P("/x")),
            filesystem.rename(P("/file"), hidden),
        ):
            assert refusal(attempt) == errno.ENOENT

    async def names() -> list[str]:
        return [entry.name async for batch in filesystem.scan(P("/")) for entry in batch]

    assert run_now(names()) == ["file"]
    run_now(upload.abandon())
    assert os.listdir(tmp_path) == ["file"]


@MODES
def test_a_link_stays_a_link(tmp_path: Path, mode: UploadMode) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("/in/real")
    upload = begin(tmp_path, "/link", mode)
    if mode is not UploadMode.DIRECT:
        assert len(os.listdir(tmp_path / "in")) == 2
    run_now(upload.write_at(0, b"new"))
    run_now(upload.commit())
    assert os.readlink(tmp_path / "link") == "/in/real"
    assert (tmp_path / "in" / "real").read_bytes() == b"new"
    assert os.listdir(tmp_path / "in") == ["real"]


@MODES
def test_a_link_to_what_is_not_there_yet(tmp_path: Path, mode: UploadMode) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("../../new")
    store(root, "/link", mode)
    assert (root / "new").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["root"]


@MODES
def test_new_files_get_the_mode_that_is_set(tmp_path: Path, mode: UploadMode) -> None:
    old = os.umask(0o077)
    try:
        store(tmp_path, "/a", mode)
        store(tmp_path, "/b", mode, umask=0o007)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o660


@MODES
def test_a_replaced_file_keeps_mode_and_owner(tmp_path: Path, mode: UploadMode) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    owner = os.getuid() or 1234
    os.chown(file, owner, -1)
    file.chmod(0o606)
    store(tmp_path, "/a", mode)
    info = file.stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o606, owner)
    file.chmod(0o4755)
    store(tmp_path, "/a")
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


def test_an_owner_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def refuse(_: int, uid: int, gid: int) -> None:
        asked.append((uid, gid))
        raise PermissionError(errno.EPERM, "not yours")

    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o640)
    monkeypatch.setattr(os, "fchown", refuse)
    store(tmp_path, "/a")
    monkeypatch.undo()
    assert [uid for uid, _ in asked] == [os.getuid(), -1]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@MODES
@pytest.mark.parametrize("how", list(Store))
def test_uploads_have_a_descriptor(tmp_path: Path, mode: UploadMode, how: Store) -> None:
    upload = begin(tmp_path, "/a", mode, how)
    assert verifyObject(IUpload, upload)
    assert verifyObject(IDescriptor, upload)
    descriptor = IDescriptor(upload)
    assert os.pwrite(descriptor.fileno(), b"abc", 0) == 3
    assert not os.get_inheritable(descriptor.fileno())
    run_now(upload.commit())
    with pytest.raises(OSError, match="Bad file"):
        descriptor.fileno()
    assert (tmp_path / "a").read_bytes() == b"abc"


@MODES
def test_a_file_that_grows_too_large(tmp_path: Path, mode: UploadMode) -> None:
    (tmp_path / "a").write_bytes(b"old")
    upload = begin(tmp_path, "/a", mode)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    try:
        with pytest.raises(OSError, match="large") as caught:
            run_now(upload.write_at(0, bytes(100_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert from_os_error(caught.value).reply.code == 552
    run_now(upload.abandon())
    assert os.listdir(tmp_path) == ["a"]
    kept = bytes(65536) if mode is UploadMode.DIRECT else b"old"
    assert (tmp_path / "a").read_bytes() == kept


@MODES
def test_what_close_says_is_told(
    tmp_path: Path, mode: UploadMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    upload = begin(tmp_path, "/a", mode)
    data, real = IDescriptor(upload).fileno(), os.close

    def close(fd: int) -> None:
        real(fd)
        if fd == data:
            raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "close", close)
    assert refusal(upload.commit()) == errno.EDQUOT
    monkeypatch.undo()
    run_now(upload.abandon())
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == (b"" if mode is UploadMode.DIRECT else b"old")


@MODES
def test_an_upload_that_is_dropped_cleans_up(tmp_path: Path, mode: UploadMode) -> None:
    upload = begin(tmp_path, "/a", mode)
    run_now(upload.write_at(0, b"part"))
    del upload
    gc.collect()
    left = {
        UploadMode.ATOMIC: [],
        UploadMode.ATOMIC_RESUME: [os.fsdecode(kept_name("", b"a"))],
        UploadMode.DIRECT: ["a"],
    }
    assert os.listdir(tmp_path) == left[mode]


def test_a_file_that_shrinks_before_it_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    filesystem = LocalFilesystem(tmp_path, WORKERS)
    upload = run_now(filesystem.open_write(P("/a"), Store.RESUME, 10))
    (tmp_path / "a").write_bytes(b"0123")
    with pytest.raises(PermanentError, match="554"):
        run_now(upload.begin())
    run_now(upload.abandon())
    assert (tmp_path / "a").read_bytes() == b"0123"


def test_the_end_is_where_it_is_when_an_append_begins(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123")
    filesystem = LocalFilesystem(tmp_path, WORKERS)
    upload = run_now(filesystem.open_write(P("/a"), Store.APPEND, 0))
    (tmp_path / "a").write_bytes(b"012345")
    run_now(upload.begin())
    assert upload.offset == 6
    run_now(upload.abandon())


def test_a_file_that_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def open_(name: bytes, flags: int, *args: object, **kwargs: object) -> int:
        if name == b"a":
            number = errno.EEXIST if flags & os.O_CREAT else errno.ENOENT
            raise OSError(number, os.strerror(number))
        return real(name, flags, *args, **kwargs)  # type: ignore[arg-type]

    filesystem = LocalFilesystem(tmp_path, WORKERS, upload_mode=UploadMode.DIRECT)
    upload = run_now(filesystem.open_write(P("/a"), Store.REPLACE, 0))
    monkeypatch.setattr(os, "open", open_)
    assert refusal(upload.begin()) == errno.EAGAIN


def test_a_directory_that_moves_keeps_its_upload(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    upload = begin(tmp_path, "/in/a")
    run_now(upload.write_at(0, b"whole"))
    (tmp_path / "in").rename(tmp_path / "out")
    run_now(upload.commit())
    assert (tmp_path / "out" / "a").read_bytes() == b"whole"


def test_commit_when_the_directory_has_gone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    upload = begin(tmp_path, "/in/a")
    for name in os.listdir(tmp_path / "in"):
        (tmp_path / "in" / name).unlink()
    (tmp_path / "in").rmdir()
    assert refusal(upload.commit()) == errno.ENOENT
    run_now(upload.abandon())


@pytest.mark.parametrize("mode", [UploadMode.ATOMIC, UploadMode.ATOMIC_RESUME])
@pytest.mark.parametrize("how", [Store.REPLACE, Store.NEW])
def test_a_crash_between_any_two_calls_leaves_no_half_file(
    tmp_path: Path, mode: UploadMode, how: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    seen: list[bytes | None] = []

    def watched(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            result = real(*args, **more)
            seen.append(target.read_bytes() if target.exists() else None)
            return result

        return call

    upload = begin(tmp_path, "/a", mode, how)
    run_now(upload.write_at(0, b"new"))
    for name in ("open", "close", "link", "unlink", "rename", "fchmod"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    run_now(upload.commit())
    monkeypatch.undo()
    assert set(seen) == {None, b"new"}
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_hard_links(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    late, upload = (begin(tmp_path, "/a", how=Store.NEW) for _ in range(2))
    run_now(upload.write_at(0, b"new"))
    run_now(upload.commit())
    assert refusal(late.commit()) == errno.EEXIST
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]
