"""A server and its clients in memory, to be spoken with line by line.

::

    server = MemoryServer({"/hello.txt": b"hello"})
    client = server.connect()
    client.secure()
    client.log_in()
    assert client.download("RETR hello.txt") == b"hello"
    client.ask("QUIT", 221)

Nothing happens until an answer is expected, so lines that are sent one after the other
arrive together, as those of a client that does not wait. With ``sockets=True`` data goes
through the kernel, as over a real network (:mod:`ftptls.testing.sockets`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from OpenSSL import SSL
from twisted.cred.checkers import (
    AllowAnonymousAccess,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.portal import IRealm, Portal
from zope.interface import implementer

from ftptls.commands import CommandTable
from ftptls.factory import FTPFactory
from ftptls.interfaces import IFilesystem, IHook, IWorkers
from ftptls.settings import Settings
from ftptls.testing.certificates import Authority
from ftptls.testing.client import (
    CLIENT,
    CLIENT_6,
    PASSWORD,
    SERVER,
    SERVER_6,
    STRANGER,
    USER,
    Answer,
    Client,
    DataPort,
)
from ftptls.testing.network import MemoryReactor
from ftptls.testing.socket_reactor import SocketReactor
from ftptls.testing.wires import WireError
from ftptls.tls.contexts import ServerContext
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.addresses import family_of
from ftptls.wire.languages import Translation
from ftptls.workers import InlineWorkers

__all__ = [
    "CLIENT",
    "CLIENT_6",
    "PASSWORD",
    "SERVER",
    "SERVER_6",
    "STRANGER",
    "USER",
    "Answer",
    "Client",
    "DataPort",
    "MemoryServer",
    "WireError",
]


@implementer(IRealm)
class _Realm:
    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def requestAvatar(
        self, avatar_id: object, mind: object, *interfaces: Any
    ) -> tuple[Any, IFilesystem, Callable[[], None]]:
        self._server.logged_in += 1
        return IFilesystem, self._server.filesystem, self._log_out

    def _log_out(self) -> None:
        self._server.logged_in -= 1


def _reactor(sockets: bool | SocketReactor) -> MemoryReactor:
    if isinstance(sockets, SocketReactor):
        return sockets
    return SocketReactor() if sockets else MemoryReactor()


class MemoryServer:
    """A whole server in memory.

    Args:
        content: What :class:`~ftptls.vfs.memory.MemoryFilesystem` holds at first.
        settings: Policy, limits and the like.
        implicit: Whether TLS starts with the connection.
        tls: Whether there is a certificate; or all of what is shown.
        host: Its address.
        users: Passwords by name.
        filesystem: Instead of one made of ``content``.
        authority: Issues the certificate.
        commands: Instead of the standard ones.
        anonymous: Whether anybody may log in as ``anonymous``.
        languages: Of replies, besides English.
        checkers: Of Cred, besides the one of ``users``.
        realm: Of Cred, instead of one that gives everybody ``filesystem``.
        hooks: Who is told of what happens.
        sockets: Whether its data connections are sockets of the kernel, as on a real network;
            with files that have descriptors, transfers then go the fast way. It may also be
            the reactor that has them.
        workers: For what would block; by default calls are made at once.

    Attributes:
        reactor: Its time and network.
        factory: What it serves with.
        port: Where it listens.
        clients: Everybody who connected by :meth:`connect`.
        logged_in: How many avatars Cred handed out and were not logged out.
    """

    def __init__(
        self,
        content: Mapping[str, bytes] | None = None,
        settings: Settings | None = None,
        *,
        implicit: bool = False,
        tls: bool | ServerContext = True,
        host: str = SERVER,
        users: Mapping[str, str] | None = None,
        filesystem: Any = None,
        authority: Authority | None = None,
        commands: CommandTable | None = None,
        anonymous: bool = False,
        languages: Mapping[str, Translation] | None = None,
        checkers: Sequence[Any] = (),
        realm: IRealm | None = None,
        hooks: Sequence[IHook] = (),
        sockets: bool | SocketReactor = False,
        workers: IWorkers | None = None,
    ) -> None:
        self.reactor = _reactor(sockets)
        if isinstance(self.reactor, SocketReactor):
            self.reactor.driven = self._is_data
        self.filesystem = filesystem or MemoryFilesystem(content)
        self.authority = authority or Authority()
        self.host = host
        self.implicit = implicit
        self.clients: list[Client] = []
        self.logged_in = 0
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        for name, password in (users or {USER: PASSWORD}).items():
            checker.addUser(name.encode(), password.encode())
        anybody = [AllowAnonymousAccess()] if anonymous else []
        self.factory = FTPFactory(
            self.reactor,
            Portal(realm or _Realm(self), [checker, *anybody, *checkers]),
            self.authority.server_context() if tls is True else tls or None,
            settings,
            workers=workers or InlineWorkers(),
            implicit=implicit,
            commands=commands,
            languages=languages,
            hooks=hooks,
        )
        self.port = self.reactor.listenTCP(0, self.factory, interface=host).port

    def connect(
        self, source: str = "", *, version: int = SSL.TLS1_3_VERSION, greet: bool = True
    ) -> Client:
        """A new client, greeted already unless it is not to be; under implicit TLS, secured."""
        own = CLIENT_6 if family_of(self.host) == 6 else CLIENT
        client = Client(self, source or own, version)
        self.clients.append(client)
        self.reactor.settle()
        if greet:
            if self.implicit:
                client.control.start_tls(client.context)
                client.private = True
            client.expect(220)
        return client

    def _is_data(self, end: Any, other: Any) -> bool:
        return bool(end.host == self.host and self.port not in (end.port, other.port))

    def stop(self) -> None:
        """Have every client leave, and listen no more."""
        for client in self.clients:
            client.leave()
        for port in self.reactor.listeners:
            if port.port == self.port:
                port.stopListening()
        self.reactor.settle()
