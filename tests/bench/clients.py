"""The clients: curl for what is large, and a small one for what goes to and fro.

Both are told whom to trust, end TLS as RFC 8446 has it (close_notify), and tell what they used
themselves.
"""

from __future__ import annotations

import re
import resource
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bench.peers import PASSWORD, USER

SUITE = "TLS_AES_128_GCM_SHA256"
"""What curl offers, and nothing else: all servers encrypt alike."""
_PIECE = 256 * 1024
_PASV = re.compile(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)")


class BenchError(Exception):
    """A server did not do what was asked for, in one sentence."""


class WrongContentError(BenchError):
    """What was moved is not what it was."""


@dataclass(frozen=True)
class Target:
    """Where a server is, and who logs in.

    Attributes:
        host: Name or address.
        port: Of its control connections, with explicit TLS.
        user: Who logs in.
        password: How.
        trusted: PEM file of whom its certificate must be; without one, any will do.
    """

    host: str
    port: int
    user: str = USER
    password: str = PASSWORD
    trusted: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A client's, of TLS 1.3, as curl's."""
        made = ssl.create_default_context(cafile=self.trusted)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        if self.trusted is None:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        return made


class Session:
    """One control connection, logged in.

    Args:
        target: To whom.
        context: With which to protect it, and its data connections; None for clear text.
        timeout: Seconds to wait for anything.

    Raises:
        BenchError: Something was refused.
    """

    def __init__(
        self, target: Target, context: ssl.SSLContext | None, *, timeout: float = 120
    ) -> None:
        self._target = target
        self._context = context
        self._timeout = timeout
        self._unread = b""
        self._socket = _connect(target.host, target.port, timeout)
        self._reply(220)
        if context:
            self.ask("AUTH TLS", 234)
            self._socket = context.wrap_socket(self._socket, server_hostname=target.host)
        if self.ask(f"USER {target.user}", 331, 230, 232).startswith("331"):
            self.ask(f"PASS {target.password}", 230)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ready(self) -> Self:
        """TYPE I, and private data connections where this one is private."""
        if self._context:
            self.ask("PBSZ 0", 200)
            self.ask("PROT P", 200)
        self.ask("TYPE I", 200)
        return self

    def ask(self, command: str, *codes: int) -> str:
        """Send a command, and return its reply, which must have one of the codes."""
        self._socket.sendall(f"{command}\r\n".encode())
        return self._reply(*codes, to=command)

    def quit(self) -> None:
        """Say so, and wait until the server has closed."""
        self.ask("QUIT", 221)
        with suppress(OSError):  # some reset it
            while self._socket.recv(_PIECE):
                pass
        self._socket.close()

    def fetch(self, command: str, *, resumed: bool = False) -> tuple[bytes, bool]:
        """What a command such as RETR or LIST sends, and whether TLS was resumed.

        Args:
            command: With its argument.
            resumed: Whether to offer the session of the control connection.
        """
        pieces = []
        with self._data(command, resumed=resumed) as data:
            while piece := data.recv(_PIECE):
                pieces.append(piece)
            reused = _finish(data)
        self._reply(226, 250, to=command)
        return b"".join(pieces), reused

    def store(self, path: str, content: bytes) -> None:
        """Upload."""
        command = f"STOR {path}"
        with self._data(command) as data:
            data.sendall(content)
            _finish(data)
        self._reply(226, 250, to=command)

    def _data(self, command: str, *, resumed: bool = False) -> socket.socket:
        found = _PASV.search(self.ask("PASV", 227)[3:])
        if found is None:
            raise BenchError("the reply to PASV names no address")
        port = int(found[5]) * 256 + int(found[6])
        data = _connect(self._target.host, port, self._timeout)
        self.ask(command, 125, 150)
        if not self._context:
            return data
        own = self._socket
        session = own.session if resumed and isinstance(own, ssl.SSLSocket) else None
        return self._context.wrap_socket(data, server_hostname=self._target.host, session=session)

    def _reply(self, *codes: int, to: str = "the connection") -> str:
        while True:
            line, newline, rest = self._unread.partition(b"\r\n")
            if not newline:
                got = self._socket.recv(_PIECE)
                if not got:
                    raise BenchError(f"the server closed, instead of a reply to {to}")
                self._unread += got
                continue
            self._unread = rest
            if line[:3].isdigit() and line[3:4] == b" ":
                break
        if int(line[:3]) not in codes:
            raise BenchError(f"the reply to {to} was: {line.decode(errors='replace')}")
        return line.decode(errors="replace")


@dataclass(frozen=True)
class Finished:
    """What transfers by curl took.

    Attributes:
        seconds: Until the last had ended.
        cpu: Their own, in CPU seconds.
        octets: In all.
        said: What they told of TLS, with ``verbose``.
    """

    seconds: float
    cpu: float
    octets: int
    said: str


class Curl:
    """One or several at once, each a process, and each a transfer with its own login.

    Args:
        target: Whose.
        private: Whether over TLS, both connections.
    """

    def __init__(self, target: Target, *, private: bool) -> None:
        self._target = target
        self._flags = ["--silent", "--show-error", "--disable-epsv", "--max-time", "600"]
        self._flags += ["--write-out", "%{size_download} %{size_upload}\n"]
        self._flags += ["--user", f"{target.user}:{target.password}"]
        if private:
            trusted = ["--cacert", str(target.trusted)] if target.trusted else ["--insecure"]
            self._flags += ["--ssl-reqd", "--tlsv1.3", "--tls13-ciphers", SUITE, *trusted]

    def download(self, path: str, *into: Path, verbose: bool = False) -> Finished:
        """As many at once as there are files to write into."""
        return self._run(
            [["--output", str(each), self._url(path)] for each in into], verbose=verbose
        )

    def upload(self, source: Path, *paths: str, verbose: bool = False) -> Finished:
        """As many at once as there are paths."""
        return self._run(
            [["--upload-file", str(source), self._url(each)] for each in paths], verbose=verbose
        )

    def _url(self, path: str) -> str:
        return f"ftp://{self._target.host}:{self._target.port}/{path}"

    def _run(self, each: Sequence[list[str]], *, verbose: bool) -> Finished:
        flags = [*self._flags, *(["--verbose"] if verbose else [])]
        clock, used = time.perf_counter(), _of_children()
        started = [
            subprocess.Popen(
                ["curl", *flags, *more],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            for more in each
        ]
        octets, said = 0, ""
        for process in started:
            told, errors = process.communicate()
            if process.returncode:
                raise BenchError(errors.strip().splitlines()[-1])
            octets += max(map(int, told.split()))
            said += errors
        return Finished(time.perf_counter() - clock, _of_children() - used, octets, said)


def _of_children() -> float:
    """CPU seconds of those that were waited for: the servers run on."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    made = socket.create_connection((host, port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _finish(data: socket.socket) -> bool:
    """Say that this is all, and whether the session was resumed; what counts is the reply."""
    if not isinstance(data, ssl.SSLSocket):
        return False
    reused = bool(data.session_reused)  # nobody knows afterwards
    with suppress(OSError):
        data.unwrap()
    return reused
