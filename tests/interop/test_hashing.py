"""Checksums and copies on a real disk, with real threads: what takes long holds nobody up."""

from __future__ import annotations

import ftplib
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.clients import FTPS, curl, ftp, url
from tests.interop.server import Server, eventually

SOME = random.Random(4).randbytes(5 * 2**20 + 1)
# Nothing on the disk, but minutes of work for a checksum.
HUGE = 2**35


@pytest.fixture(params=["1.2", "1.3"])
def client(server: Server, folder: Path, request: pytest.FixtureRequest) -> Iterator[FTPS]:
    """In the folder of the test, where there is a small file and a huge one."""
    (folder / "some").write_bytes(SOME)
    with (folder / "huge").open("wb") as huge:
        huge.truncate(HUGE)
    with ftp(server, version=request.param) as client:
        client.cwd(folder.name)
        yield client


def hidden(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-512", "SHA-1", "MD5"])
def test_hash(client: FTPS, algorithm: str) -> None:
    client.sendcmd(f"OPTS HASH {algorithm}")
    name = algorithm.replace("-", "")
    whole, part = hashlib.new(name, SOME), hashlib.new(name, SOME[1000:-1000])
    last = len(SOME) - 1
    told = f"213 {algorithm} 0-{last} {whole.hexdigest()} some"
    assert client.sendcmd("HASH some") == told
    client.sendcmd(f"RANG 1000 {last - 1000}")
    told = f"213 {algorithm} 1000-{last - 1000} {part.hexdigest()} some"
    assert client.sendcmd("HASH some") == told


def test_a_part(client: FTPS) -> None:
    client.sendcmd("RANG 1000 2000000")
    received: list[bytes] = []
    client.retrbinary("RETR some", received.append)
    assert b"".join(received) == SOME[1000:2_000_001]


def test_a_copy_and_its_parts(client: FTPS, folder: Path) -> None:
    client.sendcmd('SITE COPY some "the copy"')
    client.sendcmd("SITE CPFR some")
    client.sendcmd("SITE CPTO other")
    assert (folder / "the copy").read_bytes() == (folder / "other").read_bytes() == SOME
    client.sendcmd('COMB "some" "the copy" "other"')
    assert (folder / "some").read_bytes() == 3 * SOME
    assert sorted(each.name for each in folder.iterdir()) == ["huge", "some"]


@pytest.mark.parametrize("line", ["HASH huge", "XCRC huge", "SITE COPY huge copy", "COMB new huge"])
def test_abor_of_what_takes_long(client: FTPS, folder: Path, server: Server, line: str) -> None:
    verb = line.removeprefix("SITE ").split()[0]
    client.putcmd(line)
    client.putcmd("STAT")
    assert f"{verb} /" in client.getmultiline()
    with ftp(server) as other:
        assert other.pwd() == "/"
    client.putcmd("ABOR")
    with pytest.raises(ftplib.error_temp, match="426"):
        client.getresp()
    assert client.getresp().startswith("226")
    assert hidden(folder) == []
    assert sorted(each.name for each in folder.iterdir()) == ["huge", "some"]
    assert hashlib.sha256(SOME).hexdigest() in client.sendcmd("HASH some")


def test_a_client_that_leaves(client: FTPS, folder: Path, server: Server) -> None:
    client.putcmd("SITE COPY huge copy")
    client.putcmd("STAT")
    client.getmultiline()
    eventually(lambda: hidden(folder))
    client.close()
    eventually(lambda: not hidden(folder))
    eventually(lambda: not server.descriptors())
    assert sorted(each.name for each in folder.iterdir()) == ["huge", "some"]


def test_curl(server: Server, folder: Path, tmp_path: Path) -> None:
    """Commands before and behind an upload: it is verified, and gets its name."""
    (tmp_path / "up").write_bytes(SOME)
    quotes = ["--quote", "-HASH up", "--quote", "-SITE CPFR up", "--quote", "-SITE CPTO name"]
    at = url(server, f"{folder.name}/")
    said = curl(server, tmp_path, "--verbose", *quotes, "--upload-file", "up", at)
    assert hashlib.sha256(SOME).hexdigest() in said
    assert (folder / "name").read_bytes() == SOME
