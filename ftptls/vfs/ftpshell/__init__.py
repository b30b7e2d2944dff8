"""Avatars of ``twisted.protocols.ftp`` as filesystems, and filesystems as such avatars.

:class:`ShellFilesystem` lets whoever has an :class:`~twisted.protocols.ftp.IFTPShell` serve it
here; :class:`AsShell` hands a filesystem to code that wants an ``IFTPShell``. Once this is
imported, ``IFilesystem(shell)`` and ``IFTPShell(filesystem)`` do the same.

``twisted.protocols.ftp`` installs Twisted's global reactor when it is imported, and so does
this package; no other room of the server imports it, see :mod:`ftptls.vfs.avatars`.
"""

from __future__ import annotations

from twisted.protocols.ftp import IFTPShell
from twisted.python.components import registerAdapter

from ftptls.interfaces import IFilesystem
from ftptls.vfs.ftpshell.asshell import AsShell
from ftptls.vfs.ftpshell.filesystem import ShellFilesystem

__all__ = ["AsShell", "ShellFilesystem"]

registerAdapter(ShellFilesystem, IFTPShell, IFilesystem)
registerAdapter(AsShell, IFilesystem, IFTPShell)
