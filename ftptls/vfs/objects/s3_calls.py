"""Requests to an S3 API: made again when that may help, and their failures put in words.

They run on the one thread that fsspec has for all asynchronous clients; who asks waits on
a thread of his own, or has them cancelled.
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from s3fs import S3FileSystem
from twisted.logger import Logger

from ftptls.errors import FTPError, TransientError
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.objects.stores import Bounds, os_error

T = TypeVar("T")

_LONGEST_WAIT = 10.0
# No answer, half an answer, or one that somebody in between has made up.
_BROKEN = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
    ResponseParserError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)
_AGAIN = frozenset(("SlowDown", "RequestTimeout", "ThrottlingException", "InternalError"))
_NUMBERS = {
    "404": errno.ENOENT,
    "NoSuchKey": errno.ENOENT,
    "403": errno.EACCES,
    "AccessDenied": errno.EACCES,
    "409": errno.EBUSY,
    "ConditionalRequestConflict": errno.EBUSY,
    "OperationAborted": errno.EBUSY,
    "EntityTooLarge": errno.EFBIG,
    "KeyTooLongError": errno.ENAMETOOLONG,
    "QuotaExceeded": errno.EDQUOT,
    "XMinioStorageFull": errno.ENOSPC,
    "InvalidObjectState": errno.EACCES,
    "MethodNotAllowed": errno.EPERM,
    "NotImplemented": errno.EOPNOTSUPP,
}
# What only the operator can mend.
_OURS = frozenset(
    (
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "InvalidClientTokenId",
        "RequestTimeTooSkewed",
        "NoSuchBucket",
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
    )
)


class S3Error(OSError):
    """What an S3 API refused.

    Attributes:
        code: Its word for it, or the number of the HTTP status.
    """

    def __init__(self, code: str) -> None:
        number = _NUMBERS.get(code, errno.EIO)
        super().__init__(number, code)
        self.code = code


class S3Calls:
    """Requests about one bucket.

    Args:
        filesystem: Makes and signs them.
        bucket: The bucket.
        bounds: How often, and how long.

    Attributes:
        stop: Ends all that runs.
        leftovers: Keys and ids of uploads that could not be aborted yet.
    """

    _log = Logger()

    def __init__(self, filesystem: S3FileSystem, bucket: str, bounds: Bounds) -> None:
        self._filesystem = filesystem
        self._bucket = bucket
        self._bounds = bounds
        self._trouble = ""
        self.stop = Stop()
        self.leftovers: list[tuple[str, str]] = []

    def wait(self, asking: Coroutine[Any, Any, T], stop: Stop | None = None) -> T:
        """The result of a coroutine; blocks.

        Raises:
            Exception: What it raised; ``ECANCELED`` if it was stopped.
        """
        future = asyncio.run_coroutine_threadsafe(asking, self._filesystem.loop)
        try:
            with (stop or self.stop).watching(future), self.stop.watching(future):
                return future.result()
        except CancelledError:
            raise os_error(errno.ECANCELED) from None

    async def call(self, method: str, patience: float = 1.0, /, **arguments: Any) -> Any:
        """Make one request, again if need be.

        Args:
            method: As boto3 calls it.
            patience: How many times the usual time it may take.
            arguments: For it, without the bucket. A callable ``Body`` is called for each try.

        Raises:
            S3Error: It was refused.
            TransientError: The store cannot be reached, or is of no use now.
        """
        return await self.again(lambda: self.call_once(method, **arguments), patience)

    async def call_once(self, method: str, /, **arguments: Any) -> Any:
        """Make one request, once; errors are those of s3fs."""
        made = {key: value() if callable(value) else value for key, value in arguments.items()}
        return await self._filesystem._call_s3(method, Bucket=self._bucket, **made)

    async def again(self, once: Callable[[], Awaitable[T]], patience: float = 1.0) -> T:
        """Do what ``once`` does until it works; see :meth:`call`.

        A store that is known to be of no use is asked once, so that nobody waits for it.
        """
        wait = self._bounds.wait
        for left in reversed(range(1 if self._trouble else self._bounds.tries)):
            try:
                await self._filesystem.set_session()  # the first time, that takes a while
                async with asyncio.timeout(self._bounds.patience * patience):
                    result = await once()
            except (OSError, BotoCoreError, ClientError, aiohttp.ClientError) as error:
                refusal = _refusal(error)
                if not left or not _may_pass(error, refusal):
                    raise self._error(error, refusal) from None
            else:
                self._works()
                return result
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - apart, not secret
            wait = min(2 * wait, _LONGEST_WAIT)
        raise AssertionError("at least one try")

    def _error(self, error: Exception, refusal: ClientError | None) -> FTPError | S3Error:
        if refusal is None:
            self._say(type(error).__qualname__)
            if isinstance(error, _BROKEN):
                text = "The object store cannot be reached; try again in a few minutes."
            else:  # such as no credentials at all
                text = "The object store cannot be used; tell whoever runs this server."
            return TransientError(451, text)
        code = str(refusal.response.get("Error", {}).get("Code", ""))
        if code in _OURS:
            self._say(code)
            return TransientError(
                451, "The object store does not serve this server; tell whoever runs it."
            )
        if _may_pass(error, refusal):
            self._say(code)
            return TransientError(450, "The object store is busy; try again in a few minutes.")
        self._works()
        return S3Error(code)

    def _say(self, trouble: str) -> None:
        """Tell the operator, once; the store's own words are not for the log."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.error(
                "The object store of bucket {bucket!r} is of no use: {trouble}.",
                bucket=self._bucket,
                trouble=trouble,
            )

    def _works(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._log.info("The object store of bucket {bucket!r} works.", bucket=self._bucket)


def make_client(options: Mapping[str, Any], bounds: Bounds) -> S3FileSystem:
    """A client; it connects when it is first used.

    Args:
        options: Of :class:`s3fs.S3FileSystem`.
        bounds: How long a request may take.
    """
    config = {
        "connect_timeout": min(10.0, bounds.patience),
        "read_timeout": bounds.patience,
        "retries": {"total_max_attempts": 1},  # tried again here, where it can be stopped
        "max_pool_connections": 50,
        **options.get("config_kwargs", {}),
    }
    fresh = {"use_listings_cache": False, "skip_instance_cache": True}
    client = S3FileSystem(**{**fresh, **options, "config_kwargs": config})
    client.retries = 1
    return client


async def together(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results; what fails is raised when all have ended, the first of them first."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for each in results:
        if isinstance(each, BaseException):
            raise each
    return results


def _refusal(error: Exception) -> ClientError | None:
    """What the store answered, if it did: s3fs puts errors of Python around it."""
    inner = error if isinstance(error, ClientError) else error.__cause__
    return inner if isinstance(inner, ClientError) else None


def _status(refusal: ClientError) -> int:
    return int(refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_pass(error: Exception, refusal: ClientError | None) -> bool:
    """Whether the same request may work later."""
    if refusal is None:
        return isinstance(error, _BROKEN)
    status, code = _status(refusal), refusal.response.get("Error", {}).get("Code")
    return (status >= 500 and status != 501) or status == 429 or code in _AGAIN
