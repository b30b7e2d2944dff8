"""What only a local disk has: links, special files, modes, owners, descriptors."""

from __future__ import annotations

import errno
import gc
import grp
import os
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from ftptls.errors import PermanentError
from ftptls.interfaces import IDescriptor, IWorkers, Store
from ftptls.settings import Links, UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.scanning import through
from ftptls.vfs.small import SMALL
from ftptls.vfs.stats import Describer, Place
from ftptls.vfs.temporaries import temporary_name
from ftptls.wire.entries import Entry, Kind

P = PurePosixPath
WORKERS = InlineWorkers()


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise AssertionError("it hangs")

    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@pytest.fixture(autouse=True)
def _no_leak() -> Iterator[None]:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture(params=[False, True], ids=["kernel", "walk"])
def filesystem(request: pytest.FixtureRequest, root: Path) -> LocalFilesystem:
    return LocalFilesystem(root, WORKERS, walk=request.param)


def scan(filesystem: LocalFilesystem, path: str = "/") -> dict[str, Entry]:
    async def collect() -> dict[str, Entry]:
        return {e.name: e async for batch in filesystem.scan(P(path)) for e in batch}

    return run_now(collect())


def refusal(awaitable: object) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011
        run_now(awaitable)  # type: ignore[arg-type]
    return caught.value.errno or 0


# Links


def test_stat_follows_links_inside(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "file").write_bytes(b"12345")
    (root / "absolute").symlink_to("/file")
    (root / "folder").mkdir()
    (root / "up").symlink_to("folder/../../../file")
    for name in ("absolute", "up"):
        entry = run_now(filesystem.stat(P("/", name)))
        assert (entry.name, entry.kind, entry.size, entry.target) == (name, Kind.FILE, 5, "")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd", "none", "link", "f/"])
def test_links_to_nowhere_are_links(filesystem: LocalFilesystem, root: Path, target: str) -> None:
    (root / "f").write_bytes(b"")
    (root / "link").symlink_to(target)
    entry = run_now(filesystem.stat(P("/link")))
    assert (entry.kind, entry.target, entry.perm) == (Kind.LINK, target, "df")
    assert refusal(filesystem.stat(P("/link/x"))) in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)


def test_scan_shows_links_as_such(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "out").symlink_to("/etc/passwd")
    (root / "in").mkdir()
    (root / "there").symlink_to("in")
    (root / "in" / "x").write_bytes(b"")
    found = scan(filesystem)
    assert (found["out"].kind, found["out"].target) == (Kind.LINK, "/etc/passwd")
    assert (found["there"].kind, found["there"].target) == (Kind.LINK, "in")
    assert set(scan(filesystem, "/there")) == {"x"}


def test_a_link_is_removed_and_renamed_itself(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "file").write_bytes(b"1")
    (root / "link").symlink_to("file")
    run_now(filesystem.rename(P("/link"), P("/other")))
    assert (root / "other").is_symlink()
    run_now(filesystem.remove_file(P("/other")))
    assert os.listdir(root) == ["file"]
    (root / "folder").mkdir()
    (root / "link").symlink_to("folder")
    assert refusal(filesystem.remove_directory(P("/link"))) == errno.ENOTDIR


def test_an_odd_link_target_survives(filesystem: LocalFilesystem, root: Path) -> None:
    os.symlink(b"\xff\xfe", os.fsencode(root / "link"))
    assert scan(filesystem)["link"].target == "\udcff\udcfe"
    assert run_now(filesystem.stat(P("/link"))).target == "\udcff\udcfe"


def test_trouble_behind_a_link_is_told(
    filesystem: LocalFilesystem, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "link").symlink_to("file")

    def busy(_: bytes) -> os.stat_result:
        raise BlockingIOError(errno.EAGAIN, "busy")

    monkeypatch.setattr(filesystem, "_follow", busy)
    assert refusal(filesystem.stat(P("/link"))) == errno.EAGAIN


# Special files


@pytest.fixture
def special(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    os.mkfifo(root / "fifo")
    os.link(root / "fifo", root / "hard")
    (root / "soft").symlink_to("fifo")
    listener = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(root)  # the name of a socket is short
    listener.bind("socket")
    yield root
    listener.close()


SPECIAL = ("fifo", "hard", "soft", "socket")


def test_special_files_are_neither_read_nor_written(
    filesystem: LocalFilesystem, special: Path
) -> None:
    direct = LocalFilesystem(special, WORKERS, upload_mode=UploadMode.DIRECT)
    for name in SPECIAL:
        path = P("/", name)
        assert refusal(filesystem.open_read(path)) == errno.ENXIO
        for how in Store:
            assert refusal(filesystem.open_write(path, how, 0)) == errno.ENXIO
            assert refusal(direct.open_write(path, how, 0)) == errno.ENXIO


def test_special_files_are_not_renamed_over(filesystem: LocalFilesystem, special: Path) -> None:
    (special / "file").write_bytes(b"")
    for name in ("fifo", "hard", "socket"):
        assert refusal(filesystem.rename(P("/file"), P("/", name))) == errno.ENXIO


def test_special_files_are_listed_and_removed(filesystem: LocalFilesystem, special: Path) -> None:
    found = scan(filesystem)
    assert found["fifo"].kind is Kind.OTHER
    assert found["socket"].kind is Kind.OTHER
    assert run_now(filesystem.stat(P("/soft"))).kind is Kind.OTHER
    run_now(filesystem.rename(P("/fifo"), P("/gone")))
    run_now(filesystem.remove_file(P("/gone")))
    assert "gone" not in scan(filesystem)


@pytest.mark.parametrize("mode", list(UploadMode))
def test_a_special_file_that_comes_later(root: Path, mode: UploadMode) -> None:
    filesystem = LocalFilesystem(root, WORKERS, upload_mode=mode)
    upload = run_now(filesystem.open_write(P("/fifo"), Store.REPLACE, 0))
    os.mkfifo(root / "fifo")
    assert refusal(upload.begin()) == errno.ENXIO
    run_now(upload.abandon())
    reader = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)  # now it could be written
    upload = run_now(LocalFilesystem(root, WORKERS).open_write(P("/new"), Store.REPLACE, 0))
    run_now(upload.begin())
    os.rename(root / "fifo", root / "new")
    assert refusal(upload.commit()) == errno.ENXIO
    os.close(reader)
    assert os.listdir(root) == ["new"]


@pytest.mark.parametrize("walk", [False, True])
def test_devices(walk: bool) -> None:
    filesystem = LocalFilesystem("/dev", WORKERS, upload_mode=UploadMode.DIRECT, walk=walk)
    for name in ("null", "zero", "tty"):
        assert refusal(filesystem.open_read(P("/", name))) == errno.ENXIO
        assert refusal(filesystem.open_write(P("/", name), Store.REPLACE, 0)) == errno.ENXIO


# What a listing says


def test_entries_say_what_the_disk_says(filesystem: LocalFilesystem, root: Path) -> None:
    file = root / "file"
    file.write_bytes(b"12345")
    file.chmod(0o640)
    os.utime(file, (1, 1_000_000_000))
    os.link(file, root / "twin")
    found = scan(filesystem)
    entry = found["file"]
    assert (entry.mode, entry.modified, entry.links) == (0o640, 1_000_000_000, 2)
    assert (entry.uid, entry.gid) == (file.stat().st_uid, file.stat().st_gid)
    assert entry.owner == file.owner()
    assert entry.group == file.group()
    assert entry.unique == found["twin"].unique
    assert entry.unique


def test_owners_without_a_name_are_numbers() -> None:
    info = os.stat_result((stat.S_IFREG | 0o644, 1, 1, 1, 3_999_999, 3_999_998, 0, 0, 0, 0))
    entry = Describer().entry("x", info, Place(True, False))
    assert (entry.owner, entry.group) == ("3999999", "3999998")


def test_letters_follow_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", lambda: [50])
    describer = Describer()

    def letters(mode: int, uid: int, gid: int, *, change: bool = True, ro: bool = False) -> str:
        info = os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))
        return describer.entry("x", info, Place(change, ro)).perm

    file, folder = stat.S_IFREG, stat.S_IFDIR
    assert letters(file | 0o600, 1000, 1) == "adfrw"
    assert letters(file | 0o604, 1, 1) == "dfr"
    assert letters(file | 0o660, 1, 50, change=False) == "arw"
    assert letters(file | 0o644, 1000, 1, change=False, ro=True) == "r"
    assert letters(folder | 0o700, 1000, 1) == "cdeflmp"
    assert letters(folder | 0o755, 1, 1, change=False) == "el"
    assert letters(folder | 0o711, 1, 1, change=False) == "e"
    assert letters(folder | 0o744, 1, 1) == "df"
    assert letters(stat.S_IFIFO | 0o777, 1, 1, change=False) == ""


def test_the_cache_of_owners_is_bounded() -> None:
    describer = Describer()
    for uid in range(3000):
        info = os.stat_result((stat.S_IFREG, 1, 1, 1, uid + 10**6, 0, 0, 0, 0, 0))
        describer.entry("x", info, Place(True, False))
    assert len(describer.known(Place(True, False))) <= 1000


# Descriptors and threads


def test_readers_have_a_descriptor(filesystem: LocalFilesystem, root: Path) -> None:
    """Unless the file is so small that it is read already."""
    (root / "file").write_bytes(b"12345" + bytes(SMALL))
    for _ in range(2):
        reader = run_now(filesystem.open_read(P("/file")))
        assert verifyObject(IDescriptor, reader)
        descriptor = IDescriptor(reader)
        assert os.pread(descriptor.fileno(), 4, 1) == b"2345"
        assert not os.get_inheritable(descriptor.fileno())
        assert os.get_blocking(descriptor.fileno())
        run_now(reader.close())
        with pytest.raises(OSError, match="Bad file"):
            descriptor.fileno()


def test_a_reader_that_is_dropped_is_closed(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "file").write_bytes(bytes(SMALL + 1))
    run_now(filesystem.open_read(P("/file")))  # the leak check looks


def test_a_listing_closed_during_a_batch_waits_for_it(
    filesystem: LocalFilesystem, root: Path
) -> None:
    (root / "file").write_bytes(b"")
    listing = filesystem._open_listing(P("/"))
    with listing._lock:
        listing.close()
        os.fstat(listing._fd)
    assert listing.batch(len) is None
    assert listing._fd == -1
    listing.close()


@pytest.mark.parametrize("links", [Links.FOLLOW, Links.HIDE])
def test_names_alone_are_those_of_a_scan(root: Path, links: Links) -> None:
    (root / "file").write_bytes(b"12345")
    (root / "folder").mkdir()
    (root / "link").symlink_to("folder")
    (root / ".hidden").write_bytes(b"")
    (root / temporary_name()).write_bytes(b"")
    os.mkfifo(root / "fifo")
    (root / os.fsdecode(b"\xe4")).write_bytes(b"")
    filesystem = LocalFilesystem(root, InlineWorkers(), options=LocalOptions(links=links))

    async def found(names_only: bool) -> list[tuple[str, Kind]]:
        batches = filesystem.scan(P("/"))
        named = through(
            batches,
            lambda entries: [(each.name, each.kind) for each in entries],
            names_only=names_only,
        )
        return sorted([each async for batch in named for each in batch])

    names = run_now(found(names_only=True))
    assert names == run_now(found(names_only=False))
    assert len(names) == (6 if links is Links.FOLLOW else 5)


def test_names_alone_are_not_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "file").write_bytes(b"")
    filesystem = LocalFilesystem(root, InlineWorkers())

    def fail(*_: object) -> None:
        raise AssertionError("looked at")

    async def names() -> list[int]:
        monkeypatch.setattr(Describer, "learn", fail)
        return [each async for each in through(filesystem.scan(P("/")), len, names_only=True)]

    assert run_now(names()) == [1]


def test_calls_go_through_the_workers(root: Path) -> None:
    calls: list[str] = []

    class Counting(InlineWorkers):
        async def run(self, call, *args):  # type: ignore[no-untyped-def]
            calls.append(call.__name__)
            return await super().run(call, *args)

    assert verifyObject(IWorkers, Counting())
    filesystem = LocalFilesystem(root, Counting())
    run_now(filesystem.stat(P("/")))
    scan(filesystem)
    assert calls == ["_stat", "_open_listing", "batch", "close"]


def test_no_descriptor_is_left_by_what_fails(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "file").write_bytes(b"")
    (root / "folder" / "full").mkdir(parents=True)
    os.mkfifo(root / "fifo")
    for path in map(
        P, ("/", "/none", "/file", "/file/x", "/folder", "/fifo", "/none/x", "/" + "n" * 256)
    ):
        for attempt in (
            filesystem.open_read(path),
            filesystem.open_write(path, Store.REPLACE, 0),
            filesystem.open_write(path, Store.APPEND, 0),
            filesystem.remove_directory(path),
            filesystem.make_directory(path / "x" / "y"),
            filesystem.rename(path, P("/none/x")),
            filesystem.rename(P("/none"), path),
        ):
            try:
                run_now(attempt)
            except OSError:
                continue


def test_a_listing_that_cannot_be_read_leaves_no_descriptor(
    filesystem: LocalFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(OSError, match="disk"):
        scan(filesystem)
    monkeypatch.undo()


# The process and its rights


def test_a_relative_root_stays_where_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "file").write_bytes(b"")
    monkeypatch.chdir(root.parent)
    filesystem = LocalFilesystem("root", WORKERS)
    monkeypatch.chdir("/")
    assert set(scan(filesystem)) == {"file"}


def test_directories_get_the_mode_that_is_set(root: Path) -> None:
    old = os.umask(0o077)
    try:
        run_now(LocalFilesystem(root, WORKERS).make_directory(P("/a")))
        run_now(LocalFilesystem(root, WORKERS, umask=0o007).make_directory(P("/b")))
    finally:
        os.umask(old)
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / "b").stat().st_mode) == 0o770


def test_an_inherited_group_bit_stays(root: Path) -> None:
    root.chmod(0o2775)
    run_now(LocalFilesystem(root, WORKERS, umask=0o002).make_directory(P("/a")))
    assert stat.S_IMODE((root / "a").stat().st_mode) & 0o777 == 0o775
    assert (root / "a").stat().st_mode & stat.S_ISGID


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder, and the rights of one who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        uid = os.geteuid() or 65534
        os.chown(root, uid, -1)
        os.seteuid(uid)
        try:
            yield root
        finally:
            os.seteuid(os.getuid())
            root.chmod(0o700)


@pytest.mark.parametrize("mode", list(UploadMode))
def test_without_the_right(plain_user: Path, mode: UploadMode) -> None:
    (plain_user / "file").write_bytes(b"old")
    (plain_user / "protected").write_bytes(b"old")
    (plain_user / "protected").chmod(0o400)
    (plain_user / "secret").write_bytes(b"old")
    (plain_user / "secret").chmod(0)
    filesystem = LocalFilesystem(plain_user, WORKERS, upload_mode=mode)
    assert refusal(filesystem.open_read(P("/secret"))) == errno.EACCES
    for how in Store:
        assert refusal(filesystem.open_write(P("/protected"), how, 0)) == errno.EACCES
    plain_user.chmod(0o500)
    for how in Store:
        assert refusal(filesystem.open_write(P("/new"), how, 0)) == errno.EACCES
    assert refusal(filesystem.make_directory(P("/new"))) == errno.EACCES
    assert refusal(filesystem.remove_file(P("/file"))) == errno.EACCES
    assert run_now(filesystem.stat(P("/file"))).perm == "arw"
    assert run_now(filesystem.stat(P("/protected"))).perm == "r"
    assert run_now(filesystem.stat(P("/"))).perm == "el"
    run_now(filesystem.open_write(P("/file"), Store.APPEND, 0))
    plain_user.chmod(0o600)
    assert refusal(filesystem.stat(P("/file"))) == errno.EACCES


# Nothing escapes


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from(["..", ".", "~", "up", "out", "in", "%2e%2e", "\\..", "", "\x00"]),
            st.text(max_size=8),
            st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
        ),
        max_size=6,
    ),
    walk=st.booleans(),
)
def test_no_path_escapes(parts: list[str], walk: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "jail", "root")
        (root / "in").mkdir(parents=True)
        (root / "up").symlink_to("../..")
        (root / "out").symlink_to(folder)
        Path(folder, "canary").write_bytes(b"outside")
        filesystem = LocalFilesystem(root, WORKERS, walk=walk)
        path = P("/" + "/".join(parts))

        async def store() -> None:
            upload = await filesystem.open_write(path, Store.REPLACE, 0)
            await upload.begin()
            await upload.commit()

        for attempt in (
            filesystem.make_directory(path),
            store(),
            filesystem.rename(path, path / "x"),
            filesystem.rename(path, path.parent / "moved"),
            filesystem.remove_file(path),
            filesystem.remove_directory(path),
        ):
            try:
                run_now(attempt)
            except OSError:
                continue
        assert sorted(os.listdir(folder)) == ["canary", "jail"]
        assert os.listdir(root.parent) == ["root"]
        assert Path(folder, "canary").read_bytes() == b"outside"


# Attributes


def test_what_is_set_is_set_at_the_end_of_a_link(
    filesystem: LocalFilesystem, root: Path, tmp_path: Path
) -> None:
    (root / "in").mkdir()
    (root / "in" / "a").write_bytes(b"")
    (root / "relative").symlink_to("in/a")
    (root / "absolute").symlink_to("/in/a")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"outside")
    before = (tmp_path / "in" / "a").stat()
    for number, link in enumerate((P("/relative"), P("/absolute"), P("/in/a")), 1):
        run_now(filesystem.set_times(link, float(number), number + 0.5))
        run_now(filesystem.set_mode(link, 0o600 + number))
        run_now(filesystem.set_group(link, str(os.getegid())))
        info = (root / "in" / "a").stat()
        assert (info.st_mtime, info.st_atime) == (number, number + 0.5)
        assert stat.S_IMODE(info.st_mode) == 0o600 + number
    assert (root / "relative").lstat().st_mtime > 1000
    assert (tmp_path / "in" / "a").stat() == before


def test_links_to_the_outside_and_to_nothing_lead_nowhere(
    filesystem: LocalFilesystem, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"")
    before = (tmp_path / "secret").stat()
    for name, target in (
        ("up", "../secret"),
        ("absolute", str(tmp_path / "secret")),
        ("nothing", "nowhere"),
    ):
        (root / name).symlink_to(target)
        assert refusal(filesystem.set_times(P("/", name), 0.0)) == errno.ENOENT
        assert refusal(filesystem.set_mode(P("/", name), 0o777)) == errno.ENOENT
        assert refusal(filesystem.set_group(P("/", name), "0")) == errno.ENOENT
        assert refusal(filesystem.available(P("/", name))) == errno.ENOENT
    assert (tmp_path / "secret").stat() == before


def test_special_files_stay_as_they_are(filesystem: LocalFilesystem, root: Path) -> None:
    os.mkfifo(root / "fifo", 0o600)
    before = (root / "fifo").stat()
    assert refusal(filesystem.set_times(P("/fifo"), 0.0)) == errno.ENXIO
    assert refusal(filesystem.set_mode(P("/fifo"), 0o666)) == errno.ENXIO
    assert refusal(filesystem.set_group(P("/fifo"), str(os.getegid()))) == errno.ENXIO
    assert (root / "fifo").stat() == before


def test_temporary_files_are_not_there_to_be_changed(
    filesystem: LocalFilesystem, root: Path
) -> None:
    upload = run_now(filesystem.open_write(P("/a"), Store.REPLACE, 0))
    run_now(upload.begin())
    (name,) = os.listdir(root)
    assert refusal(filesystem.set_mode(P("/", name), 0o777)) == errno.ENOENT
    assert refusal(filesystem.make_link(P("/link"), P("/", name))) == errno.ENOENT
    run_now(upload.abandon())


def test_a_directory_keeps_its_special_bits_and_a_file_loses_them(
    filesystem: LocalFilesystem, root: Path
) -> None:
    (root / "in").mkdir()
    (root / "in").chmod(0o3775)
    (root / "a").write_bytes(b"")
    (root / "a").chmod(0o4755)
    run_now(filesystem.set_mode(P("/in"), 0o700))
    run_now(filesystem.set_mode(P("/a"), 0o700))
    assert stat.S_IMODE((root / "in").stat().st_mode) == 0o3700
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o700


def test_links_are_written_relative_to_where_they_really_are(
    filesystem: LocalFilesystem, root: Path
) -> None:
    (root / "b" / "c").mkdir(parents=True)
    (root / "..x").mkdir()
    (root / "t").write_bytes(b"t")
    (root / "a").symlink_to("b/c")
    for path, text in (("/a/l", "../../t"), ("/b/l", "../t"), ("/l", "t"), ("/..x/l", "../t")):
        run_now(filesystem.make_link(P(path), P("/t")))
        assert os.readlink(root / path[1:]) == text
        assert (root / path[1:]).read_bytes() == b"t"  # for other programs, too


def test_room_is_what_the_disk_has(filesystem: LocalFilesystem, root: Path) -> None:
    info = os.statvfs(root)
    assert 0 < run_now(filesystem.available(P("/"))) <= info.f_blocks * info.f_frsize
    (root / "in").mkdir()
    (root / "link").symlink_to("in")
    assert run_now(filesystem.available(P("/link"))) > 0


def test_groups_by_name_and_groups_that_are_none(filesystem: LocalFilesystem, root: Path) -> None:
    (root / "a").write_bytes(b"")
    run_now(filesystem.set_group(P("/a"), grp.getgrgid(os.getegid()).gr_name))
    for group in ("no-such-group", "", "-1", "4294967295", "9" * 30, "nul\0", "\u0661", "\ud800"):
        with pytest.raises(PermanentError, match="No such group"):
            run_now(filesystem.set_group(P("/a"), group))


def test_without_proc_nothing_is_changed(
    filesystem: LocalFilesystem, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").write_bytes(b"")
    monkeypatch.setattr(os.path, "islink", lambda _path: False)
    assert refusal(filesystem.set_mode(P("/a"), 0o600)) == errno.EOPNOTSUPP
    assert refusal(filesystem.make_link(P("/l"), P("/a"))) == errno.EOPNOTSUPP


def test_another_umask_shares_the_folder(filesystem: LocalFilesystem, root: Path) -> None:
    run_now(filesystem.with_umask(0o027).make_directory(P("/in")))
    run_now(filesystem.make_directory(P("/usual")))
    assert stat.S_IMODE((root / "in").stat().st_mode) == 0o750
    assert stat.S_IMODE((root / "usual").stat().st_mode) == 0o755
