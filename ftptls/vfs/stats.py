"""From what the system knows about a file to an :class:`~ftptls.wire.entries.Entry`."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ftptls.wire.entries import Entry, Kind

_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}


@dataclass(frozen=True, slots=True)
class Place:
    """What the directory around a name allows.

    Attributes:
        names_change: Whether names in it may be removed and renamed.
        read_only: Whether it is mounted read-only.
    """

    names_change: bool
    read_only: bool


def place(directory: int) -> Place:
    """What the directory behind a descriptor allows; advisory, as RFC 3659 §7.5.5 is."""
    writable = os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=True)
    return Place(writable, bool(os.fstatvfs(directory).f_flag & os.ST_RDONLY))


@lru_cache(maxsize=256)
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
    """Makes entries, with a small cache of the names of owners and groups."""

    _remembered = 1000

    def __init__(self) -> None:
        self._uid = os.geteuid()
        self._groups = {os.getegid(), *os.getgroups()}
        self._owners: dict[int, str] = {}
        self._group_names: dict[int, str] = {}

    def entry(self, name: str, info: os.stat_result, where: Place, target: str = "") -> Entry:
        """The entry of one name.

        Args:
            name: The last part of its path.
            info: What ``stat`` or ``lstat`` says.
            where: What the directory around it allows.
            target: For a link: where it points.
        """
        mode = info.st_mode
        uid, gid = info.st_uid, info.st_gid
        kind = _KINDS.get(stat.S_IFMT(mode), Kind.OTHER)
        bits = self._bits(mode, uid, gid)
        if where.read_only:
            bits &= ~2
        owner = self._owners.get(uid)
        group = self._group_names.get(gid)
        return Entry(
            name,
            kind,
            info.st_size,
            info.st_mtime,
            mode & 0o7777,
            info.st_nlink,
            self._look_up(uid, self._owners, _owner_name) if owner is None else owner,
            self._look_up(gid, self._group_names, _group_name) if group is None else group,
            uid,
            gid,
            f"{info.st_dev:x}U{info.st_ino:x}",
            permission_letters(kind, bits, where.names_change),
            target,
        )

    def _bits(self, mode: int, uid: int, gid: int) -> int:
        if self._uid == 0:
            return 7
        if uid == self._uid:
            return mode >> 6 & 7
        return mode >> 3 & 7 if gid in self._groups else mode & 7

    def _look_up(self, number: int, cache: dict[int, str], find: Callable[[int], str]) -> str:
        if len(cache) >= self._remembered:
            cache.clear()
        try:
            name = find(number)
        except KeyError:
            name = str(number)
        cache[number] = name
        return name


def _owner_name(number: int) -> str:
    return pwd.getpwuid(number).pw_name


def _group_name(number: int) -> str:
    return grp.getgrgid(number).gr_name
