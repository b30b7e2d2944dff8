"""Names that clients and disks come up with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interop.clients import Bare, everything, fetch, ftp, store
from tests.interop.server import Server

NAMES = [
    "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \N{SNOWMAN} \N{PILE OF POO}",
    "e\N{COMBINING ACUTE ACCENT} is not \N{LATIN SMALL LETTER E WITH ACUTE}",
    " a space in front",
    "a space behind ",
    "  ",
    'with "quotes"',
    '"',
    "it's",
    "back\\slash",
    "*?[a-z]{b,c}",
    "-la",
    "$HOME `id` ;|&",
    "...",
    "~root",
    "226 Transfer complete.",
    "x" * 255,
    "a=b;c=d; e",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:30]))
def test_round_trip(server: Server, folder: Path, name: str) -> None:
    with ftp(server) as client:
        client.cwd(folder.name)
        store(client, name, b"content")
        assert os.listdir(folder) == [name]
        assert fetch(client, name) == b"content"
        assert client.nlst() == [name]
        (facts,) = [each for each in client.mlsd() if each[1]["type"] == "file"]
        assert facts[0] == name
        lines: list[str] = []
        client.dir(lines.append)
        assert lines[0].endswith(f" {name}")
        client.voidcmd("TYPE I")
        assert client.size(name) == 7
        client.rename(name, "plain")
        client.rename("plain", name)
        client.delete(name)
        assert client.mkd(name) == f"/{folder.name}/{name}"
        client.cwd(name)
        assert client.pwd() == f"/{folder.name}/{name}"
        client.cwd("..")
        client.rmd(name)
        assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["tab\there", "bell\aescape\x1b[31m", "delete\x7f"], ids=ascii)
def test_control_characters_are_not_shown(server: Server, folder: Path, name: str) -> None:
    """They would act on the terminal of who lists; the file can be had all the same."""
    with ftp(server) as client:
        client.cwd(folder.name)
        store(client, name, b"content")
        assert os.listdir(folder) == [name]
        assert fetch(client, name) == b"content"
        shown = "".join(sign if sign.isprintable() else "?" for sign in name)
        assert client.nlst() == [shown]
        client.delete(name)


RAW = [b"latin \xe4\xf6\xfc", b"\xff\xfe", b"cut \xe2\x98", b"\xed\xa0\x80 surrogate", b"\xf4IP"]


@pytest.mark.parametrize("name", RAW, ids=ascii)
def test_octets_that_are_not_text(server: Server, folder: Path, name: bytes) -> None:
    """Names on disk that are no UTF-8 come out, and go in again, as they are."""
    path = os.fsencode(folder) + b"/" + name
    with open(path, "wb") as file:
        file.write(b"content")
    told = name.replace(b"\xff", b"\xff\xff")  # Telnet's escape, in commands
    with Bare(server) as client:
        client.command(f"CWD {folder.name}", 250)
        assert listing(client, b"NLST\r\n") == name + b"\r\n"
        assert b" " + name + b"\r\n" in listing(client, b"MLSD\r\n")
        assert listing(client, b"LIST\r\n").endswith(b" " + name + b"\r\n")
        assert listing(client, b"RETR " + told + b"\r\n") == b"content"
        client.send(b"SIZE " + told + b"\r\nRNFR " + told + b"\r\nRNTO other\r\n")
        client.expect(213, 350, 250)
        client.send(b"RNFR other\r\nRNTO " + told + b"\r\nMKD new" + told + b"\r\n")
        client.expect(350, 250, 257)
        assert sorted(os.listdir(os.fsencode(folder))) == sorted([name, b"new" + name])
        client.send(b"RMD new" + told + b"\r\nDELE " + told + b"\r\n")
        client.expect(250, 250)
    assert list(folder.iterdir()) == []


def listing(client: Bare, command: bytes) -> bytes:
    data = client.passive()
    client.send(command)
    client.expect(150)
    with client.protect(data) as protected:
        content = everything(protected)
    client.expect(226)
    return content


def test_names_that_would_break_a_line(server: Server, folder: Path) -> None:
    """A newline on disk forges no line of a listing, and none is taken from a client."""
    (folder / "two\nlines").write_bytes(b"")
    (folder / "a\r\n226 forged").mkdir()
    (folder / "plain").write_bytes(b"")
    with Bare(server) as client:
        client.command(f"CWD {folder.name}", 250)
        for command in (b"NLST\r\n", b"MLSD\r\n", b"LIST\r\n"):
            lines = listing(client, command).split(b"\r\n")
            assert all(b"\n" not in line and b"\r" not in line for line in lines)
            assert [line for line in lines if line.startswith((b"226", b"lines"))] == []
        client.send(b"MKD bare\nline\r\n")  # a line feed ends a line, whatever is before it
        client.expect(257, 500)
        client.send(b"RMD bare\r\nMKD nul\0byte\r\nNOOP\r\n")
        client.expect(250, 501, 200)
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("path", ["../..", "../../../etc", "/../etc", "a/../../..", "..\\.."])
def test_nothing_leads_out(server: Server, folder: Path, path: str) -> None:
    with Bare(server) as client:
        client.command(f"CWD {folder.name}", 250)
        client.send(f"CWD {path}")
        client.reply()
        client.send(f"RETR {path}/passwd")
        assert client.reply()[:3] in ("550", "425")
        client.send("RETR ../../../../../../etc/passwd")
        assert client.reply()[:3] in ("550", "425")


def test_a_link_out_of_the_folder(server: Server, folder: Path) -> None:
    (folder / "out").symlink_to("/etc")
    (folder / "passwd").symlink_to("/etc/passwd")
    with Bare(server) as client:
        client.command(f"CWD {folder.name}", 250)
        client.command("CWD out", 550)
        client.command("RETR out/passwd", 550)
        client.command("RETR passwd", 550)
        client.command("DELE passwd", 250)
    assert Path("/etc/passwd").exists()


def test_what_is_being_uploaded_cannot_be_named(server: Server, folder: Path) -> None:
    with Bare(server) as one, Bare(server) as other:
        data = one.transfer(f"STOR {folder.name}/new")
        data.sendall(b"x" * 100_000)
        other.command(f"CWD {folder.name}", 250)
        while not os.listdir(folder):
            other.command("NOOP", 200)
        (hidden,) = os.listdir(folder)
        assert hidden != "new"
        for command in (b"NLST\r\n", b"LIST -a\r\n", b"MLSD\r\n"):
            assert hidden.encode() not in listing(other, command)
        other.command(f"RETR {hidden}", 550)
        other.command(f"DELE {hidden}", 550)
        other.command("RETR new", 550)
        data.unwrap().close()
        one.expect(226)
        assert os.listdir(folder) == ["new"]
