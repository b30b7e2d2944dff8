"""Perl's Net::FTP with IO::Socket::SSL: it closes without reading what the server still says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop import trees
from tests.interop.clients import HOSTS, run
from tests.interop.server import PASSWORD, USER, Server

SCRIPT = Path(__file__).with_name("net_ftp.pl")
TREE = Path(__file__).with_name("net_ftp_tree.pl")
CASES = [
    (kind, family, version, passive)
    for kind in ("explicit", "implicit")
    for family in (4, 6)
    for version in ("1.2", "1.3")
    for passive in (True, False)
]


@pytest.mark.parametrize(("kind", "family", "version", "passive"), CASES)
def test_every_way_to_connect(
    server: Server,
    folder: Path,
    tmp_path: Path,
    kind: str,
    family: int,
    version: str,
    passive: bool,
) -> None:
    net_ftp(server, folder, tmp_path, kind=kind, family=family, version=version, passive=passive)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_hundred_uploads(server: Server, folder: Path, tmp_path: Path, version: str) -> None:
    net_ftp(server, folder, tmp_path, version=version, count=100)
    assert len(list(folder.iterdir())) == 99
    sizes = {each.stat().st_size for each in folder.iterdir() if each.name != "file2"}
    assert sizes == {400_000 - number for number in range(3, 101)}


def net_ftp(
    server: Server,
    folder: Path,
    home: Path,
    *,
    kind: str = "explicit",
    family: int = 4,
    version: str = "1.3",
    passive: bool = True,
    count: int = 3,
) -> None:
    tls = f"TLSv{version.replace('.', '_')}"
    command = ["perl", SCRIPT, HOSTS[family], str(server.port(kind, family)), USER, PASSWORD]
    command += [server.authority, f"/{folder.name}", tls]
    command += [str(int(passive)), str(int(kind == "implicit")), str(count)]
    assert run(command, home) == f"version {tls}\ndone\n"


def test_a_tree(server: Server, folder: Path, tmp_path: Path) -> None:
    """Up, with times; then down again, each file deleted behind it; and text, twice."""
    tree, back = tmp_path / "tree", tmp_path / "back"
    trees.plant(tree)
    back.mkdir()
    command = ["perl", TREE, "localhost", str(server.port()), USER, PASSWORD, server.authority]
    unique = Path(run([*command, f"/{folder.name}", tree, back], tmp_path).rstrip("\n")).name
    assert {each.name for each in folder.iterdir()} == {"tree", "text", unique}
    assert (folder / unique).read_bytes() == (folder / "text").read_bytes() == b"one\ntwo\n"
    assert (folder / "tree").stat().st_mode & 0o777 == 0o700
    assert trees.contents(back) == trees.contents(tree)
    assert trees.times(back) == trees.times(tree)
