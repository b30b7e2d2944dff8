"""A client that speaks line by line, over the network in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.protocol import ServerFactory

from ftptls.testing.network import MemoryPort, MemoryReactor
from ftptls.testing.wires import Ending, Wire, WireError
from ftptls.wire.addresses import family_of, pasv_text

if TYPE_CHECKING:
    from ftptls.testing.dialogue import MemoryServer

SERVER, SERVER_6 = "198.51.100.1", "2001:db8::21"
CLIENT, CLIENT_6 = "192.0.2.1", "2001:db8::1"
STRANGER = "203.0.113.66"

USER, PASSWORD = "alice", "open sesame"

_FINAL = re.compile(rb"^([1-6][0-9]{2}) .*\r\n", re.MULTILINE)
_PASV = re.compile(r"\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)")
_EPSV = re.compile(r"\(\|\|\|(\d+)\|\)")


@dataclass(frozen=True)
class Answer:
    """A reply, as it arrived.

    Attributes:
        code: Its code.
        lines: Its lines, the code of the first and of the last taken off.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class _Answering(ServerFactory):
    noisy = False

    def __init__(self, accept: Callable[[], Wire]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: object) -> Wire:
        return self._accept()


class DataPort:
    """Where a data connection comes about: a server's port, or one of the client's own."""

    def __init__(self, reactor: MemoryReactor, connected: Wire | None = None) -> None:
        self._reactor = reactor
        self._wire = connected
        self._port: MemoryPort | None = None

    def listen(self, host: str) -> int:
        """Wait for the server to connect; returns the port."""
        self._port = self._reactor.listenTCP(0, _Answering(self._accept), interface=host)
        return self._port.port

    def _accept(self) -> Wire:
        self._wire = Wire(self._reactor)
        if self._port is not None:
            self._port.stopListening()
        return self._wire

    @property
    def wire(self) -> Wire:
        """The connection."""
        self._reactor.settle()
        if self._wire is None:
            raise WireError("the server did not connect")
        return self._wire

    def close(self) -> None:
        """Neither listen nor be connected any more."""
        if self._port is not None:
            self._port.stopListening()
        if self._wire is not None:
            self._wire.close()


class Client:
    """A client that does one thing after the other.

    Args:
        server: Whom it speaks to.
        source: Its address.
        version: Its only TLS version.

    Attributes:
        server: Whom it speaks to.
        control: The control connection.
        context: Its TLS context, for control and data.
        private: Whether it protects its data connections.
        server_name: What it calls the server in its handshakes (SNI); empty for nothing.
        ports: Every data connection it ever made or asked for.
    """

    def __init__(self, server: MemoryServer, source: str, version: int) -> None:
        self.server = server
        self._reactor = server.reactor
        self._source = source
        self.control = Wire.connect(self._reactor, server.host, server.port, source)
        self.context = server.authority.client_context(version)
        self.private = False
        self.server_name = ""
        self.ports: list[DataPort] = []

    # --- lines and replies -----------------------------------------------------------------

    def send(self, *lines: str | bytes) -> None:
        """Send command lines, all at once."""
        encoded = [
            line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")
            for line in lines
        ]
        self.control.send(b"".join(line + b"\r\n" for line in encoded))

    def answer(self) -> Answer | None:
        """The next reply, if there is one."""
        data = self.control.take()
        final = _FINAL.search(data)
        if final is None:
            self.control.push_back(data)
            return None
        self.control.push_back(data[final.end() :])
        lines = data[: final.end()].decode("utf-8", "surrogateescape").split("\r\n")[:-1]
        lines[0] = lines[0][4:]
        lines[1:] = [line[4:] if line is lines[-1] else line for line in lines[1:]]
        return Answer(int(final[1]), tuple(lines))

    def expect(self, *codes: int) -> Answer:
        """The next reply, which must have one of these codes.

        Raises:
            WireError: There is none, or another.
        """
        answer = self.answer()
        if answer is None or answer.code not in codes:
            raise WireError(f"expected {codes}, got {answer or self.control.end or 'nothing'}")
        return answer

    def ask(self, line: str | bytes, *codes: int) -> Answer:
        """Send one line and expect its reply."""
        self.send(line)
        return self.expect(*codes)

    @property
    def quiet(self) -> bool:
        """Whether the server says nothing (more)."""
        return not self.control.peek()

    @property
    def closed(self) -> bool:
        """Whether the server closed the control connection."""
        self._reactor.settle()
        return self.control.end is not None

    # --- beginnings ------------------------------------------------------------------------

    def secure(self, mechanism: str = "TLS", *, private: bool = True) -> None:
        """AUTH, the handshake, PBSZ and PROT."""
        self.ask(f"AUTH {mechanism}", 234)
        self.control.start_tls(self.context, name=self.server_name)
        self.protect_data(private=private)

    def protect_data(self, *, private: bool = True) -> None:
        """PBSZ and PROT."""
        self.ask("PBSZ 0", 200)
        self.ask(f"PROT {'P' if private else 'C'}", 200)
        self.private = private

    def log_in(self, user: str = USER, password: str = PASSWORD) -> None:
        """USER, PASS, and TYPE I."""
        self.ask(f"USER {user}", 331)
        self.ask(f"PASS {password}", 230)
        self.ask("TYPE I", 200)

    # --- data connections ------------------------------------------------------------------

    def passive_port(self, command: str = "") -> int:
        """PASV or EPSV; by default what suits the address. Returns the server's port."""
        command = command or ("EPSV" if family_of(self._source) == 6 else "PASV")
        if command.startswith("PASV"):
            numbers = _PASV.search(self.ask(command, 227).text)
            if numbers is None:
                raise WireError("a 227 without an address")
            return int(numbers[2]) * 256 + int(numbers[3])
        number = _EPSV.search(self.ask(command, 229).text)
        if number is None:
            raise WireError("a 229 without a port")
        return int(number[1])

    def dial(self, port: int, source: str = "") -> Wire:
        """Connect to a port of the server, perhaps as somebody else."""
        wire = Wire.connect(self._reactor, self.server.host, port, source or self._source)
        self._reactor.settle()
        self.ports.append(DataPort(self._reactor, wire))
        return wire

    def open(self, command: str = "") -> DataPort:
        """Prepare a data connection by PASV, EPSV, PORT or EPRT."""
        if command in ("PORT", "EPRT"):
            data_port = DataPort(self._reactor)
            self.ports.append(data_port)
            port = data_port.listen(self._source)
            if command == "PORT":
                self.ask(f"PORT {pasv_text(self._source, port)}", 200)
            else:
                number = 2 if family_of(self._source) == 6 else 1
                self.ask(f"EPRT |{number}|{self._source}|{port}|", 200)
            return data_port
        self.dial(self.passive_port(command))
        return self.ports[-1]

    def protect(self, wire: Wire, *, resume: bool = True) -> None:
        """TLS on a data connection, with the control connection's session or without."""
        session = self.control.session if resume else None
        wire.start_tls(self.context, session, self.server_name)

    def begin(
        self, line: str | bytes, how: str = "", *, resume: bool = True, limit: int | None = None
    ) -> Wire:
        """Start a transfer, up to the data connection and its protection.

        Args:
            line: The command.
            how: PASV, EPSV, PORT or EPRT.
            resume: Whether to resume the control connection's TLS session.
            limit: Read no more than about this much; not with PORT and EPRT.
        """
        data_port = self.open(how)
        if limit is not None:
            data_port.wire.limit = limit
        self.ask(line, 150)
        if self.private:
            self.protect(data_port.wire, resume=resume)
        return data_port.wire

    def download(self, line: str | bytes, how: str = "", *, resume: bool = True) -> bytes:
        """Everything that RETR, LIST or the like sends; 226 and a proper end are due."""
        wire = self.begin(line, how, resume=resume)
        data = wire.take()
        self.expect(226)
        if wire.end is None or (self.private and not wire.notified):
            raise WireError(f"the data has no proper end: {wire.end}, {wire.failure}")
        wire.close()
        return data

    def upload(
        self,
        line: str | bytes,
        data: bytes,
        how: str = "",
        *,
        resume: bool = True,
        ending: Ending = Ending.POLITE,
        code: int = 226,
    ) -> Answer:
        """Send ``data`` by STOR or APPE; returns the final reply."""
        wire = self.begin(line, how, resume=resume)
        wire.send(data)
        wire.stop(ending)
        answer = self.expect(code)
        wire.close()
        return answer

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self._reactor.advance(seconds)

    def leave(self) -> None:
        """Close everything without a word."""
        self.control.close()
        for port in self.ports:
            port.close()
        self._reactor.settle()
