"""An upload into a file of a shell: begun, written from front to back, and closed."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ftptls.errors import FTPError
from ftptls.interfaces import IUpload
from ftptls.vfs.ftpshell.errors import ask
from ftptls.vfs.tree import os_error


@implementer(IUpload, IPushProducer)
class ShellUpload:
    """A whole file, straight to where the shell puts it.

    A shell is never told that an upload broke, only that it is over: what arrived is kept.

    Args:
        check: Raises if the upload cannot begin.
        open_file: Gives the shell's ``IWriteFile``.
    """

    in_place = True

    def __init__(
        self, check: Callable[[], Awaitable[None]], open_file: Callable[[], Awaitable[Any]]
    ) -> None:
        self.offset = 0
        self._check = check
        self._open_file = open_file
        self._file: Any = None
        self._consumer: Any = None
        self._position = 0
        self._begun = False
        self._ended = False
        self._committed = False
        self._stopped = False  # the shell wants no more
        self._resumed: Deferred[None] | None = None

    def __del__(self) -> None:
        # For an upload whose session died between two steps.
        if self._consumer is not None and not self._ended:
            Deferred.fromCoroutine(self.abandon())

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if self._begun or self._ended:
            raise os_error(errno.EBADF)
        self._begun = True
        await self._check()
        await _to_its_end(self._open())

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`; only right behind the last one.

        It waits while the shell has its hands full.
        """
        if self._resumed is not None:
            await self._resumed
        self._demand_open()
        if offset != self._position:
            raise os_error(errno.EOPNOTSUPP)
        if self._stopped:
            raise os_error(errno.EIO)
        await ask(self._consumer.write, data)
        self._position += len(data)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`; the shell may still refuse."""
        if self._committed:
            return
        self._demand_open()
        self._ended = True
        await self._finish()
        if self._stopped:
            raise os_error(errno.EIO)
        self._committed = True

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        if self._consumer is not None and not self._ended:
            self._ended = True
            with suppress(OSError, FTPError):  # it broke already, for a reason that is told
                await self._finish()
        self._ended = True

    def pauseProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.called:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IProducer`."""
        self._stopped = True
        self.resumeProducing()

    def _demand_open(self) -> None:
        if self._consumer is None or self._ended:
            raise os_error(errno.EBADF)

    async def _open(self) -> None:
        file = await self._open_file()
        consumer = await ask(file.receive)
        self._file, self._consumer = file, consumer
        consumer.registerProducer(self, True)
        if self._ended:  # abandoned meanwhile
            await self._finish()
            raise os_error(errno.EBADF)

    async def _finish(self) -> None:
        """Tell the shell that this was all."""
        self.resumeProducing()
        try:
            await ask(self._consumer.unregisterProducer)
        finally:
            await ask(self._file.close)


def _to_its_end(work: Coroutine[Any, Any, None]) -> Deferred[None]:
    """Fires when it is done; when this is cancelled, it goes on, so that what opens is closed."""
    waiting: Deferred[None] = Deferred()
    Deferred.fromCoroutine(work).addCallbacks(waiting.callback, waiting.errback)
    return waiting
