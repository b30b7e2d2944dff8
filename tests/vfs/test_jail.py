"""Resolution: both ways agree, and neither leaves."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import tempfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftptls.errors import from_os_error
from ftptls.vfs import jail as jail_module
from ftptls.vfs import openat2
from ftptls.vfs.jail import DIRECTORY, LOOK, Jail, encode, kernel_resolves

BOTH = pytest.mark.parametrize("walk", [False, True], ids=["kernel", "walk"])


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def where(jail: Jail, path: bytes, flags: int = LOOK) -> str:
    fd = jail.open(path, flags)
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "file").write_bytes(b"inside")
    (tmp_path / "file").write_bytes(b"outside")
    return root


def test_the_kernel_of_the_test_machine_resolves() -> None:
    assert kernel_resolves()


@BOTH
@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("/file", "/file"),
        ("../../../../file", "/file"),
        ("/../../file", "/file"),
        ("/a/b", "/a/b"),
        ("/a/b/../..", ""),
        ("a/./b//", "/a/b"),
        (".", ""),
        ("..", ""),
        ("/", ""),
        ("a/b/../../file", "/file"),
    ],
)
def test_links_stay_inside(root: Path, walk: bool, target: str, reached: str) -> None:
    (root / "link").symlink_to(target)
    assert where(Jail(root, walk=walk), b"/link") == f"{root}{reached}"


@BOTH
@pytest.mark.parametrize(
    ("target", "number"),
    [
        ("/etc/passwd", errno.ENOENT),
        ("link", errno.ELOOP),
        ("file/", errno.ENOTDIR),
        ("file/..", errno.ENOTDIR),
        ("file/x", errno.ENOTDIR),
        ("none/..", errno.ENOENT),
        ("x" * 256, errno.ENAMETOOLONG),
    ],
)
def test_links_that_lead_nowhere(root: Path, walk: bool, target: str, number: int) -> None:
    (root / "link").symlink_to(target)
    before = open_fds()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        Jail(root, walk=walk).open(b"/link", LOOK)
    assert caught.value.errno == number
    assert open_fds() == before


@BOTH
def test_a_chain_of_links_is_bounded(root: Path, walk: bool) -> None:
    for number in range(60):
        (root / f"l{number}").symlink_to(f"l{number + 1}")
    (root / "l60").write_bytes(b"")
    jail = Jail(root, walk=walk)
    assert where(jail, b"/l21") == f"{root}/l60"
    with pytest.raises(OSError, match="symbolic links"):
        jail.open(b"/l0", LOOK)
    with pytest.raises(OSError, match="symbolic links"):
        jail.locate(b"/l0")


def test_the_steps_of_a_walk_are_bounded(root: Path) -> None:
    deep = "/".join(["d"] * 200)
    (root / deep).mkdir(parents=True)
    for number in range(12):
        (root / f"l{number}").symlink_to(f"{deep}{'/../d' * 60}{'/..' * 200}/l{number + 1}")
    with pytest.raises(OSError, match="symbolic links"):
        Jail(root, walk=True).open(b"/l0", LOOK)


@BOTH
def test_deep_paths_need_few_descriptors(root: Path, walk: bool) -> None:
    deep = "/".join(["d"] * 200)
    (root / deep).mkdir(parents=True)
    (root / "link").symlink_to(f"/{deep}/../d/..")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_fds()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 8, limits[1]))
    try:
        assert where(Jail(root, walk=walk), b"/link") == f"{root}/{deep}".removesuffix("/d")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert open_fds() == before


@BOTH
def test_a_path_beyond_what_the_kernel_takes(root: Path, walk: bool) -> None:
    with pytest.raises(OSError, match="too long"):
        Jail(root, walk=walk).open(b"/a" * 2048, LOOK)


@BOTH
def test_descriptors_are_not_inherited(root: Path, walk: bool) -> None:
    fd = Jail(root, walk=walk).open(b"/file", os.O_RDONLY)
    assert not os.get_inheritable(fd)
    os.close(fd)


@BOTH
def test_locate_goes_where_the_link_goes(root: Path, walk: bool) -> None:
    (root / "one").symlink_to("a/two")
    (root / "a" / "two").symlink_to("../a/b/real")
    (root / "out").symlink_to("/../../etc/passwd")
    (root / "up").symlink_to("a/..")
    jail = Jail(root, walk=walk)
    directory, name = jail.locate(b"/one")
    assert (os.readlink(f"/proc/self/fd/{directory}"), name) == (f"{root}/a/b", b"real")
    os.close(directory)
    before = open_fds()
    for path, number in ((b"/out", errno.ENOENT), (b"/up", errno.EISDIR), (b"/", errno.EISDIR)):
        with pytest.raises(OSError) as caught:  # noqa: PT011
            jail.locate(path)
        assert caught.value.errno == number
    assert open_fds() == before


@pytest.mark.parametrize("path", ["a", "/a/../b", "/nul\0", "/\ud800"])
def test_paths_that_are_not_clean(path: str) -> None:
    with pytest.raises(OSError, match="Invalid"):
        encode(PurePosixPath(path))


def test_a_path_that_is_too_long() -> None:
    assert len(encode(PurePosixPath("/" + "a/" * 2047))) == 4094
    with pytest.raises(OSError, match="too long"):
        encode(PurePosixPath("/" + "a/" * 2048))


def test_what_disturbs_the_kernel_is_tried_again_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    calls: list[int] = []

    class Disturbed:
        number = errno.EAGAIN

        def syscall(self, *_: object) -> int:
            calls.append(1)
            ctypes.set_errno(self.number)
            return -1

    monkeypatch.setattr(openat2, "_libc", Disturbed)
    with pytest.raises(BlockingIOError) as caught:
        Jail(root).open(b"/", DIRECTORY)
    assert len(calls) == 64
    assert from_os_error(caught.value).reply.code == 450


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_kernel_that_refuses(monkeypatch: pytest.MonkeyPatch, root: Path, number: int) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(openat2, "openat2", refuse)
    assert not kernel_resolves.__wrapped__()
    monkeypatch.setattr(jail_module, "kernel_resolves", lambda: False)
    assert where(Jail(root), b"/file") == f"{root}/file"


def test_an_unknown_machine_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "alpha")
    assert not kernel_resolves.__wrapped__()


PIECES = st.lists(st.sampled_from(["a", "b", "c", "..", ".", ""]), min_size=1, max_size=6)
TARGETS = st.builds(
    lambda up, parts: up + "/".join(parts), st.sampled_from(["", "/", "../"]), PIECES
)
NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)


def attempt(jail: Jail, path: bytes, flags: int) -> tuple[int, int] | int:
    try:
        fd = jail.open(path, flags)
    except OSError as error:
        return error.errno or 0
    try:
        info = os.fstat(fd)
        return info.st_dev, info.st_ino
    finally:
        os.close(fd)


@settings(max_examples=300, deadline=None)
@given(
    tree=st.lists(st.tuples(NAMES, st.none() | st.just("file") | TARGETS), max_size=8),
    paths=st.lists(PIECES, min_size=1, max_size=8),
    flags=st.sampled_from([LOOK, DIRECTORY, os.O_RDONLY, os.O_RDONLY | os.O_DIRECTORY]),
)
def test_both_ways_agree_and_stay(
    tree: list[tuple[list[str], str | None]], paths: list[list[str]], flags: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "x", "root")
        root.mkdir(parents=True)
        for outside in ("a", "b", "c"):
            Path(folder, "x", outside).write_bytes(b"outside")
        inside = set()
        for names, what in tree:
            place = root.joinpath(*names)
            try:
                if what is None:
                    place.mkdir(parents=True)
                elif what == "file":
                    place.write_bytes(b"inside")
                else:
                    place.symlink_to(what)
            except OSError:
                continue  # a path through what is no directory
        for base, folders, files in os.walk(root):
            for name in (".", *folders, *files):
                info = os.stat(os.path.join(base, name), follow_symlinks=False)
                inside.add((info.st_dev, info.st_ino))
        before = open_fds()
        for parts in paths:
            path = b"/" + "/".join(parts).encode()
            ways = [attempt(Jail(root, walk=walk), path, flags) for walk in (False, True)]
            assert ways[0] == ways[1], path
            if not isinstance(ways[0], int):
                assert ways[0] in inside, path
        assert open_fds() == before


def test_a_folder_that_the_kernel_knows(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    os.stat(tmp_path / "link")  # who first follows a link waits until that is noted in it
    assert openat2.is_known_folder(str(tmp_path)) is kernel_resolves()
    assert openat2.is_known_folder(str(tmp_path / "link")) is kernel_resolves()
    for name in ("file", "none", "\ud800", "file/none", "x\0/.."):
        assert not openat2.is_known_folder(f"{tmp_path}/{name}")
