"""A filesystem of ours behind Twisted's own FTP server, and a real client of that."""

from __future__ import annotations

import ftplib
import io
import re
import sys
from collections.abc import Iterator
from ftplib import FTP

import pytest

from tests.conftest import CHECKOUT, Spawn

BIG = bytes(range(256)) * 4096  # one MiB
PROGRAM = CHECKOUT / "tests" / "interop" / "twisted_ftp.py"


@pytest.fixture
def port(spawn: Spawn) -> Iterator[int]:
    """Where Twisted's server listens; no error of ours may be in its log."""
    server = spawn(sys.executable, str(PROGRAM))
    yield int(server.wait_for(r"listens on (\d+)")[1])
    assert "Traceback" not in server.output


@pytest.fixture
def client(port: int) -> Iterator[FTP]:
    with FTP(encoding="utf-8") as made:
        made.connect("127.0.0.1", port, 60)
        made.login()
        yield made


def fetch(client: FTP, name: str) -> bytes:
    data = io.BytesIO()
    client.retrbinary(f"RETR {name}", data.write)
    return data.getvalue()


def test_files_there_and_back(client: FTP) -> None:
    assert fetch(client, "big") == BIG
    client.storbinary("STOR in/new", io.BytesIO(BIG[1000:]))
    assert fetch(client, "/in/new") == BIG[1000:]
    client.storbinary("STOR in/new", io.BytesIO(b""))
    assert fetch(client, "in/new") == b""
    client.sendcmd("TYPE I")
    assert client.size("big") == len(BIG)
    assert re.fullmatch(r"213 \d{14}", client.sendcmd("MDTM big"))


def test_listings(client: FTP) -> None:
    lines: list[str] = []
    client.encoding = "latin-1"
    client.retrlines("LIST", lines.append)
    assert {line.split()[-1] for line in lines} == {"in", "big", "\xc3\xbcn", "\xff"}
    (big,) = (line for line in lines if line.endswith(" big"))
    assert re.match(r"-rw-r--r-- +1 ftp +ftp +1048576 ", big)
    assert client.nlst("in") == ["a.txt"]


def test_names(client: FTP) -> None:
    """Octets arrive as they were sent, although Twisted's server reads them as Latin-1."""
    assert fetch(client, "ün") == b"12"
    client.storbinary("STOR in/漢字", io.BytesIO(b"34"))
    assert set(client.nlst("in")) == {"a.txt", "漢字"}
    client.rename("in/漢字", "in/ö")
    client.cwd("in")
    client.mkd("ä")
    client.cwd("ä")
    assert client.pwd() == "/in/ä"
    client.cwd("/")
    client.rmd("in/ä")
    client.delete("in/ö")
    assert client.nlst("in") == ["a.txt"]


def test_refusals(client: FTP) -> None:
    for line, reply in (
        ("CWD none", "550 none: No such file or directory."),
        ("CWD big", "550 Cannot rmd, big is not a directory"),
        ("MKD big", "550 big: File exists"),
        ("RMD in", "550 Directory is not empty."),
        ("DELE in", "550 in: is a directory"),
        ("RMD /", "550 : Permission denied."),
        ("SIZE none", "550 none: No such file or directory."),
    ):
        with pytest.raises(ftplib.error_perm) as caught:
            client.sendcmd(line)
        assert str(caught.value) == reply


def test_a_full_store(spawn: Spawn) -> None:
    """The client is told by the code that says so; what was there is still there."""
    server = spawn(sys.executable, str(PROGRAM))
    with FTP() as client:
        client.connect("127.0.0.1", int(server.wait_for(r"listens on (\d+)")[1]), 60)
        client.login()
        with pytest.raises(ftplib.error_temp, match=r"^452 No space left on the server\."):
            _store(client, "big", BIG * 4)
        assert fetch(client, "big") == BIG


def _store(client: FTP, name: str, data: bytes) -> None:
    """Store a file; where the server ends the data connection first, its reply still counts."""
    try:
        client.storbinary(f"STOR {name}", io.BytesIO(data))
    except OSError:
        client.voidresp()
