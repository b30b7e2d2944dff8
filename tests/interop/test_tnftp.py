"""tnftp, the client of BSD: no TLS, NLST for its globs, MDTM for its times."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.interop import trees
from tests.interop.clients import CLEAR, run
from tests.interop.server import PASSWORD, USER, Server

SOME = bytes(range(256)) * 1000
# A star matches no hidden names, there and here.
ALL = "* .h*"


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    return start_server(flags=CLEAR)


def tnftp(server: Server, home: Path, *commands: str, active: bool = False) -> str:
    """Type commands at tnftp, which asks nothing back."""
    lines = [f'user {USER} "{PASSWORD}"', "binary", *commands, "quit", ""]
    options = ["-inv", "-A" if active else "-p"]
    stdin = "\n".join(lines).encode()
    return run(["tnftp", *options, "localhost", str(server.port())], home, stdin)


def quoted(path: Path | str) -> str:
    """A path as one word of its language."""
    return re.sub(r"([^\w/.])", r"\\\1", str(path))


def folders(tree: Path) -> list[Path]:
    """Every folder, parents first."""
    return sorted(path for path in tree.rglob("*") if path.is_dir())


@pytest.mark.parametrize("active", [False, True], ids=["passive", "active"])
def test_a_tree(server: Server, folder: Path, tmp_path: Path, active: bool) -> None:
    """It copies no folders itself: each is entered here and there."""
    tree, back = tmp_path / "tree", tmp_path / "back"
    trees.plant(tree, 12 if active else trees.FOLDERS)
    up, down = [], []
    for place in folders(tree):
        inside = place.relative_to(tree)
        (back / inside).mkdir(parents=True)
        there = quoted(f"/{folder.name}/{inside}")
        has_files = any(each.is_file() for each in place.iterdir())
        up += [f"mkdir {there}", f"cd {there}", f"lcd {quoted(place)}"]
        up += [f"mput {ALL}"] * has_files
        down += [f"cd {there}", f"lcd {quoted(back / inside)}"]
        down += [f"mget {ALL}"] * has_files
    tnftp(server, tmp_path, *up, active=active)
    assert trees.contents(folder) == trees.contents(tree)
    before = trees.times(folder)
    tnftp(server, tmp_path, *down, active=active)
    assert trees.contents(back) == trees.contents(tree)
    assert trees.times(back) == before


def test_globs(server: Server, folder: Path, tmp_path: Path) -> None:
    """It expands names by NLST and a pattern."""
    for name in ("one.txt", "two.txt", "three.dat", "[four].txt"):
        (folder / name).write_bytes(name.encode())
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.txt").write_bytes(SOME)
    (tmp_path / "down" / "sub").mkdir(parents=True)
    here = [f"cd {folder.name}", "lcd down"]
    tnftp(server, tmp_path, *here, "mget t*.txt", "mget [a-p]*.txt", "mget sub/*.txt")
    assert {each.name for each in trees.files(tmp_path / "down")} == {
        "one.txt",
        "two.txt",
        "deep.txt",
    }
    said = tnftp(server, tmp_path, f"cd {folder.name}", "ls *.dat", "nlist t*", "mdelete *.txt")
    assert said.count("three.dat") == 2
    assert [each.name for each in trees.files(folder)] == ["deep.txt", "three.dat"]


def test_only_what_is_newer(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    (tmp_path / "some").write_bytes(b"mine")
    said = tnftp(server, tmp_path, f"cd {folder.name}", "newer some")
    assert (tmp_path / "some").read_bytes() == b"mine", said
    later = (tmp_path / "some").stat().st_mtime + 60
    tnftp(
        server,
        tmp_path,
        f"cd {folder.name}",
        f"quote MFMT {datetime.fromtimestamp(later, UTC):%Y%m%d%H%M%S} some",
        "newer some",
    )
    assert (tmp_path / "some").read_bytes() == SOME
    assert (tmp_path / "some").stat().st_mtime == int(later)


def test_resume(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    (tmp_path / "some").write_bytes(SOME[:100_000])
    (tmp_path / "more").write_bytes(b"more")
    (tmp_path / "part").write_bytes(b"abc")
    here = f"cd {folder.name}"
    tnftp(server, tmp_path, here, "reget some", "append more some", "restart 3", "get some part")
    assert (tmp_path / "some").read_bytes() == SOME
    assert (folder / "some").read_bytes() == SOME + b"more"
    assert (tmp_path / "part").read_bytes() == b"abc" + SOME[3:] + b"more"


def test_text(server: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"one\ntwo\n" * 1000)
    tnftp(server, tmp_path, f"cd {folder.name}", "ascii", "put up", "get up down")
    assert (folder / "up").read_bytes() == b"one\ntwo\n" * 1000
    assert (tmp_path / "down").read_bytes() == b"one\ntwo\n" * 1000


def test_names_that_the_server_makes(server: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(SOME)
    tnftp(server, tmp_path, f"cd {folder.name}", "sunique", "put some", "put some")
    assert len(trees.files(folder)) == 2
    assert {each.read_bytes() for each in trees.files(folder)} == {SOME}


def test_commands_on_files(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "old").write_bytes(SOME)
    (folder / "rest").write_bytes(SOME)
    modified = int((folder / "old").stat().st_mtime)
    said = tnftp(
        server,
        tmp_path,
        f"cd {folder.name}",
        "modtime old",
        "rename old new",
        "chmod 640 new",
        "delete rest",
        "umask 027",
        "mkdir made",
        "mkdir gone",
        "rmdir gone",
        "size new",
        "idle 77",
        "mlst new",
        "mlsd",
        "ls -l",
        "system",
        "features",
        "remopts MLST size;",
        "site help",
        "rhelp site",
        "rstatus",
        "rstatus new",
        "quote NOOP",
        "pwd",
    )
    assert sorted(each.name for each in folder.iterdir()) == ["made", "new"]
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "made").stat().st_mode) == 0o750
    assert f"old\t{datetime.fromtimestamp(modified, UTC):%a, %d %b %Y %H:%M:%S +0000}" in said
    assert f"new\t{len(SOME)}" in said
    assert f"size={len(SOME)};" in said.lower()
    assert "-rw-r-----" in said
    assert not re.search(r"^5\d\d", said, re.MULTILINE), said
