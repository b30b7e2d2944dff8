"""Whole uploads to the local disk that their users can go on with."""

from __future__ import annotations

import os

from zope.interface import implementer

from ftptls.errors import TransientError
from ftptls.interfaces import IKeepsPart, Store
from ftptls.settings import UploadMode
from ftptls.vfs.target import Target
from ftptls.vfs.temporaries import claim, kept_name
from ftptls.vfs.uploads import AtomicUpload, InPlaceUpload


@implementer(IKeepsPart)
class ResumableUpload(AtomicUpload):
    """The same, but what arrived is kept for its user when the upload breaks off.

    It is kept under a name of its own for each user and file. While one upload of his
    writes there, another one of the same file is only atomic.
    """

    async def keep(self) -> int:
        """See :meth:`ftptls.interfaces.IKeepsPart.keep`."""
        return await self.workers.run(self._keep)

    def _check(self, directory: int, name: bytes) -> None:
        super()._check(directory, name)
        if not self._target.is_whole:
            self._target.check_offset(self._target.arrived(directory, name) or 0)

    def _make(self) -> tuple[bytes, int]:
        whole = self._target.is_whole
        name = kept_name(self._target.user, self._name)
        try:
            fd = claim(name, self._directory, new=whole)
        except FileNotFoundError:
            raise TransientError(450, "What arrived has gone; send the whole file.") from None
        if fd is None:
            if whole:
                return super()._make()
            raise TransientError(450, "Your other upload of this file is not over; try later.")
        try:
            self._begin_at(fd)
        except BaseException:
            self._discard(fd, name)
            raise
        return name, fd

    def _begin_at(self, fd: int) -> None:
        size = os.fstat(fd).st_size
        self._target.check_offset(size)
        if self._target.how is Store.APPEND:
            self.offset = size
        # Nothing may be left behind the last octet of this upload.
        os.ftruncate(fd, self.offset)

    def _keep(self) -> int:
        with self._lock:
            mine = self._temporary == kept_name(self._target.user, self._name)
            size = self._settled_size() if self._begun and mine else 0
            if size:
                self._temporary = b""  # that is all it takes for it to stay
        self._abandon()
        return size

    def _settled_size(self) -> int:
        """What is there for sure; nothing, if the disk cannot tell."""
        try:
            if self._target.fsync:
                os.fsync(self._fd)
            return os.fstat(self._fd).st_size
        except OSError:
            return 0

    def _end(self) -> None:
        self._keep()


def kind_of_upload(mode: UploadMode, target: Target) -> type[AtomicUpload | InPlaceUpload]:
    """How an upload is stored; blocks."""
    if mode is UploadMode.DIRECT:
        return InPlaceUpload
    if mode is UploadMode.ATOMIC:
        return AtomicUpload if target.is_whole else InPlaceUpload
    # Where nothing broke off, it is the file itself that is gone on with.
    on = target.is_whole or target.find_arrived() is not None
    return ResumableUpload if on else InPlaceUpload
