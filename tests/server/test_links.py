"""Symbolic links on the disk, as clients meet them under each policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftptls.settings import Links, OwnerNames
from ftptls.testing.client import Client
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions
from ftptls.workers import InlineWorkers

Enter = Callable[..., Client]


@pytest.fixture
def come(enter: Enter, tmp_path: Path) -> Callable[..., Client]:
    """A client of a folder with a link to a file, and one to a directory."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "real").write_bytes(b"12345")
    (tmp_path / "file").symlink_to("in/real")
    (tmp_path / "folder").symlink_to("in")

    def make(**options) -> Client:
        filesystem = LocalFilesystem(tmp_path, InlineWorkers(), options=LocalOptions(**options))
        return enter(filesystem=filesystem)

    return make


def answers(client: Client) -> dict[str, int]:
    """How commands that use a link are answered."""
    found = {}
    for line in (
        "CWD folder", "CWD /", "MLST file", "SIZE file", "RNFR file", "DELE folder/none",
        "MLSD folder", "RETR file", "RETR folder/real", "STOR file", "APPE folder/real",
    ):  # fmt: skip
        if line[:4] in ("MLSD", "RETR", "STOR", "APPE"):
            client.open()
        client.send(line)
        answer = client.answer()
        assert answer is not None
        if answer.code == 150:
            client.ask("ABOR", 426)
            client.expect(226)
        found[line] = answer.code
    return found


def test_links_are_followed(come: Callable[..., Client]) -> None:
    client = come()
    assert client.download("RETR file") == b"12345"
    codes = answers(client)
    assert codes.pop("DELE folder/none") == 550
    assert set(codes.values()) == {150, 213, 250, 350}
    assert b"file -> in/real" in client.download("LIST")


def test_hidden_links(come: Callable[..., Client]) -> None:
    client = come(links=Links.HIDE)
    for command in ("LIST", "NLST", "MLSD"):
        listing = client.download(command)
        assert b"in" in listing
        assert b"file" not in listing
        assert b"folder" not in listing
    codes = answers(client)
    assert codes.pop("CWD /") == 250
    assert set(codes.values()) == {550}
    assert client.ask("SIZE file", 550).text == client.ask("SIZE none", 550).text


def test_refused_links(come: Callable[..., Client]) -> None:
    client = come(links=Links.REFUSE)
    assert b"file -> in/real" in client.download("LIST")
    assert b" folder\r\n" in client.download("MLSD")
    codes = answers(client)
    assert codes.pop("CWD /") == 250
    assert set(codes.values()) == {550}
    assert client.ask("SIZE file", 550).text == "Symbolic links are not used here."


def test_making_links_is_told_only_where_they_are_used(come: Callable[..., Client]) -> None:
    assert "SITE SYMLINK" not in come(links=Links.HIDE).ask("FEAT", 211).text
    come(links=Links.REFUSE).ask("SITE SYMLINK in/real new", 500, 502, 504)
    come().ask("SITE SYMLINK in/real new", 200)


@pytest.mark.parametrize("names", [OwnerNames.NUMERIC, OwnerNames.FTP])
def test_whom_listings_name(come: Callable[..., Client], tmp_path: Path, names: OwnerNames) -> None:
    info = (tmp_path / "in").stat()
    line = client_line(come(owner_names=names))
    expected = [str(info.st_uid), str(info.st_gid)] if names is OwnerNames.NUMERIC else ["ftp"] * 2
    assert line.split()[2:4] == expected


def client_line(client: Client) -> str:
    listing = client.download("LIST").decode()
    return next(line for line in listing.splitlines() if line.endswith(" in"))
