"""CCC with real clients: polite ones, ones that wait for the server, and rude ones."""

from __future__ import annotations

import ftplib
import socket
from pathlib import Path

import pytest

from tests.interop.clients import PATIENCE, curl, lftp, trusting, url
from tests.interop.server import PASSWORD, USER, Server


@pytest.fixture(scope="module")
def clearing(start_server) -> Server:
    """A server that allows CCC."""
    server = start_server(limits=("[policy]", "ccc = true"))
    (server.root / "f").write_bytes(b"0123")
    return server


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", ["active", "passive"])
def test_curl(clearing: Server, tmp_path: Path, mode: str, version: str) -> None:
    options = ["--ftp-ssl-ccc-mode", mode, "--tls-max", version, f"--tlsv{version}"]
    before = len(clearing.log)
    assert curl(clearing, tmp_path, *options, url(clearing, "f")) == "0123"
    clearing.wait_for("'CCC'", before)


@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_lftp(clearing: Server, tmp_path: Path, kind: str) -> None:
    said = lftp(
        clearing, tmp_path, "cat f", "cls -1", kind=kind, settings="set ftp:ssl-use-ccc yes"
    )
    assert said.split() == ["0123f"]


def test_ftplib_clears_and_protects_again(clearing: Server) -> None:
    context = trusting(clearing)
    ftp = ftplib.FTP_TLS(context=context, timeout=PATIENCE, encoding="utf-8")
    ftp.connect("localhost", clearing.port())
    ftp.login(USER, PASSWORD)
    ftp.prot_p()
    # CPython keeps the class of a socket whose TLS has ended; a bare one does the same job.
    ftp.voidcmd("CCC")
    ftp.sock = ftp.sock.unwrap()
    ftp.sock = socket.socket(fileno=ftp.sock.detach())
    ftp.sock.settimeout(PATIENCE)
    ftp.file = ftp.sock.makefile("r", encoding="utf-8")
    assert ftp.nlst() == ["f"]
    for line in ("PROT C", "PBSZ 0"):
        with pytest.raises(ftplib.error_perm, match="503"):
            ftp.voidcmd(line)
    ftp.voidcmd("AUTH TLS")
    ftp.sock = context.wrap_socket(ftp.sock, server_hostname="localhost")
    ftp.file = ftp.sock.makefile("r", encoding="utf-8")
    ftp.login(USER, PASSWORD, secure=False)
    ftp.prot_p()
    assert ftp.nlst() == ["f"]
    ftp.quit()
    ftp.close()
