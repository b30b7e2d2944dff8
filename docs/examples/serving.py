"""Serves the filesystem of an example to one user, on the port that is given, or 2121."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import endpoints, reactor
from zope.interface import Interface, implementer

from ftptls import FTPFactory, ServerContext, Workers
from ftptls.interfaces import IFilesystem, IWorkers


@implementer(IRealm)
class OneForAll:
    """Everybody gets the same filesystem.

    Args:
        filesystem: It.
    """

    def __init__(self, filesystem: IFilesystem) -> None:
        self._filesystem = filesystem

    def requestAvatar(self, name: bytes | tuple[()], mind: object, *wanted: type[Interface]) -> Any:
        if IFilesystem not in wanted:
            raise NotImplementedError("there are filesystems, and nothing else")
        return IFilesystem, self._filesystem, lambda: None


def serve(make: Callable[[IWorkers], IFilesystem]) -> None:
    """Serve until Control-C; alice's password is "secret"."""
    users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
    portal = Portal(OneForAll(make(Workers(reactor))), [users])
    tls = ServerContext.from_files(".state/certificate.pem", ".state/key.pem")
    port = sys.argv[1] if len(sys.argv) > 1 else "2121"
    factory = FTPFactory(reactor, portal, tls)
    listening = endpoints.serverFromString(reactor, f"tcp:{port}").listen(factory)
    listening.addCallback(lambda there: print("Port", there.getHost().port, flush=True))
    reactor.run()
