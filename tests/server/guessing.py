"""Turns that guessers take, and what they are told."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftptls.testing.dialogue import CLIENT, USER, Client, MemoryServer
from ftptls.testing.wires import Wire

OTHER = "203.0.113.7"


def answer_after(client: Client) -> tuple[float, str]:
    """How many seconds the answer takes, and what it is."""
    began = client.server.reactor.seconds()
    while client.quiet and not client.closed:
        client.wait(0.25)
        assert client.server.reactor.seconds() - began < 120, "it never comes"
    answer = client.answer()
    return client.server.reactor.seconds() - began, str(answer)


def guess(client: Client, name: str = USER, password: str = "wrong") -> tuple[float, str]:
    """One login on a connection that is there."""
    client.ask(f"USER {name}", 331)
    client.send(f"PASS {password}")
    return answer_after(client)


def guess_from(server: MemoryServer, source: str, name: str = USER, password: str = "wrong"):
    """The same on a connection of its own; how long it takes."""
    client = server.connect(source)
    seconds, _ = guess(client, name, password)
    client.leave()
    return seconds


def refused(server: MemoryServer, source: str = CLIENT) -> str:
    """What a new connection is told that is refused; fails if it is not."""
    client = server.connect(source, greet=False)
    assert client.closed
    said = client.control.take().decode()
    client.leave()
    return said


def dial(server: MemoryServer, source: str, port: int = 0) -> Wire:
    """A connection of octets."""
    wire = Wire.connect(server.reactor, server.host, port or server.port, source)
    server.reactor.settle()
    return wire


def welcome(server: MemoryServer, source: str = CLIENT) -> bool:
    client = server.connect(source, greet=False)
    answer = client.answer()
    client.leave()
    return answer is not None and answer.code == 220


def ban(server: MemoryServer, source: str = CLIENT, name: str = USER) -> None:
    """Guess until the address is banned."""
    for _ in range(server.factory.settings.guard.ban_after):
        guess_from(server, source, name)


@implementer(ICredentialsChecker)
class Slow:
    """A checker that takes its time, and counts who waits for it."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[bytes]] = []

    def requestAvatarId(self, credentials):
        self.asked.append(Deferred())
        return self.asked[-1]
