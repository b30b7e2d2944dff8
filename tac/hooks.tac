"""Hooks in Python: run it with ``twistd -ny tac/hooks.tac``.

Taken from the environment, each with a default:

FTPTLS_ROOT         folder to serve (./public)
FTPTLS_CERTIFICATE  PEM file (.state/certificate.pem, which `make serve` makes)
FTPTLS_KEY          PEM file (.state/key.pem)
FTPTLS_USERS        who may log in (memory:alice:secret)
FTPTLS_PORT         TCP port (2121)
"""

from __future__ import annotations

import os
from os import environ

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from zope.interface import implementer

from ftptls import FTPFactory, LocalRealm, ServerContext, Workers
from ftptls.cred import make_checker
from ftptls.hooks import Event
from ftptls.interfaces import IUploadCheck
from ftptls.settings import EventKind

log = Logger(namespace="hooks")


@implementer(IUploadCheck)
class NoPrograms:
    """Refuses programs, and tells the log what is uploaded and deleted."""

    kinds = frozenset({EventKind.UPLOAD_HELD, EventKind.UPLOAD, EventKind.DELETE})
    sha256 = False

    async def check(self, event: Event, descriptor: int) -> str:
        """Why not, or nothing; whatever blocks belongs on a thread."""
        begin = await workers.run(os.pread, descriptor, 4, 0)
        return "programs are not taken here" if begin in (b"\x7fELF", b"MZ\x90\0") else ""

    async def happened(self, event: Event) -> None:
        """Take note, and be quick: the reply to the client comes behind it."""
        log.info("{event.event.value} of {event.path} by {event.user}", event=event)


workers = Workers(reactor)
portal = Portal(
    LocalRealm(environ.get("FTPTLS_ROOT", "public"), workers),
    [make_checker(environ.get("FTPTLS_USERS", "memory:alice:secret"))],
)
tls = ServerContext.from_files(
    environ.get("FTPTLS_CERTIFICATE", ".state/certificate.pem"),
    environ.get("FTPTLS_KEY", ".state/key.pem"),
)
factory = FTPFactory(reactor, portal, tls, workers=workers, hooks=[NoPrograms()])
endpoint = serverFromString(reactor, f"tcp:{environ.get('FTPTLS_PORT', '2121')}")
application = Application("ftptls")
StreamServerEndpointService(endpoint, factory).setServiceParent(application)
