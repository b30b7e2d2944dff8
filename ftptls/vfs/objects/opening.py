"""From a URL to a store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ftptls.errors import MissingExtraError
from ftptls.settings.objects import Objects
from ftptls.vfs.objects.stores import MIB, Bounds, Store

if TYPE_CHECKING:
    from ftptls.vfs.objects.s3_calls import S3Calls

_S3 = ("s3", "s3a")


class StoreURLError(ValueError):
    """A URL that leads to no store; says what to write."""


def is_store_url(text: str) -> bool:
    """Whether a text names a store rather than a folder."""
    return "://" in text


def shown(url: str) -> str:
    """A URL for the log, without the credentials that somebody may have put into it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def check_store_url(url: str) -> None:
    """See that a URL can be a store; nothing is asked of it.

    Raises:
        StoreURLError: It cannot.
        MissingExtraError: Its libraries are not installed.
    """
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    if scheme in ("file", "local"):
        raise StoreURLError("a folder of this machine needs no URL: write its path")
    if scheme in _S3 and not place:
        raise StoreURLError("write a bucket behind s3://")
    _check(url)


class Stores:
    """Stores by URL; those of S3 share a client, and so its connections.

    Args:
        options: For the filesystems of fsspec, such as ``endpoint_url`` and ``profile``.
        bounds: How much at a time.

    Attributes:
        options: The same.
    """

    def __init__(
        self, options: Mapping[str, Any] | None = None, bounds: Bounds | None = None
    ) -> None:
        self.options = dict(options or {})
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._client: Any = None
        self._buckets: dict[str, S3Calls] = {}

    @classmethod
    def from_settings(cls, objects: Objects) -> Stores:
        """As the operator has it."""
        options = read_options(objects.options)
        given = {"endpoint_url": objects.endpoint_url, "profile": objects.aws_credentials}
        options |= {name: value for name, value in given.items() if value}
        if objects.region:
            client = {**options.get("client_kwargs", {}), "region_name": objects.region}
            options["client_kwargs"] = client
        bounds = Bounds(
            piece=objects.piece * MIB,
            parallel=objects.parallel,
            renamed=objects.renamed,
            tries=objects.tries,
            patience=objects.timeout,
        )
        return cls(options, bounds)

    def open(self, url: str) -> Store:
        """The store of a URL; nothing is asked of it yet. It blocks.

        Raises:
            MissingExtraError: Its libraries are not installed.
            StoreURLError: There is no such store.
        """
        _check(url)
        scheme, _, rest = url.partition("://")
        with self._lock:
            if scheme in _S3:
                return self._open_s3(*rest.partition("/")[::2])
            return self._open_any(url)

    def stop(self) -> None:
        """End every request that can be ended; for the end of the server."""
        for calls in list(self._buckets.values()):
            calls.stop.now()

    def _open_s3(self, bucket: str, prefix: str) -> Store:
        from ftptls.vfs.objects.s3 import S3Store
        from ftptls.vfs.objects.s3_calls import S3Calls, make_client

        if self._client is None:
            self._client = make_client(self.options, self._bounds)
        if bucket not in self._buckets:
            self._buckets[bucket] = S3Calls(self._client, bucket, self._bounds)
        return S3Store(self._buckets[bucket], bucket, prefix.strip("/"), self._bounds)

    def _open_any(self, url: str) -> Store:
        from fsspec.core import url_to_fs

        from ftptls.vfs.objects.generic import FsspecStore

        # Its listings are asked for each time: others write there, too.
        filesystem, root = url_to_fs(url, **{"use_listings_cache": False, **self.options})
        return FsspecStore(filesystem, root, self._bounds)


def read_options(lines: Iterable[str]) -> dict[str, Any]:
    """Options from lines such as ``anon=true``; values are JSON, or else text."""
    options: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition("=")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _check(url: str) -> None:
    """See that all protocols of a URL can be used; ``a::b`` is one around another."""
    scheme, _, rest = url.partition("://")
    if "@" in rest.partition("/")[0]:
        raise StoreURLError("a URL is for everybody's eyes: put credentials elsewhere")
    extra = "s3" if scheme in _S3 else "fsspec"
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError(extra, f"serve {scheme}:// URLs") from None
    for each in scheme.split("::"):
        try:
            fsspec.get_filesystem_class(each)
        except ImportError:
            if each in _S3:
                raise MissingExtraError("s3", f"serve {scheme}:// URLs") from None
            raise StoreURLError(
                f"{each}:// takes a library that is not installed; fsspec's documentation "
                "says which"
            ) from None
        except ValueError:
            raise StoreURLError(f"fsspec knows no {each}://") from None
