"""rclone: a tree copied both ways by many connections, synced, checked, moved and deleted."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.interop import trees
from tests.interop.clients import run
from tests.interop.server import PASSWORD, USER, Server

SOME = bytes(range(256)) * 1000
# Names cross as they are: by default rclone writes the space at their end as another sign.
ENCODING = "Slash,Ctl,Dot"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    trees.plant(tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    trees.plant(tmp_path / "tree", 12)
    return tmp_path / "tree"


def rclone(
    server: Server,
    home: Path,
    *arguments: str,
    kind: str = "explicit",
    authority: Path | None = None,
    status: int = 0,
) -> str:
    """Run rclone, which verifies the certificate; the server's files are those of ``:ftp:``.

    Its option ``--ca-cert`` is not for FTP: there the authorities are Go's.
    """
    settings = {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_FTP_HOST": "localhost",
        "RCLONE_FTP_PORT": str(server.port(kind)),
        "RCLONE_FTP_USER": USER,
        "RCLONE_FTP_PASS": run(["rclone", "obscure", PASSWORD], home).strip(),
        "RCLONE_FTP_EXPLICIT_TLS": str(kind == "explicit").lower(),
        "RCLONE_FTP_TLS": str(kind == "implicit").lower(),
        "RCLONE_FTP_ENCODING": ENCODING,
        "SSL_CERT_FILE": str(authority or server.authority),
    }
    return run(["rclone", *arguments], home, status=status, **settings)


def test_a_tree(server: Server, folder: Path, tmp_path: Path, tree: Path) -> None:
    """Times are set by MFMT and read from MLSD, so that nothing is copied twice."""
    there = f":ftp:{folder.name}"
    rclone(server, tmp_path, "copy", "--create-empty-src-dirs", "tree", there)
    assert trees.contents(folder) == trees.contents(tree)
    assert trees.times(folder) == trees.times(tree)
    assert "Copied" not in rclone(server, tmp_path, "sync", "-v", "tree", there)
    rclone(server, tmp_path, "copy", "--create-empty-src-dirs", there, "back")
    assert trees.contents(tmp_path / "back") == trees.contents(tree)
    assert trees.times(tmp_path / "back") == trees.times(tree)
    said = rclone(server, tmp_path, "check", "--download", "tree", there)
    assert f"{len(trees.files(tree))} matching files" in said


def test_only_what_changed_is_synced(
    server: Server, folder: Path, tmp_path: Path, small_tree: Path
) -> None:
    there = f":ftp:{folder.name}"
    sync = ["sync", "--create-empty-src-dirs", "-v", "tree", there]
    rclone(server, tmp_path, *sync)
    trees.change(small_tree)
    said = rclone(server, tmp_path, *sync)
    assert said.count("Copied (new)") == 1
    assert said.count("Copied (replaced existing)") == 2
    assert said.count(": Deleted") == 1
    assert trees.contents(folder) == trees.contents(small_tree)
    assert trees.times(folder) == trees.times(small_tree)


def test_no_more_connections_than_it_is_told(
    server: Server, folder: Path, tmp_path: Path, small_tree: Path
) -> None:
    before = server.whole_log().count(" logged in")
    few = ["--ftp-concurrency", "3", "--transfers", "2", "--checkers", "2", "--check-first"]
    rclone(server, tmp_path, "copy", *few, "tree", f":ftp:{folder.name}")
    assert server.whole_log().count(" logged in") - before <= 3
    assert len(trees.files(folder)) == len(trees.files(small_tree))


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("disable", ["disable-mlsd", "disable-epsv", "disable-tls13"])
def test_other_ways(server: Server, folder: Path, tmp_path: Path, kind: str, disable: str) -> None:
    """Without MLSD, it reads LIST."""
    (folder / "with space").mkdir()
    (folder / "with space" / "some").write_bytes(SOME)
    there = f":ftp:{folder.name}"
    rclone(server, tmp_path, "copy", f"--ftp-{disable}", there, "back", kind=kind)
    assert (tmp_path / "back/with space/some").read_bytes() == SOME


def test_facts(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "made").mkdir()
    (folder / "some").write_bytes(SOME)
    listed = json.loads(rclone(server, tmp_path, "lsjson", f":ftp:{folder.name}"))
    assert [(each["Path"], each["Size"], each["IsDir"]) for each in listed] == [
        ("made", -1, True),
        ("some", len(SOME), False),
    ]
    modified = int((folder / "some").stat().st_mtime)
    assert datetime.fromisoformat(listed[1]["ModTime"]).timestamp() == modified
    alone = json.loads(rclone(server, tmp_path, "lsjson", "--stat", f":ftp:{folder.name}/some"))
    assert (alone["Size"], alone["ModTime"]) == (len(SOME), listed[1]["ModTime"])


def test_touch(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    there = f":ftp:{folder.name}/some"
    rclone(server, tmp_path, "touch", "--timestamp", "2001-02-03T04:05:06", there)
    assert (folder / "some").stat().st_mtime == datetime.fromisoformat(
        "2001-02-03T04:05:06Z"
    ).timestamp()


def test_a_part(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "some").write_bytes(SOME)
    there = f":ftp:{folder.name}/some"
    part = rclone(server, tmp_path, "cat", "--offset", "1", "--count", "5", there)
    assert part.encode("utf-8", "surrogateescape") == SOME[1:6]


def test_move_and_delete(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/some").write_bytes(SOME)
    there = f":ftp:{folder.name}"
    rclone(server, tmp_path, "moveto", f"{there}/a/b/some", f"{there}/c/d/moved")
    assert (folder / "c/d/moved").read_bytes() == SOME
    rclone(server, tmp_path, "move", f"{there}/c", f"{there}/e")
    assert (folder / "e/d/moved").read_bytes() == SOME
    assert not (folder / "c").exists()
    rclone(server, tmp_path, "deletefile", f"{there}/e/d/moved")
    rclone(server, tmp_path, "rmdirs", f"{there}/e")
    rclone(server, tmp_path, "purge", f"{there}/a")
    assert list(folder.iterdir()) == []
    rclone(server, tmp_path, "mkdir", f"{there}/f/g")
    assert (folder / "f/g").is_dir()


def test_the_certificate_is_verified(server: Server, tmp_path: Path) -> None:
    said = rclone(server, tmp_path, "lsf", ":ftp:", authority=Path("/dev/null"), status=1)
    assert "certificate signed by unknown authority" in said
