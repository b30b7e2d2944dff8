"""Encrypted files: the contract, what is on the disk, and what becomes of damage."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.errors import FTPError, PermanentError, TransientError
from ftptls.interfaces import IFilesystem, IUpload, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    HardLinksContract,
    InlineWorkers,
    RealPathsContract,
    run_now,
)
from ftptls.vfs.encrypted import Encrypted
from ftptls.vfs.guarantees import ENCRYPTED, LOCAL, LOCAL_DIRECT, MEMORY
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.sealing import CHUNK, HEADER, RECORD, FileKey, Keys, plain_size
from ftptls.vfs.wrapping import WrappedUpload, Wrapper
from tests.vfs.calls import WORKERS, read, store
from tests.vfs.test_contract import LocalContract, MemoryContract

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
ROOT = PurePosixPath("/")


class TestEncryptedInMemory(MemoryContract):
    guarantees = ENCRYPTED.of(MEMORY)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return self.fill(super().make_filesystem({}), content)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Encrypted(filesystem, Keys([KEY]), WORKERS)


class TestEncryptedInMemoryDirect(TestEncryptedInMemory):
    guarantees = None
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestEncryptedLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = ENCRYPTED.of(LOCAL)

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return self.fill(super().make_filesystem({}), content)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Encrypted(filesystem, Keys([KEY]), WORKERS)


class TestEncryptedLocalDirect(TestEncryptedLocal):
    guarantees = ENCRYPTED.of(LOCAL_DIRECT)
    upload_mode = UploadMode.DIRECT
    atomic = False


@pytest.fixture(params=list(UploadMode)[:2], ids=lambda mode: mode.value)
def inner(request) -> MemoryFilesystem:
    return MemoryFilesystem(upload_mode=request.param)


@pytest.fixture
def files(inner: MemoryFilesystem) -> Encrypted:
    return Encrypted(inner, Keys([KEY]), WORKERS)


SIZES = [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17]


@pytest.mark.parametrize("size", SIZES)
def test_any_part_of_a_file_of_any_size(files, inner, size):
    data = os.urandom(size)
    store(files, "/a", data)
    entry = run_now(files.stat(PurePosixPath("/a")))
    assert entry.size == size == plain_size(len(inner.contents()["/a"]))
    assert read(files, "/a") == data
    for offset in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5, size):
        for length in (0, 1, 10, CHUNK, 2 * CHUNK + 1):
            assert read(files, "/a", offset, length) == data[offset : offset + length]


def test_nothing_of_it_is_on_the_disk(files, inner):
    data = b"very secret words " * 10_000
    store(files, "/a", data)
    store(files, "/b", data)
    a, b = inner.contents()["/a"], inner.contents()["/b"]
    assert b"secret" not in a
    # Neither that two files are one, nor that parts of one are the same.
    assert len({a[at : at + 16] for at in range(HEADER, len(a), 16)}) > len(a) // 16 - 8
    assert a[HEADER:] != b[HEADER:]


@given(
    old=st.integers(0, 3 * CHUNK),
    new=st.lists(st.integers(0, CHUNK + 3), max_size=4),
    offset=st.integers(0, 3 * CHUNK),
    append=st.booleans(),
    edge=st.booleans(),
)
def test_what_goes_on_in_a_file_is_what_it_would_be_in_clear(old, new, offset, append, edge):
    if edge:  # chunks end there
        old, offset = old // CHUNK * CHUNK, offset // CHUNK * CHUNK
    offset = min(offset, old)
    clear = MemoryFilesystem()
    stored = MemoryFilesystem()
    files = Encrypted(stored, Keys([KEY]), WORKERS)
    data = os.urandom(old)
    for each in (clear, files):
        store(each, "/a", data)
    pieces = [os.urandom(size) for size in new]
    for each in (clear, files):
        how = Store.APPEND if append else Store.RESUME
        upload = run_now(each.open_write(PurePosixPath("/a"), how, 0 if append else offset))
        run_now(upload.begin())
        at = upload.offset
        assert at == (old if append else offset)
        for piece in pieces:
            run_now(upload.write_at(at, piece))
            at += len(piece)
            if each is files:  # also half-way, and for another session
                size = max(old, at)
                other = Encrypted(stored, Keys([KEY]), WORKERS)
                assert run_now(other.stat(PurePosixPath("/a"))).size == size
                assert len(read(other, "/a")) == size
        run_now(upload.commit())
    assert read(files, "/a") == clear.contents()["/a"]


def test_octets_come_one_behind_the_other(files):
    upload = run_now(files.open_write(PurePosixPath("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    run_now(upload.write_at(0, b"123"))
    with pytest.raises(OSError, match="Illegal seek"):
        run_now(upload.write_at(5, b"6"))
    run_now(upload.write_at(3, b"45"))
    run_now(upload.commit())
    assert read(files, "/a") == b"12345"


def test_a_file_of_no_octets_is_one(files, inner):
    store(inner, "/touched", b"")
    assert read(files, "/touched") == b""
    store(files, "/touched", b"more", Store.APPEND)
    assert read(files, "/touched") == b"more"


def test_keys_can_be_changed(inner):
    store(Encrypted(inner, Keys([KEY]), WORKERS), "/old", b"old")
    both = Encrypted(inner, Keys([OTHER, KEY]), WORKERS)
    store(both, "/new", b"new")
    store(both, "/old", b"er", Store.APPEND)
    assert read(both, "/old") == b"older"
    assert read(Encrypted(inner, Keys([OTHER]), WORKERS), "/new") == b"new"
    for change in (
        lambda files: read(files, "/old"),
        lambda files: store(files, "/old", b"x", Store.APPEND),
    ):
        with pytest.raises(PermanentError, match="550 This file needs a key"):
            change(Encrypted(inner, Keys([OTHER]), WORKERS))
    assert read(both, "/old") == b"older"


def test_files_that_somebody_else_stored_are_not_read(files, inner):
    store(inner, "/plain", b"x" * 1000)
    with pytest.raises(PermanentError, match="550 This file was not stored encrypted"):
        read(files, "/plain")
    with pytest.raises(PermanentError, match="550 This file was not stored encrypted"):
        store(files, "/plain", b"x", Store.APPEND)
    assert inner.contents()["/plain"] == b"x" * 1000
    store(files, "/plain", b"replaced")
    assert read(files, "/plain") == b"replaced"


def damaged(stored: bytes) -> dict[str, bytes]:
    first, second = (stored[HEADER + n * RECORD :][:RECORD] for n in range(2))
    rest = stored[HEADER + 2 * RECORD :]
    return {
        "an octet": stored[:-1] + bytes([stored[-1] ^ 1]),
        "a nonce": stored[:HEADER] + bytes([stored[HEADER] ^ 1]) + stored[HEADER + 1 :],
        "the salt": stored[: HEADER - 1] + bytes([stored[HEADER - 1] ^ 1]) + stored[HEADER:],
        "exchanged": stored[:HEADER] + second + first + rest,
        "repeated": stored[:HEADER] + first + first + rest,
        "cut between": stored[: HEADER + 2 * RECORD],
        "cut within": stored[:-10],
        "longer": stored + b"x",
        "header alone": stored[:HEADER],
        "header alone and a bit": stored[: HEADER + 40],
        "header and a record of nothing": stored[: HEADER + 28],
    }


@pytest.mark.parametrize("how", damaged(bytes(HEADER + 3 * RECORD)))
def test_what_was_changed_on_the_disk_is_noticed(files, inner, how):
    store(files, "/a", os.urandom(2 * CHUNK + 100))
    store(inner, "/a", damaged(inner.contents()["/a"])[how])
    with pytest.raises(FTPError):
        read(files, "/a")


def test_a_record_of_another_file_is_noticed(files, inner):
    for name in "ab":
        store(files, f"/{name}", os.urandom(CHUNK + 1))
    a, b = (inner.contents()[f"/{name}"] for name in "ab")
    store(inner, "/a", a[:HEADER] + b[HEADER:])
    with pytest.raises(TransientError, match="451 The stored file is damaged"):
        read(files, "/a")


@pytest.mark.parametrize("keys", [[], [b"short"], [KEY, b"x" * 33]])
def test_keys_that_are_none(keys):
    with pytest.raises(ValueError, match="32 octets"):
        Keys(keys)


class FullDisk(Wrapper):
    """A disk with room for so many more octets; what there is of a file can be written over."""

    room = 0

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        return _OnFullDisk(await super().open_write(path, how, offset), self, path)


class _OnFullDisk(WrappedUpload):
    def __init__(self, upload: IUpload, disk: FullDisk, path: PurePosixPath) -> None:
        super().__init__(upload)
        self._disk, self._path = disk, path

    async def write_at(self, offset: int, data: bytes) -> None:
        end = (await self._disk.stat(self._path)).size + self._disk.room
        await super().write_at(offset, data[: max(0, end - offset)])
        if offset + len(data) > end:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("how", [Store.APPEND, Store.RESUME])
@pytest.mark.parametrize("size", [0, 10, CHUNK - 5, CHUNK, CHUNK + 10])
@pytest.mark.parametrize("room", [0, 1, 100, CHUNK, CHUNK + 100])
def test_a_disk_that_is_full_takes_nothing_of_what_was_there(how, size, room):
    inner = MemoryFilesystem()
    old, new = os.urandom(size), os.urandom(3 * CHUNK)
    store(Encrypted(inner, Keys([KEY]), WORKERS), "/a", old)
    disk = FullDisk(inner)
    disk.room = room
    files = Encrypted(disk, Keys([KEY]), WORKERS)
    with pytest.raises(OSError, match="No space"):
        store(files, "/a", new, how, size if how is Store.RESUME else 0, piece=2 * CHUNK)
    found = read(files, "/a")
    assert found.startswith(old)
    assert (old + new).startswith(found)


class WatchedWorkers(InlineWorkers):
    """They know whether one of their calls runs."""

    def __init__(self) -> None:
        self.working = False

    async def run(self, call: Any, *args: Any) -> Any:
        self.working = True
        try:
            return await super().run(call, *args)
        finally:
            self.working = False


def test_records_are_sealed_and_opened_by_workers(monkeypatch):
    workers, seen = WatchedWorkers(), []
    for name in ("seal", "open"):
        real = getattr(FileKey, name)

        def watched(*args: Any, real: Any = real, **more: Any) -> Any:
            seen.append(workers.working)
            return real(*args, **more)

        monkeypatch.setattr(FileKey, name, watched)
    files = Encrypted(MemoryFilesystem(), Keys([KEY]), workers)
    store(files, "/a", bytes(3 * CHUNK))
    store(files, "/a", bytes(CHUNK), Store.APPEND)
    assert read(files, "/a") == bytes(4 * CHUNK)
    assert len(seen) == 10
    assert all(seen)
