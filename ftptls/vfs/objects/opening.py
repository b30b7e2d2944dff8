"""From a URL to a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftptls.errors import MissingExtraError
from ftptls.vfs.objects.stores import Bounds, Store

_S3 = ("s3", "s3a")


class StoreURLError(ValueError):
    """A URL that leads to no store; says what to write."""


def is_store_url(text: str) -> bool:
    """Whether a text names a store rather than a folder."""
    return "://" in text


def check_store_url(url: str) -> None:
    """See that a URL can be a store; nothing is asked of it.

    Raises:
        StoreURLError: It cannot.
        MissingExtraError: Its libraries are not installed.
    """
    scheme, _, rest = url.partition("://")
    place = rest.partition("/")[0]
    if "@" in place:
        raise StoreURLError("a URL is for everybody's eyes: put credentials elsewhere")
    if scheme in ("file", "local"):
        raise StoreURLError("a folder of this machine needs no URL: write its path")
    if scheme in _S3 and not place:
        raise StoreURLError("write a bucket behind s3://")
    _demand_libraries(scheme)


def open_store(
    url: str, options: Mapping[str, Any] | None = None, bounds: Bounds | None = None
) -> Store:
    """The store of a URL; nothing is asked of it yet. It may block.

    Args:
        url: As fsspec takes it, such as ``s3://bucket/prefix`` or ``memory://``.
        options: For the filesystem of fsspec, such as ``endpoint_url`` and ``profile``.
        bounds: How much at a time.

    Raises:
        MissingExtraError: Its libraries are not installed.
        StoreURLError: There is no such store.
    """
    bounds = bounds or Bounds()
    scheme, _, rest = url.partition("://")
    _demand_libraries(scheme)
    if scheme in _S3:
        from ftptls.vfs.objects.s3 import S3Store

        bucket, _, prefix = rest.partition("/")
        return S3Store.open(bucket, prefix.strip("/"), options or {}, bounds)
    from fsspec.core import url_to_fs

    from ftptls.vfs.objects.generic import FsspecStore

    fresh = {"use_listings_cache": False, "skip_instance_cache": True}
    filesystem, root = url_to_fs(url, **{**fresh, **(options or {})})
    return FsspecStore(filesystem, root, bounds)


def _demand_libraries(scheme: str) -> None:
    """See that all of a URL's protocols can be used; ``a::b`` is one around another."""
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
