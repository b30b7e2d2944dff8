"""What a filesystem says about one name: the value behind LIST, MLSx, SIZE and MDTM."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.Enum):
    """What a name stands for."""

    FILE = "-"
    DIRECTORY = "d"
    LINK = "l"
    OTHER = "?"

    # Members are compared by identity; the hash of Enum would be computed from the name.
    __hash__ = object.__hash__


class Entry(NamedTuple):
    """One name in a filesystem, or what a path leads to.

    A tuple, as a directory may hold a hundred thousand names, and a frozen dataclass takes
    four times as long to make; ``entry._replace(name="x")`` is another one.

    Attributes:
        name: The last part of the path, as text; bytes that are no UTF-8 are
            carried as surrogate escapes (PEP 383) and survive a round trip.
        kind: File, directory, symbolic link or something else.
        size: Octets, as TYPE I would transfer them.
        modified: Seconds since the epoch, UTC.
        mode: Permission bits, ``0o000`` to ``0o7777``.
        links: Number of hard links.
        owner: Name of the owner, or its number as text.
        group: Name of the group, or its number as text.
        uid: Number of the owner.
        gid: Number of the group.
        unique: A token that two names share only if they are one file
            (RFC 3659 §7.5.2); empty where the filesystem cannot tell.
        perm: What the avatar may do with it, in the letters of RFC 3659 §7.5.5.
        target: For a link: where it points, as it is written.
        created: Seconds since the epoch, UTC; ``None`` where nobody knows.
    """

    name: str
    kind: Kind
    size: int = 0
    modified: float = 0.0
    mode: int = 0
    links: int = 1
    owner: str = "ftp"
    group: str = "ftp"
    uid: int = 0
    gid: int = 0
    unique: str = ""
    perm: str = ""
    target: str = ""
    created: float | None = None

    @property
    def is_directory(self) -> bool:
        """Whether the name is a directory."""
        return self.kind is Kind.DIRECTORY

    @property
    def is_file(self) -> bool:
        """Whether the name is a regular file."""
        return self.kind is Kind.FILE
