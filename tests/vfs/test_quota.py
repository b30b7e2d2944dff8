"""Quotas: the contract, what counts for whom, what does not fit, and what a crash leaves."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ftptls.interfaces import IBounded, IDescriptor, IFilesystem, ISpace, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import (
    HardLinksContract,
    RealPathsContract,
    run_now,
)
from ftptls.vfs.book import Account, Usage
from ftptls.vfs.encrypted import Encrypted
from ftptls.vfs.guarantees import LOCAL, LOCAL_DIRECT, MEMORY, QUOTA
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.quota import Quota, size_on_disk
from ftptls.vfs.sealing import Keys
from ftptls.vfs.versions import Versions
from ftptls.vfs.wrapping import Wrapper
from tests.vfs import calls
from tests.vfs.calls import WORKERS, path
from tests.vfs.test_contract import LocalContract, MemoryContract

ALICE, BOB, ALL = Account("user:alice", 100, 3), Account("user:bob", 100), Account("group:all", 150)

LARGE = Account("user:carol", 1 << 30)


class TestQuotaInMemory(MemoryContract):
    guarantees = QUOTA.of(MEMORY)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        self.ledger = Ledger(":memory:")
        return Quota(filesystem, self.ledger, "/m", [LARGE], self.workers)

    def counted(self) -> Usage:
        """What counts once the server starts again; it must be what is there."""
        sizes = {f"/m{where}": len(data) for where, data in self.memory.contents().items()}
        self.ledger.recover(lambda key: sizes.get(os.fsdecode(key)))
        return self.ledger.usage().get(LARGE.name, Usage())

    def test_what_nobody_waits_for_counts_as_it_is(self) -> None:
        for _ in self.cancelled({}, self.whole(path("/a"))):
            stored = self.memory.contents().values()
            assert self.counted() == Usage(sum(map(len, stored)), len(stored))

    def test_changes_that_nobody_waits_for_count_as_they_are(self) -> None:
        async def change(filesystem: IFilesystem) -> None:
            await self.whole(path("/a"))(filesystem)
            await filesystem.rename(path("/a"), path("/b"))
            await filesystem.remove_file(path("/b"))

        for _ in self.cancelled({}, change):
            stored = self.memory.contents().values()
            assert self.counted() == Usage(sum(map(len, stored)), len(stored))


class TestQuotaInMemoryDirect(TestQuotaInMemory):
    guarantees = None
    upload_mode = UploadMode.DIRECT
    atomic = False


class TestQuotaLocal(LocalContract, HardLinksContract, RealPathsContract):
    guarantees = QUOTA.of(LOCAL)

    def around(self, filesystem: IFilesystem) -> IFilesystem:
        return Quota(filesystem, Ledger(":memory:"), "/l", [LARGE], self.workers)


class TestQuotaLocalDirect(TestQuotaLocal):
    guarantees = QUOTA.of(LOCAL_DIRECT)
    upload_mode = UploadMode.DIRECT
    atomic = False


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(str(tmp_path / "ledger"))
    yield made
    made.close()


Make = Callable[..., IFilesystem]


@pytest.fixture(params=["memory", "local", "local direct"])
def make(request, tmp_path: Path, ledger: Ledger) -> Make:
    """Filesystems over the same files, for one account or several."""
    mode = UploadMode.DIRECT if "direct" in request.param else UploadMode.ATOMIC
    (tmp_path / "files").mkdir()
    memory = MemoryFilesystem()

    def make(*accounts: Account) -> IFilesystem:
        inner: IFilesystem = memory
        if request.param != "memory":
            inner = LocalFilesystem(tmp_path / "files", WORKERS, upload_mode=mode)
        return Quota(inner, ledger, str(tmp_path / "files"), accounts, WORKERS)

    return make


def store(
    files: IFilesystem, where: str, size: int, how: Store = Store.REPLACE, offset: int = 0
) -> None:
    calls.store(files, where, bytes(size), how, offset)


def refused(change: Callable[..., Any], *args: Any) -> bool:
    try:
        result = change(*args)
        if isinstance(result, Awaitable):
            run_now(result)
    except OSError as error:
        if error.errno != errno.EDQUOT:
            raise
        return True
    return False


def sizes(files: IFilesystem, where: str = "/") -> dict[str, int]:
    async def scan() -> dict[str, int]:
        return {e.name: e.size async for batch in files.scan(path(where)) for e in batch}

    return run_now(scan())


def test_files_count_for_those_who_stored_them(make, ledger):
    alice, bob = make(ALICE, ALL), make(BOB, ALL)
    store(alice, "/a", 40)
    store(bob, "/b", 50)
    assert ledger.usage() == {
        "group:all": Usage(90, 2),
        "user:alice": Usage(40, 1),
        "user:bob": Usage(50, 1),
    }
    run_now(bob.remove_file(path("/a")))
    run_now(bob.rename(path("/b"), path("/c")))
    assert ledger.usage()["user:alice"] == Usage()
    assert ledger.usage()["group:all"] == Usage(50, 1)


def test_who_replaces_a_file_accounts_for_it_and_who_changes_it_does_not(make, ledger):
    alice, bob = make(ALICE), make(BOB)
    store(alice, "/a", 40)
    store(bob, "/a", 5, Store.APPEND)
    assert ledger.usage() == {"user:alice": Usage(45, 1)}
    store(bob, "/a", 30, Store.RESUME, 20)
    assert ledger.usage()["user:alice"] == Usage(50, 1)


def test_atomic_replacement_changes_hands(ledger, tmp_path):
    inner = MemoryFilesystem()
    alice, bob = (Quota(inner, ledger, "/m", [each], WORKERS) for each in (ALICE, BOB))
    store(alice, "/a", 40)
    store(bob, "/a", 30)
    assert ledger.usage() == {"user:alice": Usage(), "user:bob": Usage(30, 1)}


def test_what_does_not_fit_is_refused_and_leaves_what_was(make, ledger):
    files = make(ALICE)
    store(files, "/a", 60)
    assert refused(store, files, "/b", 41)
    assert refused(store, files, "/a", 41, Store.APPEND)
    assert refused(store, files, "/a", 81, Store.RESUME, 20)
    assert "b" not in sizes(files) or sizes(files)["b"] <= 40
    assert sizes(files)["a"] <= 100
    store(files, "/a", 100 - sum(sizes(files).values()) + sizes(files)["a"])
    assert ledger.usage()["user:alice"].octets == sum(sizes(files).values()) == 100
    for how in (Store.REPLACE, Store.APPEND, Store.NEW, Store.RESUME):
        assert refused(lambda how=how: files.open_write(path("/c"), how, 0))
    assert run_now(files.available(path("/"))) == 0


def test_a_full_account_may_store_what_takes_no_more(make, ledger):
    files = make(ALICE)
    store(files, "/a", 100)
    store(files, "/a", 100)
    store(files, "/a", 60)
    assert ledger.usage() == {"user:alice": Usage(60, 1)}


def test_an_account_that_was_cut_may_still_get_smaller(make, ledger):
    store(make(ALICE), "/a", 90)
    less = make(Account("user:alice", 50))
    assert refused(store, less, "/a", 95)
    if sizes(less)["a"] == 90:  # what is stored in place is gone by then
        assert refused(store, less, "/b", 1)
    store(less, "/a", 40)
    assert ledger.usage() == {"user:alice": Usage(40, 1)}


def test_so_many_files(make, ledger):
    files = make(ALICE)
    for name in "abc":
        store(files, f"/{name}", 1)
    assert refused(store, files, "/d", 1)
    assert run_now(files.available(path("/"))) == 0
    store(files, "/c", 2)
    run_now(files.rename(path("/b"), path("/c")))
    store(files, "/d", 1)
    assert ledger.usage() == {"user:alice": Usage(3, 3)}


def test_every_account_must_have_room(make):
    alice, bob = make(ALICE, ALL), make(BOB, ALL)
    store(alice, "/a", 90)
    assert refused(store, bob, "/b", 61)
    run_now(bob.remove_file(path("/b"))) if "b" in sizes(bob) else None
    store(bob, "/b", 60)
    assert run_now(alice.available(path("/"))) == 0


def test_available_is_what_the_account_has_left_or_the_disk(make, ledger):
    files = make(ALICE)
    assert run_now(files.available(path("/"))) == 100
    store(files, "/a", 30)
    assert run_now(files.available(path("/"))) == 70
    assert run_now(make(Account("user:x")).available(path("/"))) > 70


def test_directories_are_renamed_with_what_is_in_them(make, ledger):
    files = make(ALICE)
    for name in ("/in", "/in/deep"):
        run_now(files.make_directory(path(name)))
    store(files, "/in/deep/a", 10)
    store(files, "/inside", 20)
    run_now(files.rename(path("/in"), path("/out")))
    run_now(files.remove_file(path("/out/deep/a")))
    assert ledger.usage() == {"user:alice": Usage(20, 1)}


def test_what_fails_changes_nothing_in_the_ledger(make, ledger):
    files = make(ALICE)
    run_now(files.make_directory(path("/in")))
    store(files, "/in/a", 10)
    for change, args in (
        (files.rename, ("/in/a", "/none/a")),
        (files.rename, ("/none", "/b")),
        (files.remove_file, ("/in",)),
        (files.remove_file, ("/none",)),
        (files.remove_directory, ("/in",)),
    ):
        with pytest.raises(OSError, match=r"No such|Is a dir|not empty"):
            run_now(change(*map(path, args)))
    assert ledger.usage() == {"user:alice": Usage(10, 1)}
    assert notes(ledger) == 0


def notes(ledger: Ledger) -> int:
    connection = sqlite3.connect(ledger._path)
    (count,) = connection.execute("SELECT count(*) FROM changes").fetchone()
    connection.close()
    return count


def test_an_upload_that_breaks(make, ledger):
    files = make(ALICE)
    store(files, "/a", 10)
    upload = run_now(files.open_write(path("/a"), Store.APPEND, 0))
    run_now(upload.begin())
    run_now(upload.write_at(10, bytes(5)))
    run_now(upload.abandon())
    run_now(upload.abandon())
    assert ledger.usage() == {"user:alice": Usage(15, 1)}
    upload = run_now(files.open_write(path("/b"), Store.REPLACE, 0))
    run_now(upload.begin())
    run_now(upload.write_at(0, bytes(5)))
    run_now(upload.abandon())
    assert ledger.usage()["user:alice"].octets == sum(sizes(files).values())
    assert notes(ledger) == 0


def test_what_nobody_stored_here_counts_for_nobody(make, ledger, tmp_path):
    files = make(ALICE)
    store(files._files, "/found", 1000)
    run_now(files.rename(path("/found"), path("/here")))
    store(files, "/a", 100)
    run_now(files.remove_file(path("/here")))
    assert ledger.usage() == {"user:alice": Usage(100, 1)}


def test_it_is_told_where_an_upload_must_end(make):
    files = make(ALICE)
    store(files, "/a", 30)
    for where, how, end in (
        ("/a", Store.REPLACE, 100),
        ("/a", Store.APPEND, 100),
        ("/b", Store.REPLACE, 70),
    ):
        upload = run_now(files.open_write(path(where), how, 0))
        assert IBounded(upload).end == end
        run_now(upload.abandon())


def test_the_data_path_may_write_by_itself(ledger, tmp_path):
    files = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, str(tmp_path), [ALICE], WORKERS)
    upload = run_now(files.open_write(path("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    os.pwrite(IDescriptor(upload).fileno(), bytes(50), 0)
    run_now(upload.commit())
    assert ledger.usage() == {"user:alice": Usage(50, 1)}


def test_other_layers_count_as_they_are_stored(ledger, tmp_path):
    inner = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, "/x", [BOB], WORKERS)
    files = Versions(inner, 2)
    for _ in range(2):
        store(files, "/a", 40)
    assert ledger.usage() == {"user:bob": Usage(80, 2)}
    assert refused(store, files, "/a", 40)
    roomy = Account("user:carol", 1000)
    sealed = Encrypted(
        Quota(MemoryFilesystem(), ledger, "/y", [roomy], WORKERS), Keys([bytes(32)]), WORKERS
    )
    store(sealed, "/a", 10)
    store(sealed, "/a", 5, Store.APPEND)
    assert ledger.usage()["user:carol"] == Usage(48 + 28 + 15, 1)


# what a crash leaves


class Crash(BaseException):
    """The process is no more: nothing that would tidy up runs."""


class Crashing(Wrapper):
    """Stops everything before or after its next change."""

    before = True

    async def rename(self, source, target):
        if self.before:
            raise Crash
        await self._files.rename(source, target)
        raise Crash


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("what", ["/a", "/in"])
def test_a_crash_in_a_rename(tmp_path, ledger, monkeypatch, before, what):
    inner = Crashing(LocalFilesystem(tmp_path, WORKERS))
    inner.before = before
    files = Quota(inner, ledger, str(tmp_path), [ALICE], WORKERS)
    run_now(files.make_directory(path("/in")))
    for name in ("/a", "/in/b"):
        store(files, name, 10)

    async def nothing(change):
        return

    monkeypatch.setattr(files, "undo", nothing)
    with pytest.raises(Crash):
        run_now(files.rename(path(what), path("/new")))
    assert notes(ledger) == 1
    again = Ledger(ledger._path)
    assert again.recover(size_on_disk) == 1
    assert again.recount(size_on_disk) == 0
    assert again.usage() == {"user:alice": Usage(20, 2)}
    again.close()


@pytest.mark.parametrize("size", [None, 10, 15, 30], ids=["gone", "old", "part", "new"])
def test_a_crash_in_an_upload(tmp_path, ledger, size):
    """Whatever is there afterwards is what counts."""
    target = tmp_path / "a"
    key = os.fsencode(target)
    ledger.strike(ledger.charge(key, 10, [ALICE]))
    ledger.charge(key, 30, [BOB])
    if size is not None:
        target.write_bytes(bytes(size))
    assert ledger.recover(size_on_disk) == 1
    expected = {"user:alice": Usage(), "user:bob": Usage()}
    if size is not None:
        expected["user:alice" if size == 10 else "user:bob"] = Usage(size, 1)
    assert {"user:bob": Usage(), **ledger.usage()} == expected


def test_another_server_that_starts_meanwhile(tmp_path, ledger):
    """It looks up what is in progress as if it were left behind; what comes of it counts."""

    def start() -> None:
        other = Ledger(ledger._path)
        assert other.recover(size_on_disk) == 1
        other.strike(other.charge(b"/others", 7, [BOB]))
        other.close()

    files = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, str(tmp_path), [ALICE], WORKERS)
    store(files, "/a", 10)
    upload = run_now(files.open_write(path("/a"), Store.APPEND, 0))
    run_now(upload.begin())
    start()
    run_now(upload.write_at(upload.offset, bytes(5)))
    run_now(upload.commit())
    assert ledger.usage()["user:alice"] == Usage(15, 1)
    change = ledger.charge(os.fsencode(tmp_path / "a"), 40, [ALICE])
    start()
    ledger.strike(change)
    assert ledger.usage()["user:alice"] == Usage(40, 1)
    change = ledger.charge(os.fsencode(tmp_path / "a"), 50, [ALICE])
    start()
    ledger.undo(change)
    assert ledger.usage()["user:alice"] == Usage(40, 1)
    for late in (False, True):
        name, other = (tmp_path / "a", tmp_path / "b")[:: -1 if late else 1]
        change = ledger.note(os.fsencode(name), [ALICE], os.fsencode(other))
        if late:
            start()
        name.rename(other)
        if not late:
            start()
        ledger.move(change)
        ledger.strike(ledger.charge(os.fsencode(other), 20, [ALICE]))
        assert ledger.usage() == {"user:alice": Usage(20, 1), "user:bob": Usage(7, 1)}


def test_an_upload_that_broke_off_goes_on_however_large_the_file_is(tmp_path, ledger):
    inner = LocalFilesystem(tmp_path, WORKERS, upload_mode=UploadMode.ATOMIC_RESUME, user="alice")
    files = Quota(inner, ledger, str(tmp_path), [ALICE], WORKERS)
    store(files, "/a", 100)
    upload: Any = run_now(files.open_write(path("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    run_now(upload.write_at(0, bytes(10)))
    assert run_now(upload.keep()) == 10
    store(files, "/a", 20, Store.APPEND)
    assert ledger.usage() == {"user:alice": Usage(30, 1)}
    assert ledger.recount(size_on_disk) == 0


def test_a_directory_comes_to_where_others_have_deleted_files(tmp_path, ledger):
    files = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, str(tmp_path), [ALICE], WORKERS)
    for folder in ("/old", "/new"):
        run_now(files.make_directory(path(folder)))
        store(files, f"{folder}/a", 10)
    (tmp_path / "new/a").unlink()
    run_now(files.rename(path("/old"), path("/new")))
    assert ledger.usage() == {"user:alice": Usage(10, 1)}
    assert ledger.recount(size_on_disk) == 0


def test_a_link_that_is_exchanged_meanwhile_leads_to_nothing_uncounted(tmp_path, ledger):
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("in")
    files = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, str(tmp_path), [ALICE], WORKERS)
    upload = run_now(files.open_write(path("/link/a"), Store.REPLACE, 0))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("out")
    run_now(upload.begin())
    run_now(upload.write_at(0, bytes(10)))
    run_now(upload.commit())
    assert (tmp_path / "in/a").stat().st_size == 10
    assert ledger.usage() == {"user:alice": Usage(10, 1)}
    assert ledger.recount(size_on_disk) == 0


def test_what_others_changed_is_counted_again(tmp_path, ledger):
    files = Quota(LocalFilesystem(tmp_path, WORKERS), ledger, str(tmp_path), [ALICE], WORKERS)
    for name in "abc":
        store(files, f"/{name}", 10)
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(bytes(25))
    assert ledger.recount(size_on_disk) == 2
    assert ledger.usage() == {"user:alice": Usage(35, 2)}


def test_a_ledger_that_cannot_be_used(tmp_path):
    broken = tmp_path / "ledger"
    broken.write_text("no database at all, but long enough to look like one" * 100)
    files = Quota(MemoryFilesystem(), Ledger(str(broken)), "/m", [ALICE], WORKERS)
    with pytest.raises(OSError, match="file is not a database"):
        store(files, "/a", 1)
    assert sizes(files) == {}


def test_names_that_are_no_text(ledger):
    odd = Account("user:\udcff")
    files = Quota(MemoryFilesystem(), ledger, "/m", [odd], WORKERS)
    run_now(files.make_directory(path("/d\udcfe")))
    store(files, "/d\udcfe/\udcff", 10)
    run_now(files.rename(path("/d\udcfe"), path("/\udcfc")))
    assert ledger.usage() == {r"user:\udcff": Usage(10, 1)}
    run_now(files.remove_file(path("/\udcfc/\udcff")))
    assert ledger.usage() == {r"user:\udcff": Usage()}


# in any order

NAMES = st.sampled_from(["/a", "/b", "/in/a", "/in/b", "/in/deep/c"])
FOLDERS = st.sampled_from(["/in", "/in/deep", "/out"])


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done, the ledger has what is there, and nobody has more than he may."""

    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.inner = MemoryFilesystem()
        self.ledger = Ledger(":memory:")
        self.sessions = [
            Quota(self.inner, self.ledger, "/m", [each, ALL], WORKERS) for each in (ALICE, BOB)
        ]

    def attempt(self, change: Callable[..., Any], *args: Any) -> None:
        try:
            result = change(*args)
            if isinstance(result, Awaitable):
                run_now(result)
        except OSError:
            return
        except Exception as error:
            if "554" not in str(error):
                raise

    @rule(who=st.sampled_from([0, 1]), name=NAMES, size=st.integers(0, 120))
    def upload(self, who, name, size):
        self.attempt(store, self.sessions[who], name, size)

    @rule(who=st.sampled_from([0, 1]), name=NAMES, size=st.integers(0, 60), at=st.integers(0, 60))
    def go_on(self, who, name, size, at):
        how = Store.RESUME if at else Store.APPEND
        self.attempt(store, self.sessions[who], name, size, how, at)

    @rule(who=st.sampled_from([0, 1]), name=NAMES)
    def remove(self, who, name):
        self.attempt(self.sessions[who].remove_file, path(name))

    @rule(who=st.sampled_from([0, 1]), old=NAMES | FOLDERS, new=NAMES | FOLDERS)
    def rename(self, who, old, new):
        self.attempt(self.sessions[who].rename, path(old), path(new))

    @rule(folder=FOLDERS, make=st.booleans())
    def folder(self, folder, make):
        session = self.sessions[0]
        change = session.make_directory if make else session.remove_directory
        self.attempt(change, path(folder))

    @invariant()
    def ledger_has_what_is_there(self):
        there = self.inner.contents()
        usage = self.ledger.usage()
        everything = usage.get("group:all", Usage())
        assert everything == Usage(sum(map(len, there.values())), len(there))
        each = [usage.get(account.name, Usage()) for account in (ALICE, BOB)]
        assert sum(one.octets for one in each) == everything.octets
        assert sum(one.files for one in each) == everything.files
        assert self.ledger.recount(lambda key: len(there[key.decode()[2:]])) == 0

    @invariant()
    def nobody_has_more_than_he_may(self):
        usage = self.ledger.usage()
        assert usage.get("group:all", Usage()).octets <= 150
        assert usage.get("user:alice", Usage()).files <= 3


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_isspace_is_provided_by_what_has_none():
    class Spaceless(Wrapper):
        lost = frozenset({ISpace})

    files = Quota(Spaceless(MemoryFilesystem()), Ledger(":memory:"), "/m", [ALICE], WORKERS)
    assert run_now(files.available(path("/"))) == 100
