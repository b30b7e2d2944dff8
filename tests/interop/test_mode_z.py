"""MODE Z with lftp, which compresses what it sends and expects what it gets compressed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.clients import lftp
from tests.interop.server import Server

TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(100_000))
MODE_Z = "set ftp:use-mode-z true; debug -o dialogue 5"
CLEAR = "set ftp:ssl-protect-data no; set ftp:ssl-protect-list no"


@pytest.fixture(scope="module")
def server(start_server) -> Server:
    """One that takes clear data connections as well."""
    return start_server(flags=["--data-protection", "optional"])


@pytest.mark.parametrize("protection", ["P", "C"])
@pytest.mark.parametrize("passive", ["on", "off"])
@pytest.mark.parametrize("letter", ["I", "A"])
def test_up_and_down(
    server: Server, folder: Path, tmp_path: Path, protection: str, passive: str, letter: str
) -> None:
    (tmp_path / "up").write_bytes(TEXT)
    (tmp_path / "nothing").write_bytes(b"")
    ascii_type = "-a" if letter == "A" else ""
    said = lftp(
        server,
        tmp_path,
        f"cd {folder.name}",
        f"put {ascii_type} up nothing",
        "ls",
        f"get {ascii_type} up -o down",
        f"get {ascii_type} nothing -o none",
        settings=f"{MODE_Z}; set ftp:passive-mode {passive}; {CLEAR if protection == 'C' else ''}",
    )
    assert str(len(TEXT)) in said
    assert (folder / "up").read_bytes() == TEXT
    assert (folder / "nothing").read_bytes() == b""
    assert (tmp_path / "down").read_bytes() == TEXT
    assert (tmp_path / "none").read_bytes() == b""
    dialogue = (tmp_path / "dialogue").read_text()
    assert "---> MODE Z\n<--- 200 Mode is Z." in dialogue
    assert "MODE S" not in dialogue
    assert f"<--- 226 Transfer complete; {len(TEXT)} octets stored." in dialogue


def test_a_level_and_a_resume(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "file").write_bytes(TEXT)
    (tmp_path / "down").write_bytes(TEXT[:1_000_000])
    said = lftp(
        server,
        tmp_path,
        f"cd {folder.name}",
        "quote OPTS MODE Z LEVEL 9",
        "get -c file -o down",
        settings=MODE_Z,
    )
    assert "200 MODE Z LEVEL is 9." in said
    assert (tmp_path / "down").read_bytes() == TEXT
    dialogue = (tmp_path / "dialogue").read_text()
    assert re.search(r"---> REST 1000000\n(.*\n)*?<--- 226", dialogue)
