"""A local folder, used as users of the operating system: the kernel judges, thread by thread."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from ftptls.interfaces import IOwnWorkers, IUpload, IWorkers, Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs import owners
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.owners import Owner, OwnerWorkers, acting_as, objection
from ftptls.vfs.small import SMALL
from tests.unix import (
    ALICE,
    as_root,
    drop_capabilities,
    keep_capabilities,
    on_a_thread,
    reachable_folder,
)

P = PurePosixPath
MODES = pytest.mark.parametrize("mode", list(UploadMode), ids=lambda mode: mode.value)

SHARED = 5000
OWNERS = {
    "alice": Owner(4001, 4001, (4001, SHARED)),
    "bob": Owner(4002, 4002, (4002, SHARED)),
}


def who() -> tuple[Any, ...]:
    """Whose rights this thread has."""
    return os.getresuid(), os.getresgid(), os.getgroups()


@pytest.fixture(autouse=True)
def _same_as_before() -> Iterator[None]:
    before = who()
    yield
    assert who() == before


@pytest.fixture
def root() -> Iterator[Path]:
    with reachable_folder() as folder:
        folder.chmod(0o777)
        yield folder


def filesystem(root: Path, name: str = "alice", **options: Any) -> LocalFilesystem:
    """A folder, used by one of them."""
    workers = options.pop("workers", InlineWorkers())
    return LocalFilesystem(root, workers, owner=OWNERS[name], **options)


def store(files: LocalFilesystem, path: str, how: Store = Store.REPLACE) -> None:
    async def upload() -> None:
        made: IUpload = await files.open_write(P(path), how, 0)
        await made.begin()
        await made.write_at(made.offset, b"octets")
        await made.commit()

    run_now(upload())


def fetch(files: LocalFilesystem, path: str) -> bytes:
    async def read() -> bytes:
        reader = await files.open_read(P(path))
        try:
            return await reader.read_at(0, 100)
        finally:
            await reader.close()

    return run_now(read())


def names(files: LocalFilesystem, path: str = "/") -> dict[str, str]:
    """Names, and their perm facts."""

    async def collect() -> dict[str, str]:
        return {e.name: e.perm for batch in [b async for b in files.scan(P(path))] for e in batch}

    return run_now(collect())


def refusal(call: Callable[[], Any]) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011
        call()
    return caught.value.errno or 0


# One thread


@as_root
def test_a_thread_acts_as_a_user_and_no_other_does() -> None:
    alice = OWNERS["alice"]
    before = who()
    with ThreadPoolExecutor(1) as other:
        assert other.submit(who).result() == before
        with acting_as(alice):
            assert os.getresuid() == (before[0][0], alice.uid, before[0][2])
            assert os.getresgid() == (before[1][0], alice.gid, before[1][2])
            assert os.getgroups() == list(alice.groups)
            assert other.submit(who).result() == before
    assert who() == before


@as_root
def test_a_thread_is_itself_again_whatever_happens() -> None:
    before = who()
    with pytest.raises(ZeroDivisionError), acting_as(OWNERS["alice"]):
        raise ZeroDivisionError
    assert who() == before
    too_many = Owner(4001, 4001, tuple(range(70_000)))
    with pytest.raises(OSError, match="Invalid argument"), acting_as(too_many):
        raise AssertionError("never")
    assert who() == before


@as_root
def test_half_a_change_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = who()

    def refuse(_: int) -> None:
        monkeypatch.undo()
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(owners, "_set_uid", refuse)
    with pytest.raises(PermissionError), acting_as(OWNERS["alice"]):
        raise AssertionError("never")
    assert who() == before


@as_root
def test_a_user_cannot_become_another_one() -> None:
    with acting_as(OWNERS["alice"]):
        with pytest.raises(PermissionError), acting_as(OWNERS["bob"]):
            raise AssertionError("never")
        assert os.geteuid() == 4001


@pytest.mark.parametrize("number", [-1, 2**32 - 1, 2**32])
def test_what_the_kernel_takes_for_no_change_is_no_user(number: int) -> None:
    for numbers in [(number, 1, ()), (1, number, ()), (1, 1, (1, number))]:
        with pytest.raises(ValueError, match="not the number"):
            Owner(*numbers)


def test_an_owner_has_the_groups_of_the_system() -> None:
    owner = Owner.of(ALICE)
    assert (owner.uid, owner.gid) == (ALICE.pw_uid, ALICE.pw_gid)
    assert set(owner.groups) == set(os.getgrouplist(ALICE.pw_name, ALICE.pw_gid))


# Whether it can be done at all


def test_without_the_right_to_it_there_is_an_objection() -> None:
    assert on_a_thread(drop_capabilities, objection) == "it takes the rights of root"


@as_root
def test_capabilities_that_users_would_keep_are_an_objection() -> None:
    assert "capabilities" in on_a_thread(keep_capabilities, objection)
    assert not objection()


@pytest.mark.parametrize(("name", "value"), [("machine", lambda: "toaster"), ("system", "plan9")])
def test_another_kernel_is_an_objection(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "machine":
        monkeypatch.setattr(owners.platform, name, value)
    else:
        monkeypatch.setattr(owners.sys, "platform", value)
    assert objection() == "threads cannot act as users on this system"


# What a user may do


@as_root
@MODES
def test_what_is_new_is_the_users(root: Path, mode: UploadMode) -> None:
    files = filesystem(root, upload_mode=mode)
    store(files, "/file")
    store(files, "/new", Store.NEW)
    store(files, "/grown", Store.APPEND)
    run_now(files.make_directory(P("/folder")))
    run_now(files.make_link(P("/link"), P("/file")))
    run_now(files.rename(P("/file"), P("/folder/moved")))
    for path in ("new", "grown", "folder", "link", "folder/moved"):
        info = (root / path).lstat()
        assert (info.st_uid, info.st_gid) == (4001, 4001), path
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o644
    run_now(files.remove_file(P("/folder/moved")))
    run_now(files.remove_directory(P("/folder")))
    assert sorted(os.listdir(root)) == ["grown", "link", "new"]


@as_root
@MODES
def test_what_is_another_users_stays_as_it_is(root: Path, mode: UploadMode) -> None:
    alice, bob = (filesystem(root, name, upload_mode=mode) for name in OWNERS)
    run_now(alice.make_directory(P("/hers")))
    store(alice, "/hers/file")
    run_now(alice.set_mode(P("/hers/file"), 0o600))
    assert refusal(lambda: fetch(bob, "/hers/file")) == errno.EACCES
    for how in (Store.REPLACE, Store.APPEND, Store.NEW):
        assert refusal(lambda how=how: store(bob, "/hers/file", how)) == errno.EACCES
        assert refusal(lambda how=how: store(bob, "/hers/other", how)) == errno.EACCES
    for call in (
        lambda: run_now(bob.make_directory(P("/hers/folder"))),
        lambda: run_now(bob.remove_file(P("/hers/file"))),
        lambda: run_now(bob.rename(P("/hers/file"), P("/stolen"))),
        lambda: run_now(bob.make_link(P("/hers/link"), P("/x"))),
    ):
        assert refusal(call) == errno.EACCES
    for call in (
        lambda: run_now(bob.set_mode(P("/hers/file"), 0o666)),
        lambda: run_now(bob.set_times(P("/hers/file"), 0.0)),
        lambda: run_now(bob.set_group(P("/hers/file"), str(SHARED))),
    ):
        assert refusal(call) == errno.EPERM
    assert names(bob, "/hers") == {"file": ""}
    assert names(alice, "/hers") == {"file": "adfrw"}
    run_now(alice.set_mode(P("/hers"), 0o700))
    assert refusal(lambda: names(bob, "/hers")) == errno.EACCES
    assert refusal(lambda: run_now(bob.stat(P("/hers/file")))) == errno.EACCES
    assert fetch(alice, "/hers/file") == b"octets"


@as_root
def test_attributes_are_changed_by_their_owner(root: Path) -> None:
    files = filesystem(root)
    store(files, "/file")
    run_now(files.set_mode(P("/file"), 0o640))
    run_now(files.set_times(P("/file"), 5.0))
    run_now(files.set_group(P("/file"), str(SHARED)))
    info = (root / "file").stat()
    assert (info.st_mode & 0o777, info.st_mtime, info.st_gid) == (0o640, 5.0, SHARED)
    stranger = lambda: run_now(files.set_group(P("/file"), "0"))  # noqa: E731
    assert refusal(stranger) == errno.EPERM


@as_root
def test_groups_of_the_user_count(root: Path) -> None:
    (root / "shared").mkdir()
    os.chown(root / "shared", 0, SHARED)
    (root / "shared").chmod(0o2770)
    store(filesystem(root, "alice"), "/shared/file")
    assert (root / "shared/file").stat().st_gid == SHARED
    assert fetch(filesystem(root, "bob"), "/shared/file") == b"octets"
    alone = LocalFilesystem(root, InlineWorkers(), owner=Owner(4003, 4003, (4003,)))
    assert refusal(lambda: fetch(alone, "/shared/file")) == errno.EACCES


@as_root
def test_a_folder_that_the_user_cannot_enter_is_closed(root: Path) -> None:
    root.chmod(0o700)
    assert refusal(lambda: names(filesystem(root))) == errno.EACCES


@as_root
@MODES
def test_octets_are_written_as_the_user(root: Path, mode: UploadMode) -> None:
    """As root they would leave a program as it was set: one that runs as its owner."""
    files = filesystem(root, upload_mode=mode)
    upload = run_now(files.open_write(P("/file"), Store.APPEND, 0))
    assert verifyObject(IOwnWorkers, upload)
    run_now(upload.begin())
    (root / "file").chmod(0o4755)
    workers = IOwnWorkers(upload).workers
    run_now(workers.run(os.pwrite, upload.fileno(), b"x", 0))
    run_now(upload.commit())
    assert stat.S_IMODE((root / "file").stat().st_mode) == 0o755
    os.truncate(root / "file", SMALL + 1)
    reader = run_now(files.open_read(P("/file")))
    assert IOwnWorkers(reader).workers is workers
    assert run_now(workers.run(os.geteuid)) == 4001
    run_now(reader.close())


def test_without_an_owner_it_is_the_servers_threads(tmp_path: Path) -> None:
    files = LocalFilesystem(tmp_path, InlineWorkers())
    store(files, "/file")
    reader = run_now(files.open_read(P("/file")))
    assert not IOwnWorkers.providedBy(reader)
    run_now(reader.close())
    assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_the_workers_are_some() -> None:
    workers = OwnerWorkers(InlineWorkers(), OWNERS["alice"])
    assert verifyObject(IWorkers, workers)


# Many at once


class Threads:
    """A few threads for everybody."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count)

    async def run(self, call: Callable[..., Any], *args: Any) -> Any:
        return self._pool.submit(call, *args).result()

    def everywhere(self, call: Callable[[], Any]) -> list[Any]:
        """What a call returns on each of the threads."""
        met = threading.Barrier(self._count)

        def meet() -> Any:
            met.wait(60)
            return call()

        return [each.result() for each in [self._pool.submit(meet) for _ in range(self._count)]]

    def end(self) -> None:
        self._pool.shutdown()


@dataclass(frozen=True)
class Step:
    """Somebody tries something.

    Attributes:
        user: Who; ``server`` is the process itself.
        what: Is done.
        place: A folder: of one of them, of nobody else, or of both.
        owner: Of the file that it is done to.
    """

    user: str
    what: str
    place: str
    owner: str

    @property
    def allowed(self) -> bool:
        """What the kernel should say, by the modes of the folders."""
        if self.user == "server":
            return True
        if self.place not in (self.user, "both"):
            return False
        if self.what in ("store", "make"):
            return True
        if self.what in ("fetch", "append"):
            return self.user == self.owner
        return self.user in (self.place, self.owner)  # the other folder is sticky


STEPS = st.builds(
    Step,
    st.sampled_from([*OWNERS, "server"]),
    st.sampled_from(["store", "make", "fetch", "append", "delete", "rename"]),
    st.sampled_from([*OWNERS, "both", "server"]),
    st.sampled_from(list(OWNERS)),
)


class World:
    """Folders, and what some try in them at the same time.

    Args:
        root: Where they are.
        workers: The threads.
    """

    def __init__(self, root: Path, workers: Threads) -> None:
        self._root = root
        self._files = {n: filesystem(root, n, workers=workers) for n in OWNERS}
        self._files["server"] = LocalFilesystem(root, workers)
        for place, number, mode in [
            ("alice", 4001, 0o700),
            ("bob", 4002, 0o700),
            ("server", 0, 0o700),
            ("both", 0, 0o1777),
        ]:
            (root / place).mkdir(exist_ok=True)
            os.chown(root / place, number, number)
            (root / place).chmod(mode)

    def prepare(self, step: Step, name: str) -> None:
        """Put there what it is done to."""
        path = self._root / step.place / name
        if step.what not in ("store", "make"):
            path.write_bytes(b"before")
            number = OWNERS[step.owner].uid
            os.chown(path, number, number)
            path.chmod(0o600)

    def carry_out(self, step: Step, name: str) -> int:
        """Do it; 0, or the number of the error."""
        files, path = self._files[step.user], f"/{step.place}/{name}"
        calls: dict[str, Callable[[], Any]] = {
            "store": lambda: store(files, path),
            "make": lambda: run_now(files.make_directory(P(path))),
            "fetch": lambda: fetch(files, path),
            "append": lambda: store(files, path, Store.APPEND),
            "delete": lambda: run_now(files.remove_file(P(path))),
            "rename": lambda: run_now(files.rename(P(path), P(f"{path}.moved"))),
        }
        try:
            calls[step.what]()
        except OSError as error:
            return error.errno or -1
        return 0

    def owner(self, step: Step, name: str) -> tuple[int, int]:
        """Whose what was made is."""
        info = (self._root / step.place / name).stat()
        return info.st_uid, info.st_gid


@pytest.fixture(scope="module")
def threads() -> Iterator[Threads]:
    made = Threads(3)
    yield made
    made.end()


@as_root
@given(st.lists(STEPS, min_size=8, max_size=60))
@settings(max_examples=40)
def test_nobody_ever_has_the_rights_of_another(threads: Threads, steps: Sequence[Step]) -> None:
    before = who()
    with reachable_folder() as root, ThreadPoolExecutor(4) as clients:
        world = World(root, threads)
        for number, step in enumerate(steps):
            world.prepare(step, f"n{number}")
        numbers = [f"n{number}" for number in range(len(steps))]
        results = list(clients.map(world.carry_out, steps, numbers))
        assert threads.everywhere(who) == [before] * 3
        for step, name, result in zip(steps, numbers, results, strict=True):
            assert (result == 0) == step.allowed, step
            assert result in (0, errno.EACCES, errno.EPERM), step
            if step.what in ("store", "make") and result == 0:
                number = 0 if step.user == "server" else OWNERS[step.user].uid
                assert world.owner(step, name) == (number, number), step
