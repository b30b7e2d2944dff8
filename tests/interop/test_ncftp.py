"""NcFTP, which knows no TLS: trees, times, and the commands that it is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.interop import trees
from tests.interop.clients import CLEAR, run
from tests.interop.server import PASSWORD, USER, Server

SOME = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    return start_server(flags=CLEAR)


def program(name: str, server: Server, home: Path, *arguments: str, stdin: str = "") -> str:
    """Run one of NcFTP's programs; options come first."""
    login = ["-u", USER, "-p", PASSWORD, "-P", str(server.port())]
    return run([name, *login, *arguments], home, stdin.encode())


def ncftp(server: Server, folder: Path, home: Path, *commands: str) -> str:
    """Type commands at NcFTP, in a folder of the server."""
    lines = [f"cd {folder.name}", *commands, "bye", ""]
    return program("ncftp", server, home, "localhost", stdin="\n".join(lines))


@pytest.mark.parametrize("way", ["-F", "-E"], ids=["passive", "active"])
def test_a_tree(server: Server, folder: Path, tmp_path: Path, way: str) -> None:
    """Without ``-T``, it would ask for the tree as an archive first."""
    trees.plant(tmp_path / "tree", trees.FOLDERS if way == "-F" else 12)
    quiet = ["-V", "-R", way]
    program("ncftpput", server, tmp_path, *quiet, "-y", "localhost", f"/{folder.name}", "tree")
    assert trees.contents(folder / "tree") == trees.contents(tmp_path / "tree")
    assert trees.times(folder / "tree") == trees.times(tmp_path / "tree")
    (tmp_path / "back").mkdir()
    there = f"/{folder.name}/tree"
    program("ncftpget", server, tmp_path, *quiet, "-T", "localhost", "back", there)
    assert trees.contents(tmp_path / "back/tree") == trees.contents(tmp_path / "tree")
    assert trees.times(tmp_path / "back/tree") == trees.times(tmp_path / "tree")


def test_globs(server: Server, folder: Path, tmp_path: Path) -> None:
    """It matches names itself, against what MLSD tells."""
    for name in ("one.txt", "two.txt", "three.dat", "f[o]ur.txt"):
        (tmp_path / name).write_bytes(SOME)
    ncftp(server, folder, tmp_path, "mput *.txt *.dat")
    assert len(trees.files(folder)) == 4
    (tmp_path / "down").mkdir()
    ncftp(server, folder, tmp_path, "lcd down", "type binary", "mget t*")
    assert {each.name for each in trees.files(tmp_path / "down")} == {"two.txt", "three.dat"}
    assert (tmp_path / "down/three.dat").read_bytes() == SOME
    ncftp(server, folder, tmp_path, "rm *.txt")
    assert [each.name for each in trees.files(folder)] == ["three.dat"]


def test_text(server: Server, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "up.txt").write_bytes(b"one\ntwo\n" * 1000)
    ncftp(server, folder, tmp_path, "type ascii", "put up.txt", "get -z up.txt down.txt")
    assert (folder / "up.txt").read_bytes() == b"one\ntwo\n" * 1000
    assert (tmp_path / "down.txt").read_bytes() == b"one\ntwo\n" * 1000


def test_resume(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "down").write_bytes(SOME)
    (tmp_path / "down").write_bytes(SOME[:100_000])
    ncftp(server, folder, tmp_path, "get down")
    assert (tmp_path / "down").read_bytes() == SOME


def test_commands_on_files(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "old").write_bytes(SOME)
    (folder / "rest").write_bytes(SOME)
    said = ncftp(
        server,
        folder,
        tmp_path,
        "rename old new",
        "chmod 640 new",
        "rm rest",
        "mkdir made",
        "mkdir gone",
        "rmdir gone",
        "umask 027",
        "mkdir narrow",
        "site help",
        "quote NOOP",
        "ls -l",
        "mls",
        "pwd",
    )
    assert sorted(each.name for each in folder.iterdir()) == ["made", "narrow", "new"]
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "narrow").stat().st_mode) == 0o750
    assert "CHMOD" in said
    assert "-rw-r-----" in said
    assert f"size={len(SOME)};" in said
    assert f"/{folder.name}" in said


def test_a_listing(server: Server, folder: Path, tmp_path: Path) -> None:
    for name in ("one.txt", "two.dat"):
        (folder / name).write_bytes(SOME)
    said = program("ncftpls", server, tmp_path, "-l", f"ftp://localhost/{folder.name}/")
    assert {line.split()[-1] for line in said.splitlines()} == {"one.txt", "two.dat"}
    assert said.count(str(len(SOME))) == 2
