"""What a filesystem says about one name: the value behind LIST, MLSx, SIZE and MDTM."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, overload


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


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What many names of a directory have in common; see :class:`Entry` for what it is.

    Compared by identity, so that what follows from it is found fast.

    Attributes:
        device: How the ``unique`` fact begins; the serial number follows, in hexadecimal digits.
    """

    kind: Kind
    mode: int
    owner: str
    group: str
    uid: int
    gid: int
    perm: str
    device: str


Row = tuple[str, Traits, int, float, int, int, str]
"""Name, traits, size, when it was modified, links, serial number, and the target of a link."""


def entry_of(row: Row) -> Entry:
    """What a row says."""
    name, traits, size, modified, links, serial, target = row
    return Entry(
        name,
        traits.kind,
        size,
        modified,
        traits.mode,
        links,
        traits.owner,
        traits.group,
        traits.uid,
        traits.gid,
        f"{traits.device}{serial:x}",
        traits.perm,
        target,
    )


class Rows(Sequence[Entry]):
    """Entries that are made when they are asked for.

    Whoever looks at each one gets an :class:`Entry`. A listing is rendered from the rows
    themselves, which takes half as long as to make an entry first.

    Args:
        rows: They; none has a slash in its name.

    Attributes:
        printable: Whether all names are text that can be shown as it is.
    """

    __slots__ = ("_has_hidden", "printable", "rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        # One look at all names costs less than one at each.
        names = "/".join([row[0] for row in rows])
        self.printable = names.isprintable()
        self._has_hidden = names.startswith(".") or "/." in names

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Entry]:
        return map(entry_of, self.rows)

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Entry | Rows:
        if isinstance(index, slice):
            return Rows(self.rows[index])
        return entry_of(self.rows[index])

    def visible(self) -> Rows:
        """Those whose names begin with no dot."""
        if not self._has_hidden:
            return self
        return Rows([row for row in self.rows if not row[0].startswith(".")])

    def chosen(self, wanted: Callable[[str, Kind], bool]) -> Rows:
        """Those of a name and kind that is wanted."""
        return Rows([row for row in self.rows if wanted(row[0], row[1].kind)])

    def with_perms(self, perm: Callable[[str, Kind], str]) -> Rows:
        """The same with other ``perm`` facts.

        Args:
            perm: What becomes of one, which is of a kind.
        """
        others: dict[Traits, Traits] = {}
        for traits in {row[1] for row in self.rows}:
            others[traits] = replace(traits, perm=perm(traits.perm, traits.kind))
        return Rows([(row[0], others[row[1]], *row[2:]) for row in self.rows])


def visible(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Those whose names begin with no dot."""
    if isinstance(entries, Rows):
        return entries.visible()
    return [each for each in entries if not each.name.startswith(".")]


def chosen(entries: Sequence[Entry], wanted: Callable[[str, Kind], bool]) -> Sequence[Entry]:
    """Those of a name and kind that is wanted."""
    if isinstance(entries, Rows):
        return entries.chosen(wanted)
    return [each for each in entries if wanted(each.name, each.kind)]
