"""Clients: ftplib with what it lacks, a bare one that keeps to no rules, and real programs."""

from __future__ import annotations

import ftplib
import io
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.interop.server import PASSWORD, USER, Server

# Each wait for the server ends in a failure rather than in silence.
PATIENCE = 60

_LATEST = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
HOSTS = {4: "127.0.0.1", 6: "::1"}
# Flags of a server for clients that know no TLS.
CLEAR = ("--login-protection", "optional", "--data-protection", "optional")


def trusting(server: Server, version: str = "1.3") -> ssl.SSLContext:
    """A client's context that verifies the server, and speaks one version only."""
    context = ssl.create_default_context(cafile=str(server.authority))
    context.minimum_version = context.maximum_version = _LATEST[version]
    return context


class FTPS(ftplib.FTP_TLS):
    """ftplib's client; over implicit TLS and with session reuse, if it is told so.

    Attributes:
        resumed: For each protected data connection: whether it resumed the session.
    """

    def __init__(self, context: ssl.SSLContext, *, implicit: bool, reuse: bool) -> None:
        super().__init__(context=context, timeout=PATIENCE, encoding="utf-8")
        self.resumed: list[bool] = []
        self._implicit = implicit
        self._reuse = reuse

    def connect(self, *args: Any, **kwargs: Any) -> str:
        if not self._implicit:
            return super().connect(*args, **kwargs)
        host, port = args
        self.host, self.port = host, port
        raw = socket.create_connection((host, port), self.timeout)
        self.af = raw.family
        self.sock = self.context.wrap_socket(raw, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: Any = None) -> Any:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            connection = self.context.wrap_socket(
                connection,
                server_hostname=self.host,
                session=self.sock.session if self._reuse else None,
            )
            self.resumed.append(bool(connection.session_reused))
        return connection, size


@contextmanager
def ftp(
    server: Server,
    *,
    kind: str = "explicit",
    family: int = 4,
    version: str = "1.3",
    reuse: bool = True,
    protect: bool = True,
    passive: bool = True,
) -> Iterator[FTPS]:
    """A logged-in ftplib client; says QUIT in the end, unless it is closed already."""
    client = FTPS(trusting(server, version), implicit=kind == "implicit", reuse=reuse)
    try:
        client.connect(HOSTS[family], server.port(kind, family))
        client.login(USER, PASSWORD)
        if protect:
            client.prot_p()
        else:
            client.voidcmd("PBSZ 0")
            client.prot_c()
        client.set_pasv(passive)
        yield client
        if client.sock is not None:
            assert client.quit().startswith("221")
    finally:
        client.close()


def fetch(client: FTPS, name: str, **more: int) -> bytes:
    """A file as ftplib downloads it."""
    pieces: list[bytes] = []
    assert client.retrbinary(f"RETR {name}", pieces.append, **more).startswith("226")
    return b"".join(pieces)


def store(client: FTPS, name: str, data: bytes, **more: int) -> None:
    """Upload a file with ftplib."""
    assert client.storbinary(f"STOR {name}", io.BytesIO(data), **more).startswith("226")


class Bare:
    """A control connection that does as it is told, line by line.

    Args:
        server: Where to connect.
        version: Of TLS.
        login: Whether to go through AUTH, USER and PASS; otherwise it stays in clear text.
    """

    def __init__(self, server: Server, *, version: str = "1.3", login: bool = True) -> None:
        self.context = trusting(server, version)
        self.sock = socket.create_connection(("127.0.0.1", server.port()), PATIENCE)
        self._received = b""
        self.expect(220)
        if login:
            self.command("AUTH TLS", 234)
            self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")
            self.command(f"USER {USER}", 331)
            self.command(f"PASS {PASSWORD}", 230)
            self.command("PBSZ 0", 200)
            self.command("PROT P", 200)
            self.command("TYPE I", 200)

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Close, without a word."""
        self.sock.close()

    def reset(self) -> None:
        """Close so that the server sees a reset."""
        reset(self.sock)

    def send(self, data: str | bytes) -> None:
        """Send as it stands; a string is a command."""
        line = f"{data}\r\n".encode() if isinstance(data, str) else data
        self.sock.sendall(line)

    def line(self) -> str:
        """The next line of the server; empty at the end."""
        while b"\n" not in self._received:
            received = self.sock.recv(65536)
            if not received:
                break
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r")

    def reply(self) -> str:
        """The next reply, its lines joined with line feeds."""
        lines = [self.line()]
        while not re.match(rf"{lines[0][:3]} ", lines[-1]):
            assert lines[-1] or len(lines) > 1, "the connection ended"
            lines.append(self.line())
        return "\n".join(lines)

    def expect(self, *codes: int) -> str:
        """The next replies, by their codes; returns the last."""
        reply = ""
        for code in codes:
            reply = self.reply()
            assert int(reply[:3]) == code, f"{reply} instead of {code}"
        return reply

    def command(self, line: str, *codes: int) -> str:
        """Send a command and see its replies."""
        self.send(line)
        return self.expect(*codes)

    def passive(self) -> socket.socket:
        """A clear connection to a new passive port."""
        reply = self.command("EPSV", 229)
        port = int(reply.split("|||")[1].partition("|")[0])
        return socket.create_connection(("127.0.0.1", port), PATIENCE)

    def protect(self, data: socket.socket) -> ssl.SSLSocket:
        """TLS for a data connection, with the session of the control connection."""
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(data, server_hostname="localhost", session=session)

    def transfer(self, command: str) -> ssl.SSLSocket:
        """Begin a protected transfer over a passive connection; 150 was received."""
        data = self.passive()
        self.command(command, 150)
        return self.protect(data)


def reset(sock: socket.socket) -> None:
    """Close so that the other side sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    os.close(sock.detach())


def everything(sock: socket.socket) -> bytes:
    """All octets until the other side ends."""
    pieces = []
    while piece := sock.recv(262144):
        pieces.append(piece)
    return b"".join(pieces)


def run(
    command: Sequence[str | os.PathLike[str]],
    home: Path,
    stdin: bytes = b"",
    *,
    status: int | Collection[int] = 0,
    **environment: str,
) -> str:
    """Run a program to its end; what it said, both streams.

    Args:
        command: Program and arguments.
        home: An empty folder: nobody's preferences apply. Also its working directory.
        stdin: Its input.
        status: The exit status it must have, or one of several.
        environment: Further variables.
    """
    done = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        timeout=4 * PATIENCE,
        check=False,
    )
    output = done.stdout.decode("utf-8", "surrogateescape")
    expected = [status] if isinstance(status, int) else status
    assert done.returncode in expected, f"{command[0]} ended with {done.returncode}:\n{output}"
    return output


def url(server: Server, path: str = "", *, kind: str = "explicit", family: int = 4) -> str:
    """The URL of a path, already quoted, for curl."""
    scheme = "ftps" if kind == "implicit" else "ftp"
    host = {4: "localhost", 6: "[::1]"}[family]
    return f"{scheme}://{host}:{server.port(kind, family)}/{path}"


def curl(
    server: Server,
    home: Path,
    *arguments: str | os.PathLike[str],
    status: int | Collection[int] = 0,
) -> str:
    """Run curl, which verifies the certificate and insists on TLS."""
    command = ["curl", "--silent", "--show-error", "--disable", "--max-time", f"{3 * PATIENCE}"]
    command += ["--ssl-reqd", "--cacert", str(server.authority), "--user", f"{USER}:{PASSWORD}"]
    return run([*command, *arguments], home, status=status)


def lftp(
    server: Server,
    home: Path,
    *commands: str,
    kind: str = "explicit",
    family: int = 4,
    settings: str = "",
    status: int = 0,
) -> str:
    """Run lftp with a script, which stops at the first command that fails."""
    script = [
        f'set ssl:ca-file "{server.authority}"',
        "set ssl:verify-certificate yes; set ssl:check-hostname yes",
        "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:ssl-protect-list yes",
        f"set net:timeout {PATIENCE}; set net:max-retries 1; set net:reconnect-interval-base 1",
        "set cmd:fail-exit yes; set xfer:log no",
        settings,
        f"open -u '{USER},{PASSWORD}' {url(server, kind=kind, family=family)}",
        *commands,
    ]
    text = "\n".join(filter(None, script)) + "\n"
    return run(["lftp", "--norc", "-f", "/dev/stdin"], home, text.encode(), status=status)
