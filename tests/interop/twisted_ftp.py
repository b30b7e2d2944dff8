"""Twisted's own FTP server over a filesystem of ours: prints its port, and serves."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.protocols.ftp import FTPFactory, IFTPShell
from zope.interface import implementer

from ftptls.vfs.ftpshell import AsShell
from ftptls.vfs.memory import MemoryFilesystem

BIG = bytes(range(256)) * 4096


@implementer(IRealm)
class Realm:
    def __init__(self) -> None:
        content = {"/in/a.txt": b"hello", "/big": BIG, "/ün": b"12", "/\udcff": b"1"}
        self.shell = AsShell(MemoryFilesystem(content, limit=4 * len(BIG)), wire_names=True)

    def requestAvatar(self, avatar_id: object, mind: object, *interfaces: Any) -> Any:
        assert IFTPShell in interfaces
        return IFTPShell, self.shell, lambda: None


factory = FTPFactory(Portal(Realm(), [AllowAnonymousAccess()]))
port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
print(f"listens on {port.getHost().port}", flush=True)
reactor.run()  # type: ignore[attr-defined]
