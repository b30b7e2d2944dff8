"""Paths as shells have them: a list of names from the root on."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import PurePosixPath

from ftptls.vfs.tree import os_error, path_names

ROOT = PurePosixPath("/")


def to_segments(path: PurePosixPath, *, wire_names: bool) -> list[str]:
    """The names in a clean absolute path.

    Args:
        path: It.
        wire_names: Whether each character stands for an octet of the name in UTF-8, as in
            what ``twisted.protocols.ftp`` makes of a command line.

    Raises:
        OSError: No file can have this path.
    """
    names = path_names(path)
    if not wire_names:
        return list(names)
    return [name.encode("utf-8", "surrogateescape").decode("latin-1") for name in names]


def to_path(segments: Sequence[str | bytes], *, wire_names: bool) -> PurePosixPath:
    """The clean absolute path that consists of these names.

    Args:
        segments: They.
        wire_names: As for :func:`to_segments`.

    Raises:
        OSError: ``EINVAL``, one of them is no name.
    """
    names = [_read(each, wire_names=wire_names) for each in segments]
    if any(name in ("", ".", "..") or "/" in name or "\0" in name for name in names):
        raise os_error(errno.EINVAL)
    return ROOT.joinpath(*names)


def _read(segment: str | bytes, *, wire_names: bool) -> str:
    if isinstance(segment, str) and wire_names:
        try:
            segment = segment.encode("latin-1")
        except UnicodeEncodeError:
            raise os_error(errno.EINVAL) from None
    return name_of(segment)


def name_of(name: str | bytes) -> str:
    """A name in a listing, as text."""
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def told(name: str) -> str | bytes:
    """A name for a listing: as text if it is some, else as its octets, which Twisted sends, too."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape")
    return name
