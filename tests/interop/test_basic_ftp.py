"""Node's basic-ftp, whose every data connection offers the newest TLS session it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop import trees
from tests.interop.clients import run
from tests.interop.server import PASSWORD, USER, Server

SCRIPT = Path(__file__).with_name("basic_ftp.cjs")
# For a name that begins with a space it asks where it is, and takes the quotes in the answer as
# they come, which are doubled (RFC 959, appendix II): such names cannot be in folders with quotes.
QUOTE = '"'
# It asks a resuming connection for its cipher, is told the old one at once, and takes the
# handshake for done: an upload of nothing may then end in the middle of it. One octet waits.
SMALLEST = 1


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    return start_server(flags=["--session-reuse", "require"], limits=["refusal_grace = 0.1"])


def basic_ftp(
    server: Server, folder: Path, home: Path, *, kind: str = "explicit", version: str = "1.3"
) -> None:
    """Run the script; the server has an empty file of its own where the tree will be."""
    (folder / "tree").mkdir()
    (folder / "tree" / "nothing").touch()
    command = ["node", SCRIPT, "localhost", str(server.port(kind)), USER, PASSWORD]
    command += [server.authority, kind, f"TLSv{version}", f"/{folder.name}", home]
    assert run(command, home) == ""


def check_tree(folder: Path, home: Path) -> None:
    """What went up is whole, and what came down, an empty file of the server's among it."""
    (home / "tree" / "nothing").touch()
    assert trees.contents(folder / "tree") == trees.contents(home / "tree")
    assert trees.contents(home / "back") == trees.contents(home / "tree")


def test_a_tree(server: Server, folder: Path, tmp_path: Path) -> None:
    trees.plant(tmp_path / "tree", without=QUOTE, smallest=SMALLEST)
    basic_ftp(server, folder, tmp_path)
    check_tree(folder, tmp_path)


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_way_to_connect(
    server: Server, folder: Path, tmp_path: Path, kind: str, version: str
) -> None:
    trees.plant(tmp_path / "tree", 3, at_ends=" ", smallest=SMALLEST)
    basic_ftp(server, folder, tmp_path, kind=kind, version=version)
    check_tree(folder, tmp_path)


def test_the_certificate_is_verified(server: Server, tmp_path: Path) -> None:
    command = ["node", SCRIPT, "localhost", str(server.port()), USER, PASSWORD, "/dev/null"]
    said = run([*command, "explicit", "TLSv1.3", "/", tmp_path], tmp_path, status=1)
    assert "unable to get local issuer certificate" in said or "self-signed" in said
