"""openssl s_client: STARTTLS, the chain, versions, and resumption as OpenSSL itself sees it."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.clients import HOSTS, PATIENCE
from tests.interop.server import PASSWORD, USER, Server, eventually

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


class Client:
    """A running s_client: what is typed, and what it said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := self._process.stdout.read1():
            self.said += piece.decode("utf-8", "replace")

    def type(self, line: str, answer: str) -> str:
        """Type a line and wait for an answer that matches."""
        assert self._process.stdin is not None
        mark = len(self.said)
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        eventually(lambda: re.search(answer, self.said[mark:], re.MULTILINE), PATIENCE)
        return self.said[mark:]

    def wait(self) -> int:
        """Its exit status, once it ends by itself."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status


@contextmanager
def s_client(
    server: Server, version: str, port: int, *arguments: str, family: int = 4
) -> Iterator[Client]:
    host = {4: HOSTS[4], 6: "[::1]"}[family]
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"{host}:{port}",
        f"-tls{version}".replace(".", "_"),
    ]
    command += ["-CAfile", str(server.authority), "-verify_return_error", "-crlf"]
    command += ["-servername", "localhost", "-verify_hostname", "localhost"]
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        client = Client(process)
        try:
            yield client
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            client._reader.join(PATIENCE)


def log_in(client: Client) -> None:
    client.type(f"USER {USER}", "^331 ")
    client.type(f"PASS {PASSWORD}", "^230 ")
    client.type("PBSZ 0", "^200 ")
    client.type("PROT P", "^200 ")


def arguments(kind: str) -> Sequence[str]:
    return ["-starttls", "ftp"] if kind == "explicit" else []


@VERSIONS
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_a_session(server: Server, kind: str, family: int, version: str) -> None:
    port = server.port(kind, family)
    with s_client(server, version, port, *arguments(kind), family=family) as client:
        log_in(client)
        assert "AUTH TLS" in client.type("FEAT", "^211 End")
        client.type("PWD", '^257 "/"')
        client.type("Noop", "^200 ")
        client.type("quit", "^221 ")  # a capital Q would be for s_client
        assert client.wait() == 0
    assert "Verify return code: 0 (ok)" in client.said or "verify return:1" in client.said
    assert f"TLSv{version}" in client.said


@VERSIONS
def test_data_connections_resume_and_other_sessions_do_not(
    strict_server: Server, tmp_path: Path, version: str
) -> None:
    (strict_server.root / "some").write_text("what was asked for\n")
    saved = tmp_path / "session"
    keep = ["-starttls", "ftp", "-sess_out", str(saved)]
    with s_client(strict_server, version, strict_server.port(), *keep) as control:
        log_in(control)
        eventually(saved.exists)
        for _ in range(2):
            port = int(control.type("EPSV", r"\|\d+\|").split("|||")[1].partition("|")[0])
            with s_client(strict_server, version, port, "-sess_in", str(saved)) as data:
                control.type("retr some", "^226 ")  # a capital R, too
                data.wait()
            assert "what was asked for" in data.said
            assert "Reused, TLSv" in data.said
    with s_client(
        strict_server, version, strict_server.port(), "-starttls", "ftp", "-sess_in", str(saved)
    ) as stranger:
        stranger.type("NOOP", "^200 ")
    assert "New, TLSv" in stranger.said


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(server: Server, option: str) -> None:
    old = ["-cipher", "ALL:@SECLEVEL=0"]
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port('implicit')}", option, *old],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert b"alert protocol version" in done.stderr


def test_renegotiation_is_refused(server: Server) -> None:
    with s_client(server, "1.2", server.port(), "-starttls", "ftp") as client:
        client.type("NOOP", "^200 ")
        client.type("R", "RENEGOTIATING")
        client.wait()
    assert "no renegotiation" in client.said


@pytest.fixture(scope="module")
def strict_server(start_server) -> Server:
    return start_server(flags=["--session-reuse", "require"], limits=["refusal_grace = 0.1"])
