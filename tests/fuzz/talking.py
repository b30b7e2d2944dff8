"""A client that says whatever it is told to, and does what the replies ask of it.

It connects to every port that it is told of, shakes hands where TLS is due, takes what is
sent and sends what is awaited, so that dialogues go on behind a command that was right by
chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.internet.protocol import ServerFactory

from ftptls.testing.dialogue import CLIENT, Client
from ftptls.testing.wires import Ending, Wire
from ftptls.tls.switch import SINKING
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.lines import parse_command
from ftptls.wire.replies import Reply, ReplyReader
from tests.fuzz.grammar import CANARY, CLIENT_PORT, COMMANDS
from tests.fuzz.serving import Served

# Longer than anything takes in these tests but patience with clients, which has no end here.
_LONG = 120
# Refusals of Telnet options stand between replies; the sequences that clients send are more.
_TELNET = re.compile(rb"\xff(?:\xff|[\xfb-\xfe].)")
_TELNET_ALL = re.compile(rb"\xff(?:[\xfb-\xfe].|[^\xff])")
_RIGHT = re.compile(rb"(?:[1-6]\d\d(?: [^\r\n]*|-[^\r\n]*)\r\n| [^\r\n]*\r\n)+")
_CONTROLS = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_PORTS = re.compile(r"\((?:\d+,\d+,\d+,\d+,(\d+),(\d+)|\|\|\|(\d+)\|)\)")
# Commands whose replies may repeat what clients said: it is a pathname, or a user's own name.
_NAMES = re.compile(r"<(?:pathname|source|target|part)")
_OWN = frozenset({"PWD", "XPWD"})


@dataclass(frozen=True)
class Data:
    """What is sent where the server wants to receive, and how it ends."""

    payload: bytes
    ending: Ending


class _Listening(ServerFactory):
    noisy = False

    def __init__(self, accept: Callable[[], Wire]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: object) -> Wire:
        return self._accept()


class Talker:
    """One client of one server.

    Args:
        served: Whom it talks to.
        data: What it sends over data connections.

    Attributes:
        client: What it talks with.
    """

    def __init__(self, served: Served, data: Data) -> None:
        self.client: Client = served.server.connect()
        self._served = served
        self._data = data
        self._reactor = served.server.reactor
        self._reader = ReplyReader(100_000)
        self._data_wire: Wire | None = None
        self._accepted: list[Wire] = []
        self._listening = self._reactor.listenTCP(
            CLIENT_PORT, _Listening(self._accept), interface=CLIENT
        )

    @property
    def over(self) -> bool:
        """Whether the server ended the connection, and all it said was heard."""
        return self.client.closed and not self.client.control.peek()

    def leave(self) -> None:
        """Go, and listen no more."""
        self._listening.stopListening()
        for wire in self._accepted:
            wire.close()
        self.client.leave()

    # --- saying and hearing --------------------------------------------------------------------

    def say(self, *lines: bytes) -> list[Reply]:
        """Say lines, all at once, and hear the final replies: one each, or the end.

        Args:
            lines: With their ends, each with exactly one LF.
        """
        self.client.control.send(b"".join(lines))
        finals: list[Reply] = []
        preliminary = 0
        for _ in range(_LONG):
            while (reply := self._hear()) is not None:
                if reply.is_preliminary:
                    preliminary += 1
                    assert preliminary <= sum(map(_transfers, lines)), f"{reply} for {lines}"
                else:
                    finals.append(reply)
                self._react(reply, lines[-1])
            if len(finals) >= len(lines) or self.over:
                break
            self.client.wait(1)
        if self.over:
            assert finals, f"closed without a word after {lines}"
            assert finals[-1].code in (221, 421), f"closed with {finals[-1]} after {lines}"
        else:
            assert len(finals) == len(lines), f"{finals} for {lines}"
        assert self._hear() is None, f"one reply too many for {lines}"
        if len(lines) == 1:
            assert_no_echo(lines[0], finals[0])
        return finals

    def _hear(self) -> Reply | None:
        data = self.client.control.take()
        if data:
            plain = _TELNET.sub(b"", data)
            assert not plain or _RIGHT.fullmatch(plain), f"no reply: {data!r}"
            assert not _CONTROLS.search(plain), f"control characters: {data!r}"
            assert plain.count(b"\r") == plain.count(b"\n") == plain.count(b"\r\n")
            self._reader.feed(data)
        reply = self._reader.next_reply()
        if reply is not None:
            repeated = reply.is_error and CANARY in reply.text
            assert not repeated, f"an error repeats what was said: {reply}"
        return reply

    # --- doing what replies ask for --------------------------------------------------------------

    def _react(self, reply: Reply, last: bytes) -> None:
        if reply.code in (227, 229):
            found = _PORTS.search(reply.text)
            assert found, f"no port in {reply}"
            high, low, port = found.groups()
            number = int(port) if port else int(high) * 256 + int(low)
            self._data_wire = self.client.dial(number)
        elif reply.code == 150:
            self._transfer(reply)
        elif reply.code == 234:
            self.client.control.start_tls(self.client.context)
        elif verb_of(last) in ("REIN", "CCC") and reply.code in (200, 220):
            self._lower()

    def _lower(self) -> None:
        """Behind REIN and CCC, close TLS, where it goes down."""
        wire = self.client.control
        if wire.tls is not None and self._served.pi._switch.phase is SINKING:
            wire.notify()
            self.client.wait(1)
            wire.take()
            wire.stop_tls()

    def _accept(self) -> Wire:
        self._data_wire = Wire(self._reactor)
        self._accepted.append(self._data_wire)
        return self._data_wire

    def _transfer(self, reply: Reply) -> None:
        self._reactor.settle()
        wire, self._data_wire = self._data_wire, None
        if wire is None or wire.end is not None:
            return
        if self._served.pi.session.security.level is ProtectionLevel.PRIVATE:
            control = self.client.control
            wire.begin_tls(self.client.context, control.session if control.tls else None)
            self._reactor.settle()
        if reply.text.startswith(("Receiving", "FILE:")) and wire.end is None:
            wire.send(self._data.payload)
            wire.stop(self._data.ending)


def verb_of(line: bytes) -> str:
    """The verb of the table that a line is for, however it is spelled; empty for none."""
    try:
        parsed = parse_command(_TELNET_ALL.sub(b"", line).rstrip(b"\r\n"))
    except ValueError:
        return ""
    command, _ = COMMANDS.find(parsed)
    return command.verb if command else ""


def _transfers(line: bytes) -> bool:
    verb = verb_of(line)
    return bool(verb and COMMANDS[verb].opens_data)


def assert_no_echo(line: bytes, reply: Reply) -> None:
    """What a client says comes back only where a pathname is asked for."""
    verb = verb_of(line)
    if verb not in _OWN and not (verb and _NAMES.search(COMMANDS[verb].syntax)):
        assert CANARY not in "".join([reply.text, *reply.lines]), f"{verb} repeats what was said"


def batches(lines: Sequence[bytes]) -> list[list[bytes]]:
    """Lines that may be said at once: nothing behind what changes the protection."""
    found: list[list[bytes]] = [[]]
    for line in lines:
        found[-1].append(line)
        if verb_of(line) in ("AUTH", "REIN", "CCC", "QUIT"):
            found.append([])
    return [batch for batch in found if batch]
