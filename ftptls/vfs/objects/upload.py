"""An upload to an object store: in pieces, some of them under way while the next one comes."""

from __future__ import annotations

import enum
import errno
from collections import deque
from collections.abc import Callable
from io import BytesIO

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftptls import interfaces
from ftptls.errors import PermanentError
from ftptls.interfaces import IUpload, IWorkers
from ftptls.vfs.objects.stores import Found, Sink, Store, os_error

_How = interfaces.Store


class _State(enum.Enum):
    CHECKED = enum.auto()
    BEGUN = enum.auto()
    COMMITTED = enum.auto()
    ENDED = enum.auto()


@implementer(IUpload)
class ObjectUpload:
    """Octets in order, which become a file all at once.

    A resumed or appended one is made of the old file's octets and the new ones: it is
    ``in_place``, for what has arrived becomes the file also when the transfer breaks.

    Args:
        store: Where the file goes.
        key: Its key.
        how: Whole, resumed, appended or new.
        offset: Where a resumed one goes on.
        check: Says what is there now, or raises why nothing can be stored; blocks.
        workers: Where the calls that block are made.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        how: _How,
        offset: int,
        check: Callable[[str], Found | None],
        workers: IWorkers,
    ) -> None:
        self.in_place = how in (_How.RESUME, _How.APPEND)
        self.offset = offset
        self._store = store
        self._key = key
        self._how = how
        self._check = check
        self._workers = workers
        self._state = _State.CHECKED
        self._sink: Sink | None = None
        self._old_size = 0
        self._next = 0
        # The same few buffers all the time: each new one might be kept by another thread's heap.
        self._spare: list[BytesIO] = []
        self._filling = BytesIO()
        self._octets = 0
        self._pieces = 0
        self._flying: deque[Deferred[None]] = deque()
        self._failure: Exception | None = None

    def check(self) -> Found | None:
        """Raise if the upload cannot begin; say what is there. It blocks."""
        here = self._check(self._key)
        if here is not None and self._how is _How.NEW:
            raise os_error(errno.EEXIST)
        size = here.size if here else 0
        if self._how is _How.RESUME and self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")
        return here

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if self._state is not _State.CHECKED:
            raise os_error(errno.EBADF)
        self._state = _State.BEGUN
        try:
            lead = await self._workers.run(self._begin)
        except BaseException:
            self.in_place = False  # the old file is not whole in it
            await self.abandon()
            raise
        self._take(lead)
        self._next = self.offset

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`; ``ESPIPE`` out of order."""
        sink = self._begun()
        if offset != self._next:
            raise os_error(errno.ESPIPE)
        size = self._store.bounds.piece
        rest = memoryview(data)
        while self._octets + len(rest) > size:  # the last piece waits for the end
            room = size - self._octets
            self._take(rest[:room])
            rest = rest[room:]
            await self._send(sink)
        self._take(rest)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if self._state is _State.COMMITTED:
            return
        sink = self._begun()
        try:
            await self._land(0)
            await self._workers.run(self._finish, sink)
        except BaseException:
            self.in_place = False
            await self.abandon()
            raise
        self._state = _State.COMMITTED

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        if self._state is not _State.BEGUN:
            if self._state is _State.CHECKED:
                self._state = _State.ENDED
            return
        if self.in_place and self._failure is None and self._sink is not None:
            await self.commit()
            self._state = _State.ENDED
            return
        self.in_place = False  # what did not get through is not kept
        self._state = _State.ENDED
        if self._sink is not None:
            self._sink.stop.now()  # here, for every thread may be busy with what it ends
            await self._workers.run(self._sink.drop)

    def _begin(self) -> bytes:
        """Open the sink; the octets that come before what is written, if they must be, too."""
        here = self.check()
        if self._how is _How.APPEND:
            self.offset = here.size if here else 0
        old = here if self.in_place else None
        self._old_size = old.size if old else 0
        self._sink = sink = self._store.sink(self._key, old, new=self._how is _How.NEW)
        lead = sink.keep(0, self.offset) if self.offset else b""
        if self._state is _State.ENDED:  # nobody waited for it
            sink.drop()
        return lead

    def _finish(self, sink: Sink) -> None:
        # What has come there meanwhile may be no file.
        self._check(self._key)
        tail = (self._next, self._old_size) if self._next < self._old_size else None
        sink.finish(bytes(self._filling.getbuffer()[: self._octets]), tail)

    def _take(self, data: bytes | memoryview) -> None:
        taken = self._filling.write(data)
        self._octets += taken
        self._next += taken

    async def _send(self, sink: Sink) -> None:
        """Have the buffer written, which is full, and go on with another one."""
        await self._land(sink.parallel - 1)
        full, self._octets = self._filling, 0
        self._filling = self._spare.pop() if self._spare else BytesIO()
        self._filling.seek(0)
        number, self._pieces = self._pieces, self._pieces + 1
        self._flying.append(Deferred.fromCoroutine(self._write(sink, number, full)))

    async def _write(self, sink: Sink, number: int, piece: BytesIO) -> None:
        try:
            await self._workers.run(sink.write, number, piece)
        except Exception as error:  # noqa: BLE001 - raised to who writes next
            self._failure = self._failure or error
        else:
            self._spare.append(piece)

    async def _land(self, most: int) -> None:
        """Wait until at most so many pieces are under way.

        Raises:
            Exception: One did not get through.
        """
        while len(self._flying) > most:
            await _landing(self._flying[0])
            self._flying.popleft()
        if self._failure is not None:
            raise self._failure

    def _begun(self) -> Sink:
        if self._state is not _State.BEGUN or self._sink is None:
            raise os_error(errno.EBADF)
        return self._sink


def _landing(piece: Deferred[None]) -> Deferred[None]:
    """The same, but who does not wait for it any more does not end it."""
    landed: Deferred[None] = Deferred()
    piece.addBoth(lambda _: None if landed.called else landed.callback(None))
    return landed
