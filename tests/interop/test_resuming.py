"""Real clients go on with an upload that broke off, also after the server ended in between."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.interop.certificates import Certificates
from tests.interop.clients import Bare, curl, fetch, ftp, lftp, reset, store, url
from tests.interop.server import Server, eventually

DATA = random.Random(6).randbytes(1_500_000)
PART = 700_000


def start(folder: Path, throwaway: Certificates) -> Server:
    return Server(folder, throwaway, flags=("--upload-mode=atomic-resume",))


@pytest.mark.parametrize(
    ("client", "how"), [("curl", "reset"), ("curl", "kill"), ("lftp", "kill"), ("ftplib", "stop")]
)
def test_they_go_on(tmp_path: Path, throwaway: Certificates, client: str, how: str) -> None:
    folder, home = tmp_path / "server", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (home / "up").write_bytes(DATA)
    server = start(folder, throwaway)
    try:
        (server.root / "up").write_bytes(b"old")
        with Bare(server) as broken:
            data = broken.transfer("STOR up")
            data.sendall(DATA[:PART])
            eventually(lambda: arrived(server) == PART)
            if how == "reset":
                reset(data)
                assert f"{PART} octets are kept" in broken.expect(426)
            elif how == "kill":
                server.kill()
            else:
                server.stop()
            data.close()
        if how != "reset":
            server = start(folder, throwaway)
        assert (server.root / "up").read_bytes() == b"old"
        if client == "curl":
            curl(server, home, "--continue-at", "-", "--upload-file", "up", url(server))
        elif client == "lftp":
            lftp(server, home, "put -c up")
        else:
            with ftp(server) as session:
                session.voidcmd("TYPE I")
                size = session.size("up")
                assert size == PART
                store(session, "up", DATA[size:], rest=size)
        with ftp(server) as session:
            assert fetch(session, "up") == DATA
        assert [each.name for each in server.root.iterdir()] == ["up"]
    finally:
        server.stop()


def arrived(server: Server) -> int:
    return sum(part.stat().st_size for part in server.root.glob(".ftptls-*.kept"))
