"""What a portal is asked for."""

from __future__ import annotations

import sys
from importlib import import_module

from zope.interface import Interface

from ftptls.interfaces import IFilesystem


def interfaces() -> tuple[type[Interface], ...]:
    """The interfaces of avatars that can be served, best first.

    ``IFilesystem(avatar)`` serves each. ``IFTPShell`` is among them where it has been imported:
    whoever has a realm that gives it has done so, and everybody else is spared the import,
    which would install Twisted's global reactor.
    """
    shells = sys.modules.get("twisted.protocols.ftp")
    if shells is None:
        return (IFilesystem,)
    import_module("ftptls.vfs.ftpshell")  # registers the adapter
    return IFilesystem, shells.IFTPShell
