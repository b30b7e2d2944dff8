"""Uploads to S3: one request for what is small, else in parts.

Nothing can be seen before the last request. What it made is recognised by a mark in the
object's metadata, for its answer may get lost on the way, and the same request made again
is then refused.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ftptls.errors import FTPError, PermanentError
from ftptls.vfs.objects.s3_calls import S3Calls, S3Error, together
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.objects.stores import MIB, Found, changed, os_error

if TYPE_CHECKING:
    from ftptls.vfs.objects.s3 import S3Store

_MOST_PARTS = 10_000
_LEAST_PART = 5 * MIB  # of all parts but the last
_COPIED_PART = 256 * MIB
_MARK = "ftptls-upload"
# Putting the parts together may take a store that long.
_PATIENCE = 10


def copied_ranges(start: int, end: int) -> list[tuple[int, int]]:
    """Ranges of an object to copy as parts, none of them too small to be in the middle."""
    cuts = list(range(start, end, _COPIED_PART))
    if len(cuts) > 1 and end - cuts[-1] < _LEAST_PART:
        cuts.pop()
    return list(zip(cuts, [*cuts[1:], end], strict=True))


class S3Sink:
    """One upload.

    Args:
        store: Where it goes.
        key: The target.
        old: The object there, if it is to be kept in part.
        new: Whether there must be none at the end.
    """

    def __init__(self, store: S3Store, key: str, old: Found | None, *, new: bool) -> None:
        self.parallel = store.bounds.parallel
        self.stop = Stop()
        self._store = store
        self._calls = store.calls
        self._name = key
        self._key = store.key(key)
        self._old = old
        self._mark = secrets.token_hex(16)
        self._condition: dict[str, str] = {}
        if new:
            self._condition = {"IfNoneMatch": "*"}
        elif old is not None:
            self._condition = {"IfMatch": old.version}
        self._creating = threading.Lock()
        self._upload = ""
        self._parts: dict[int, str] = {}
        self._kept = 0

    def keep(self, start: int, end: int) -> bytes:
        """See :meth:`ftptls.vfs.objects.stores.Sink.keep`."""
        if end - start < _LEAST_PART:
            return self._fetch(start, end)
        self._create()
        ranges = copied_ranges(start, end)
        self._calls.wait(self._copy(1, ranges), self.stop)
        self._kept = len(ranges)
        return b""

    def write(self, number: int, piece: BytesIO) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.write`."""
        part = self._kept + number + 1
        # One is left for the rest, and some for what is kept behind it.
        if part > _MOST_PARTS - 100:
            limit = self._store.bounds.piece * (_MOST_PARTS - 100) // 2**30
            raise PermanentError(552, f"The file is too large: {limit} GiB is the most here.")
        self._create()
        self._calls.wait(self._put_part(part, piece), self.stop)

    def finish(self, rest: bytes, tail: tuple[int, int] | None) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.finish`."""
        if tail is not None:
            rest, tail = self._join(rest, tail)
        if not self._upload:
            self._calls.wait(self._seen_through("put_object", 1, Body=lambda: BytesIO(rest)))
            return
        if rest:
            self._calls.wait(self._put_part(len(self._parts) + 1, BytesIO(rest)))
        if tail is not None:
            self._calls.wait(self._copy(len(self._parts) + 1, copied_ranges(*tail)))
        parts = [{"PartNumber": each, "ETag": self._parts[each]} for each in sorted(self._parts)]
        self._calls.wait(
            self._seen_through(
                "complete_multipart_upload",
                _PATIENCE,
                UploadId=self._upload,
                MultipartUpload={"Parts": parts},
            )
        )
        self._upload = ""

    def drop(self) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.drop`."""
        self.stop.now()
        with self._creating:  # what is being made is waited for: only then it can be aborted
            upload, self._upload = self._upload, ""
        if upload:
            self._calls.wait(self._store.abort(self._key, upload))

    def _create(self) -> None:
        with self._creating:
            if self._upload:
                return
            if self.stop.stopped:
                raise os_error(errno.ECANCELED)
            self._calls.wait(self._store.abort_leftovers())
            created = self._calls.wait(
                self._calls.call(
                    "create_multipart_upload", Key=self._key, Metadata={_MARK: self._mark}
                )
            )
            self._upload = created["UploadId"]

    def _fetch(self, start: int, end: int) -> bytes:
        if self._old is None:
            raise os_error(errno.EBADF)
        return self._calls.wait(self._store.fetch(self._name, self._old, start, end), self.stop)

    def _join(self, rest: bytes, tail: tuple[int, int]) -> tuple[bytes, tuple[int, int] | None]:
        """Take as much of the tail into the last piece as a part needs, or all of a small one."""
        start, end = tail
        missing = _LEAST_PART - len(rest)
        if end - start < _LEAST_PART + max(0, missing):
            return rest + self._fetch(start, end), None
        if missing > 0:
            rest, start = rest + self._fetch(start, start + missing), start + missing
        self._create()
        return rest, (start, end)

    async def _put_part(self, number: int, piece: BytesIO) -> None:
        done = await self._calls.call(
            "upload_part",
            Key=self._key,
            UploadId=self._upload,
            PartNumber=number,
            # One for each try; they share the octets, which are not copied.
            Body=lambda: BytesIO(piece.getvalue()),
        )
        self._parts[number] = done["ETag"]

    async def _copy(self, first: int, ranges: list[tuple[int, int]]) -> None:
        if self._old is None:
            raise os_error(errno.EBADF)
        source = {"Bucket": self._store.bucket, "Key": self._key}
        copied = await _copy_ranges(
            self._calls, source, self._old.version, self._key, self._upload, first, ranges
        )
        self._parts.update(copied)

    async def _seen_through(self, method: str, patience: float, **arguments: Any) -> None:
        """Make the request that lets the file appear, and find out whether it did."""
        try:
            marked = {"Metadata": {_MARK: self._mark}} if method == "put_object" else {}
            await self._calls.call(
                method, patience, Key=self._key, **self._condition, **marked, **arguments
            )
        except (S3Error, FTPError) as error:
            if await self._is_ours():
                return
            if isinstance(error, S3Error) and error.code in ("412", "PreconditionFailed"):
                raise (changed() if self._old else os_error(errno.EEXIST)) from None
            raise

    async def _is_ours(self) -> bool:
        try:
            head = await self._calls.call("head_object", Key=self._key)
        except (S3Error, FTPError):
            return False
        return bool(head.get("Metadata", {}).get(_MARK) == self._mark)


async def copy_parts(
    calls: S3Calls, source: dict[str, str], size: int, version: str, target: str
) -> None:
    """Copy an object that is too large for one request.

    Args:
        calls: Makes the requests.
        source: Bucket and key.
        size: Its octets.
        version: Its ETag.
        target: The key of the copy.
    """
    head = await calls.call("head_object", Key=source["Key"])
    kept = {name: head[name] for name in ("ContentType", "Metadata") if name in head}
    created = await calls.call("create_multipart_upload", Key=target, **kept)
    upload = created["UploadId"]
    try:
        ranges = copied_ranges(0, size)
        copied = await _copy_ranges(calls, source, version, target, upload, 1, ranges)
        parts = [{"PartNumber": each, "ETag": copied[each]} for each in sorted(copied)]
        await calls.call(
            "complete_multipart_upload",
            _PATIENCE,
            Key=target,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
        )
    except BaseException:
        await calls.call("abort_multipart_upload", Key=target, UploadId=upload)
        raise


async def _copy_ranges(
    calls: S3Calls,
    source: dict[str, str],
    version: str,
    target: str,
    upload: str,
    first: int,
    ranges: list[tuple[int, int]],
) -> dict[int, str]:
    """Copy ranges of an object as parts, four at a time; their ETags by number."""
    turn = asyncio.Semaphore(4)

    async def one(number: int, start: int, end: int) -> tuple[int, str]:
        async with turn:
            done = await calls.call(
                "upload_part_copy",
                4,
                Key=target,
                UploadId=upload,
                PartNumber=number,
                CopySource=source,
                CopySourceIfMatch=version,
                CopySourceRange=f"bytes={start}-{end - 1}",
            )
        return number, done["CopyPartResult"]["ETag"]

    numbered = enumerate(ranges, first)
    return dict(await together(one(number, *each) for number, each in numbered))
