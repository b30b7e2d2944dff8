"""S3, and what speaks like it: objects by key, listed in pages, uploaded in parts.

A directory is a prefix, or an empty object whose key ends in a slash: its marker, which
MKD makes, and which keeps a directory whose last file goes. Where an object and a prefix
have one name, the object is what a client sees.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Coroutine, Iterable
from typing import Any

from ftptls.errors import FTPError
from ftptls.vfs.objects.s3_calls import S3Calls, S3Error, together
from ftptls.vfs.objects.s3_sink import S3Sink, copy_parts
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.objects.stores import (
    MIB,
    Bounds,
    Found,
    Page,
    Place,
    above,
    changed,
    last_part,
    os_error,
    too_many,
)
from ftptls.wire.entries import Kind

_LONGEST_KEY = 1024
# One request copies 5 GiB at most, and small ones show sooner that a copy fails.
_COPIED_WHOLE = 256 * MIB
_COPIES = 8


class S3Store:
    """A bucket, or what is below a prefix in one.

    Args:
        calls: Makes the requests.
        bucket: The bucket.
        prefix: Where our root is, without slashes around it; empty for all of the bucket.
        bounds: How much at a time.
    """

    def __init__(self, calls: S3Calls, bucket: str, prefix: str, bounds: Bounds) -> None:
        self.bounds = bounds
        self.calls = calls
        self.bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def find(self, key: str) -> Found | None:
        """See :meth:`ftptls.vfs.objects.stores.Store.find`."""
        return self.calls.wait(self._find(key))

    def place(self, key: str) -> Place:
        """See :meth:`ftptls.vfs.objects.stores.Store.place`."""

        async def both() -> Place:
            here, parent = await together((self._find(key), self._find_above(key)))
            return Place(here, parent)

        return self.calls.wait(both())

    def page(self, key: str, mark: Any) -> Page:
        """See :meth:`ftptls.vfs.objects.stores.Store.page`."""
        return self.calls.wait(self._page(key, mark))

    def read(self, key: str, found: Found, start: int, end: int, stop: Stop) -> bytes:
        """See :meth:`ftptls.vfs.objects.stores.Store.read`."""
        return self.calls.wait(self.fetch(key, found, start, end), stop)

    def sink(self, key: str, old: Found | None, *, new: bool) -> S3Sink:
        """See :meth:`ftptls.vfs.objects.stores.Store.sink`."""
        return S3Sink(self, key, old, new=new)

    def make_directory(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.make_directory`."""
        self.calls.wait(self._mark(key))

    def remove_directory(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.remove_directory`."""

        async def remove() -> None:
            below = await self._keys(key, 2)
            if any(each != self.key(key) + "/" for each in below):
                raise os_error(errno.ENOTEMPTY)
            await self._delete(self.key(key) + "/")

        self.calls.wait(remove())

    def remove_file(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.remove_file`."""

        async def remove() -> None:
            await self._delete(self.key(key))
            await self._keep_directory(above(key))

        self.calls.wait(remove())

    def move_file(self, key: str, found: Found, target: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.move_file`."""

        async def move() -> None:
            await self._copy(self.key(key), found.size, found.version, self.key(target))
            await self._delete(self.key(key))
            await self._keep_directory(above(key))

        self.calls.wait(move())

    def move_directory(self, key: str, target: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.move_directory`.

        Every object is copied, then every old one deleted; if a copy fails, the copies are
        deleted.
        """
        self.calls.wait(self._move_directory(key, target))

    # --- on the thread of the asynchronous client -------------------------------------

    def key(self, key: str) -> str:
        """The key in the bucket.

        Raises:
            OSError: ``EINVAL``, it is no UTF-8; ``ENAMETOOLONG``.
        """
        whole = self._prefix + key
        try:
            length = len(whole.encode())
        except UnicodeEncodeError:
            raise os_error(errno.EINVAL) from None
        if length > _LONGEST_KEY - 1:  # and a slash, for a directory
            raise os_error(errno.ENAMETOOLONG)
        return whole

    async def fetch(self, key: str, found: Found, start: int, end: int) -> bytes:
        """Octets of an object, if it is still the one that was found."""

        async def once() -> bytes:
            answer = await self.calls.call_once(
                "get_object",
                Key=self.key(key),
                Range=f"bytes={start}-{end - 1}",
                IfMatch=found.version,
            )
            async with answer["Body"] as body:
                data: bytes = await body.read()
            return data

        try:
            return await self.calls.again(once)
        except S3Error as error:
            if error.code in ("412", "PreconditionFailed", "404", "NoSuchKey", "InvalidRange"):
                raise changed() from None
            raise

    async def abort(self, key: str, upload: str) -> None:
        """Forget a multipart upload; later, if it cannot be done now."""
        try:
            await self.calls.call("abort_multipart_upload", Key=key, UploadId=upload)
        except S3Error as error:
            if error.code not in ("404", "NoSuchUpload"):
                raise
        except FTPError:
            self.calls.leftovers.append((key, upload))
            raise

    async def abort_leftovers(self) -> None:
        """Forget the uploads that could not be forgotten when the store was of no use."""
        leftovers, self.calls.leftovers = self.calls.leftovers, []
        await together(self.abort(key, upload) for key, upload in leftovers)

    async def _find(self, key: str) -> Found | None:
        """First the object: that is asked most, and costs least."""
        if not key:
            return Found("", Kind.DIRECTORY)
        try:
            there = await self._head(key)
        except S3Error as error:
            if error.errno == errno.EACCES:
                await self._keys(key, 1)  # which says why, as an answer to HEAD cannot
            raise
        return there or await self._find_directory(key)

    async def _find_above(self, key: str) -> Found | None:
        """What is above: most likely a directory."""
        if not (key := above(key)):
            return Found("", Kind.DIRECTORY)
        return await self._find_directory(key) or await self._head(key)

    async def _find_directory(self, key: str) -> Found | None:
        below = await self._keys(key, 1)
        return Found(last_part(key), Kind.DIRECTORY) if below else None

    async def _head(self, key: str) -> Found | None:
        try:
            head = await self.calls.call("head_object", Key=self.key(key))
        except S3Error as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        modified = head["LastModified"].timestamp()
        return Found(last_part(key), Kind.FILE, head["ContentLength"], modified, head["ETag"])

    async def _keys(self, key: str, most: int) -> list[str]:
        """Keys below a directory, its marker included; at most so many."""
        listed = await self.calls.call("list_objects_v2", Prefix=self.key(key) + "/", MaxKeys=most)
        return [each["Key"] for each in listed.get("Contents", ())]

    async def _page(self, key: str, mark: tuple[str, tuple[str, ...]] | None) -> Page:
        prefix = self.key(key) + "/" if key else self._prefix
        token, hiding = mark or ("", ())
        more = {"ContinuationToken": token} if token else {}
        listed = await self.calls.call(
            "list_objects_v2", Prefix=prefix, Delimiter="/", MaxKeys=self.bounds.page, **more
        )
        found = [
            Found(
                each["Key"][len(prefix) :],
                Kind.FILE,
                each["Size"],
                each["LastModified"].timestamp(),
                each["ETag"],
            )
            for each in listed.get("Contents", ())
        ]
        files = {each.name for each in found}.union(hiding)
        prefixes = [each["Prefix"][len(prefix) :] for each in listed.get("CommonPrefixes", ())]
        hidden = {f"{name}/" for name in files}
        found = [each for each in found if each.name]  # without the marker itself
        found += [Found(each[:-1], Kind.DIRECTORY) for each in prefixes if each not in hidden]
        if not listed.get("IsTruncated"):
            return Page(found)
        # Keys come in order: only these can have a prefix of their name on the next page.
        last = max((*files, *prefixes), default="")
        hiding = tuple(name for name in files if f"{name}/" > last)
        return Page(found, (listed["NextContinuationToken"], hiding))

    async def _mark(self, key: str) -> None:
        await self.calls.call("put_object", Key=self.key(key) + "/", Body=b"")

    async def _delete(self, key: str) -> None:
        await self.calls.call("delete_object", Key=key)

    async def _keep_directory(self, key: str) -> None:
        """Mark a directory that nothing is in any more."""
        if key and not await self._keys(key, 1):
            await self._mark(key)

    async def _copy(self, key: str, size: int, version: str, target: str) -> None:
        source = {"Bucket": self.bucket, "Key": key}
        try:
            if size > _COPIED_WHOLE:
                await copy_parts(self.calls, source, size, version, target)
            else:
                await self.calls.call(
                    "copy_object",
                    4,
                    Key=target,
                    CopySource=source,
                    CopySourceIfMatch=version,
                )
        except S3Error as error:
            if error.code in ("412", "PreconditionFailed"):
                raise changed() from None
            raise

    async def _move_directory(self, key: str, target: str) -> None:
        prefix, new = self.key(key) + "/", self.key(target) + "/"
        objects = await self._everything(prefix)
        made: list[str] = []

        async def copy(each: Any) -> None:
            copied = new + each["Key"][len(prefix) :]
            await self._copy(each["Key"], each["Size"], each["ETag"], copied)
            made.append(copied)

        try:
            await _in_turns(copy(each) for each in objects)
        except BaseException:
            await _in_turns(self._delete(each) for each in made)
            raise
        await _in_turns(self._delete(each["Key"]) for each in objects)
        await self._keep_directory(above(key))

    async def _everything(self, prefix: str) -> list[Any]:
        """All objects below a prefix, if they are not too many to be moved."""
        objects: list[Any] = []
        more: dict[str, str] = {}
        while True:
            listed = await self.calls.call("list_objects_v2", Prefix=prefix, **more)
            objects += listed.get("Contents", ())
            if len(objects) > self.bounds.renamed:
                raise too_many(self.bounds.renamed)
            if not listed.get("IsTruncated"):
                return objects
            more = {"ContinuationToken": listed["NextContinuationToken"]}


async def _in_turns(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, some at a time."""
    turn = asyncio.Semaphore(_COPIES)

    async def one(coroutine: Coroutine[Any, Any, None]) -> None:
        async with turn:
            await coroutine

    await together(one(each) for each in coroutines)
