"""Clear octets that the kernel moves between a file and a socket: they never enter the process."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress

from ftptls.dtp.blocks import Block
from ftptls.dtp.incoming import FileUpload
from ftptls.dtp.links import Link
from ftptls.dtp.pumps import BrokenError, Pump, Want
from ftptls.progress import Progress

# What goes at once is still in the processor's caches when the client takes it.
_SENDFILE = 256 * 1024
# As much as anybody may have in a pipe; with less, a copy is as quick.
_PIPE = 1024 * 1024
# So much comes by memory first: for a small file a pipe would cost more than it saves.
_WORTH_A_PIPE = 256 * 1024


class KernelDownload(Pump):
    """From a descriptor to a clear socket, without passing through the process.

    What goes are the octets from ``offset`` up to ``end``.
    """

    def __init__(self, progress: Progress, source: int, offset: int, end: int, link: Link) -> None:
        super().__init__(progress, link)
        self._source = source
        self._offset = offset
        self._end = end

    def _piece(self) -> Want:
        position = self._offset + self._progress.octets
        count = min(_SENDFILE, self._end - position)
        if not count:  # to some systems that would mean: everything
            return Want.DONE
        try:
            sent = os.sendfile(self._link.fileno(), self._source, position, count)
        except BlockingIOError:
            return Want.WRITE
        except ConnectionError as error:
            raise BrokenError(f"the connection broke: {error.strerror}") from None
        self._progress.octets += sent
        return Want.MORE if sent else Want.DONE


class KernelUpload(FileUpload):
    """From a clear socket to a descriptor, and not behind ``end``, if there is one.

    The kernel moves pages between the socket, a pipe and the file. Where it cannot (not every
    system can, nor every disk), and at the beginning, they come by memory.
    """

    _may = hasattr(os, "splice")
    _pipe: _Pipe | None = None

    def _piece(self) -> Want:
        if self._may and self._pipe is None and self._moved >= _WORTH_A_PIPE:
            self._pipe = self._new_pipe()
            self._write_all()  # before what comes by the pipe
        return self._splice(self._pipe) if self._pipe else super()._piece()

    def _new_pipe(self) -> _Pipe | None:
        try:
            return _Pipe()
        except OSError:  # too many descriptors, or too much in the pipes of this user
            self._may = False
            return None

    def _splice(self, pipe: _Pipe) -> Want:
        # One more than there may be tells that there are too many.
        room = _PIPE if self._end is None else min(_PIPE, self._end - self._position + 1)
        try:
            count = os.splice(self._link.fileno(), pipe.entry, room, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            return Want.READ
        except OSError as error:
            raise BrokenError(f"the connection broke: {error.strerror}") from None
        if not count:
            self._progress.check()  # an abort ends the connection, too: no end of the data
            return Want.DONE
        self._refuse_beyond_end(count)
        self._empty(pipe, count)
        return Want.MORE

    def _empty(self, pipe: _Pipe, count: int) -> None:
        """Write to the file what a pipe holds."""
        while count:
            try:
                moved = os.splice(pipe.exit, self._target, count, offset_dst=self._position)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._may, self._pipe = False, None  # this disk cannot
                self._drain(pipe, count)
                return
            self._progress.octets += moved
            count -= moved

    def _drain(self, pipe: _Pipe, count: int) -> None:
        """Have it come by memory, as all that follows it."""
        self._block = Block(self._position)
        while count:
            moved = os.readv(pipe.exit, [self._block.room[:count]])
            self._block.took(moved)
            self._write_all()
            count -= moved


class _Pipe:
    """A pipe, closed when nobody uses it any more: perhaps a step on a worker does to the last."""

    def __init__(self) -> None:
        self.exit = self.entry = -1
        self.exit, self.entry = os.pipe()
        fcntl.fcntl(self.entry, fcntl.F_SETPIPE_SZ, _PIPE)

    def __del__(self) -> None:
        for descriptor in (self.exit, self.entry):
            with suppress(OSError):
                os.close(descriptor)
