"""From what the system knows about a file to an :class:`~ftptls.wire.entries.Entry`."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from ftptls.settings import OwnerNames
from ftptls.vfs.owners import Owner
from ftptls.wire.entries import Entry, Kind, Traits, entry_of

_MOST_KNOWN = 1000
_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}


class Place(NamedTuple):
    """What the directory around a name allows.

    Attributes:
        names_change: Whether names in it may be removed and renamed.
        read_only: Whether it is mounted read-only.
    """

    names_change: bool
    read_only: bool


Key = tuple[int, int, int, int]
"""Mode, owner, group and device of a file."""


def place(directory: int) -> Place:
    """What the directory behind a descriptor allows; advisory, as RFC 3659 §7.5.5 is."""
    writable = os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=True)
    return Place(writable, bool(os.fstatvfs(directory).f_flag & os.ST_RDONLY))


def permission_letters(kind: Kind, bits: int, names_change: bool) -> str:
    """The ``perm`` fact (RFC 3659 §7.5.5).

    Args:
        kind: What the name stands for.
        bits: What may be done with it: 4 read, 2 write, 1 search.
        names_change: Whether the name may be removed and renamed.
    """
    letters = set("df") if names_change else set()
    if kind is Kind.FILE:
        letters |= set("r") if bits & 4 else set()
        letters |= set("aw") if bits & 2 else set()
    elif kind is Kind.DIRECTORY and bits & 1:
        letters |= {"e"}
        letters |= set("l") if bits & 4 else set()
        letters |= set("cmp") if bits & 2 else set()
    return "".join(sorted(letters))


class Describer:
    """Makes entries; files that share owner, group and mode share what follows from them.

    Args:
        owner: Whose rights count; by default those of this process.
        names: Whom to name as owner and group.
    """

    def __init__(self, owner: Owner | None = None, names: OwnerNames = OwnerNames.REAL) -> None:
        self._names = names
        self._owner = owner
        self._known: dict[Place, dict[Key, Traits]] = {}

    def entry(self, name: str, info: os.stat_result, where: Place, target: str = "") -> Entry:
        """The entry of one name.

        Args:
            name: The last part of its path.
            info: What ``stat`` or ``lstat`` says.
            where: What the directory around it allows.
            target: For a link: where it points.
        """
        key = (info.st_mode, info.st_uid, info.st_gid, info.st_dev)
        traits = self.known(where).get(key) or self.learn(key, where)
        size, modified, links, serial = info.st_size, info.st_mtime, info.st_nlink, info.st_ino
        return entry_of((name, traits, size, modified, links, serial, target))

    def known(self, where: Place) -> Mapping[Key, Traits]:
        """What names in such a directory were found to have in common.

        Args:
            where: What the directory allows.
        """
        return self._known.setdefault(where, {})

    def learn(self, key: Key, where: Place) -> Traits:
        """What files of this mode, owner, group and device have in common; known from now on."""
        mode, uid, gid, device = key
        kind = _KINDS.get(stat.S_IFMT(mode), Kind.OTHER)
        bits = self._bits(mode, uid, gid) & (~2 if where.read_only else 7)
        perm = permission_letters(kind, bits, where.names_change)
        traits = Traits(kind, stat.S_IMODE(mode), *self._named(uid, gid), perm, f"{device:x}U")
        known = self._known.setdefault(where, {})
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[key] = traits
        return traits

    def _named(self, uid: int, gid: int) -> tuple[str, str, int, int]:
        """Whom to show: names, and numbers."""
        if self._names is OwnerNames.FTP:
            return "ftp", "ftp", 0, 0
        if self._names is OwnerNames.NUMERIC:
            return str(uid), str(gid), uid, gid
        return _owner_name(uid), _group_name(gid), uid, gid

    def _bits(self, mode: int, uid: int, gid: int) -> int:
        """What the owner may do with a file: 4 read, 2 write, 1 search."""
        own, groups = self._rights
        if own == 0:
            return 7
        if uid == own:
            return mode >> 6 & 7
        return mode >> 3 & 7 if gid in groups else mode & 7

    @cached_property
    def _rights(self) -> tuple[int, set[int]]:
        """The user whose rights count, and his groups; asked for once, and by listings only."""
        owner = self._owner
        if owner is not None:
            return owner.uid, {owner.gid, *owner.groups}
        return os.geteuid(), {os.getegid(), *os.getgroups()}


def _owner_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
