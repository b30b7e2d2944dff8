"""A file that a shell sends when it likes, as one that is read by offset."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from ftptls.interfaces import IFileReader
from ftptls.vfs.ftpshell.errors import from_shell
from ftptls.vfs.tree import os_error

_FULL = 256 * 1024
"""Octets that may wait before the sender is held back."""


@implementer(IConsumer)
class Inflow:
    """What an ``IReadFile`` sends, in order; it is held back while nobody wants more.

    Args:
        file: It; nothing is sent before the first :meth:`take`.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._octets = bytearray()
        self._producer: Any = None
        self._streaming = False
        self._held_back = False  # of one that streams
        self._asked = False  # of one that does not
        self._started = False
        self._sent = False
        self._closed = False
        self._failure: Exception | None = None
        self._waiting: Deferred[None] | None = None

    async def take(self, size: int) -> bytes:
        """At least one octet and at most ``size``; none at the end.

        Raises:
            OSError: ``EBADF``, it was closed meanwhile.
            Exception: Sending failed; :func:`~ftptls.vfs.ftpshell.errors.ask` tells with what.
        """
        self._start()
        while len(self._octets) < min(size, _FULL):
            before = len(self._octets)
            self._ask()
            if len(self._octets) > before:
                continue
            if self._octets or self._ended:
                break
            self._waiting = Deferred()
            await self._waiting
        if self._closed:
            raise os_error(errno.EBADF)
        if self._failure is not None and not self._octets:
            raise from_shell(self._failure)
        data = bytes(self._octets[:size])
        del self._octets[:size]
        return data

    def close(self) -> None:
        """Have no more sent.

        A file that was never sent is sent now, to nobody: there is no other way to close it.
        """
        if not self._closed:
            self._closed = True
            self._octets.clear()
            self._start()
            if self._producer is not None:
                self._producer.stopProducing()
            self._wake()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`."""
        self._producer, self._streaming = producer, streaming
        if not self._closed:
            self._wake()

    def unregisterProducer(self) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`."""
        self._producer = None
        self._wake()

    def write(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`."""
        if self._closed:
            return
        self._octets += data
        self._asked = False
        full = len(self._octets) >= _FULL
        if full and self._producer is not None and self._streaming and not self._held_back:
            self._held_back = True
            self._producer.pauseProducing()
        self._wake()

    @property
    def _ended(self) -> bool:
        """Whether nothing will come any more.

        Some say so as soon as all is on its way, and write on.
        """
        done = self._sent and self._producer is None
        return self._closed or done or self._failure is not None

    def _start(self) -> None:
        if not self._started:
            self._started = True
            maybeDeferred(self._file.send, self).addCallbacks(
                self._all_sent, lambda failure: self._fail(failure.value)
            )

    def _all_sent(self, _result: object) -> None:
        self._sent = True
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._wake()

    def _ask(self) -> None:
        """Tell the sender, if it waits for that, that more is wanted."""
        if self._producer is None or self._ended:
            return
        if self._streaming and self._held_back:
            self._held_back = False
        elif not self._streaming and not self._asked:
            self._asked = True
        else:
            return
        try:
            self._producer.resumeProducing()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._fail(error)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


@implementer(IFileReader)
class ShellReader:
    """A shell's file; what lies before an offset is read and dropped.

    Going back means to open it again, and to meet what is there then.

    Args:
        file: It, open.
        size: Its octets, as the shell told them.
        reopen: Opens it again.
    """

    def __init__(self, file: Any, size: int, reopen: Callable[[], Awaitable[Any]]) -> None:
        self.size = size
        self._reopen = reopen
        self._inflow = Inflow(file)
        self._position = 0
        self._closed = False

    def __del__(self) -> None:
        self._inflow.close()

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`; one call at a time."""
        if offset < self._position:
            self._inflow.close()
            self._inflow, self._position = Inflow(await self._reopen()), 0
            if self._closed:
                self._inflow.close()
        while self._position < offset and await self._next(offset - self._position):
            pass
        return await self._next(size) if self._position == offset else b""

    async def _next(self, size: int) -> bytes:
        if self._closed:
            raise os_error(errno.EBADF)
        data = await self._inflow.take(size)
        self._position += len(data)
        return data

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        self._closed = True
        self._inflow.close()
