"""What a shell tells of a file, in lists of values, and what a listing of ours tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.python.filepath import Permissions

from ftptls.wire.entries import Entry, Kind

KEYS = ("size", "directory", "permissions", "hardlinks", "modified", "owner", "group")
"""What a shell can be asked, and Twisted's own server asks for a listing."""

_VALUES: dict[str, Callable[[Entry], object]] = {
    "size": lambda entry: entry.size,
    "directory": lambda entry: entry.is_directory,
    "permissions": lambda entry: Permissions(entry.mode),  # Twisted's server needs these
    "hardlinks": lambda entry: entry.links,
    "modified": lambda entry: entry.modified,
    "owner": lambda entry: entry.owner,
    "group": lambda entry: entry.group,
}


def values_of(entry: Entry, keys: Sequence[str]) -> list[object]:
    """What a shell says of an entry.

    Raises:
        ValueError: There is no such key.
    """
    unknown = [key for key in keys if key not in _VALUES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no key of IFTPShell; there are {', '.join(KEYS)}")
    return [_VALUES[key](entry) for key in keys]


def entry_of(name: str, values: Sequence[Any], perm: Callable[[Kind], str]) -> Entry:
    """The entry for a name.

    Args:
        name: It.
        values: What the shell said to :data:`KEYS`; ``None`` where it does not know.
        perm: The letters of RFC 3659 §7.5.5, which no shell tells.
    """
    size, directory, permissions, links, modified, owner, group = values
    kind = Kind.DIRECTORY if directory else Kind.FILE
    return Entry(
        name,
        kind,
        size=size or 0,
        modified=float(modified or 0),
        mode=_bits(permissions, 0o755 if directory else 0o644),
        links=links or 1,
        owner=_text(owner),
        group=_text(group),
        perm=perm(kind),
    )


def _bits(permissions: Any, default: int) -> int:
    """``IFTPShell`` wants a number, ``FTPShell`` gives an object, and both are about."""
    if isinstance(permissions, int):
        return permissions & 0o7777
    if not isinstance(permissions, Permissions):
        return default
    bits = 0
    for each in (permissions.user, permissions.group, permissions.other):
        bits = bits << 3 | each.read << 2 | each.write << 1 | each.execute
    return bits


def _text(name: Any) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", "surrogateescape")
    return "ftp" if name is None else str(name)
