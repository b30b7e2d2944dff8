"""Calls made as another user of the operating system, one thread at a time.

The kernel keeps user and groups for each thread; only the C library changes those of all
threads together. So here its functions are not used: a worker thread asks the kernel itself,
makes the call, and takes back what it was. Meanwhile the kernel judges by the user's rights,
as it would in his shell: what he may read, whose the new files are, how much disk he may use.

Only the effective ids are changed. The real ones stay the server's, so no process of the user
may send signals to the thread.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import pwd
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from zope.interface import implementer

from ftptls.interfaces import IWorkers

T = TypeVar("T")

_SAME = -1  # no number of anybody: it stands for "as it is"
# setgroups, setresgid, setresuid and capget.
_NUMBERS = {"x86_64": (116, 119, 117, 125), "aarch64": (159, 149, 147, 90)}
_HIGHEST = 2**32 - 2
_NOBODY = 65534

_CAPABILITIES = 0x20080522  # the layout of 64 bits, of <linux/capability.h>
# CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER and CAP_FSETID.
_OVER_FILES = 0b11111


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of the operating system.

    Attributes:
        uid: His number.
        gid: His own group.
        groups: All of his groups.

    Raises:
        ValueError: A number is none of a user or group.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        if not all(0 <= number <= _HIGHEST for number in (self.uid, self.gid, *self.groups)):
            raise ValueError("not the number of a user or group")

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> Owner:
        """The user of an entry of the user database.

        This blocks, where a directory service is asked for his groups.
        """
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return cls(entry.pw_uid, entry.pw_gid, tuple(groups))


@cache
def _syscall() -> Callable[..., int]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc.syscall


def _ask(which: int, *args: Any) -> None:
    numbers = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
    if numbers is None:
        raise OSError(errno.ENOSYS, "threads cannot act as users on this system")
    number = ctypes.c_long(numbers[which])
    if _syscall()(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in args)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _set_groups(groups: Sequence[int]) -> None:
    _ask(0, len(groups), (ctypes.c_uint32 * len(groups))(*groups))


def _set_gid(gid: int) -> None:
    _ask(1, _SAME, gid, _SAME)


def _set_uid(uid: int) -> None:
    _ask(2, _SAME, uid, _SAME)


@contextmanager
def acting_as(owner: Owner) -> Iterator[None]:
    """Let this thread, and no other, have the rights of a user.

    Whatever fails leaves the thread with fewer rights rather than with more: it cannot act
    as anybody else then.

    Raises:
        OSError: The server may not, as it takes root (``EPERM``), or the system cannot.
    """
    groups, gid, uid = os.getgroups(), os.getegid(), os.geteuid()
    _set_groups(owner.groups)
    try:
        _set_gid(owner.gid)
        _set_uid(owner.uid)
        yield
    finally:
        _set_uid(uid)
        _set_gid(gid)
        _set_groups(groups)


def objection() -> str:
    """Why this process cannot act as users, or not as they are; empty if it can."""
    try:
        with acting_as(Owner(_NOBODY, _NOBODY, (_NOBODY,))):
            kept = _effective_capabilities()
    except PermissionError:
        return "it takes the rights of root"
    except OSError as error:
        return str(error.strerror)
    if kept & _OVER_FILES:
        return "its capabilities over files would be left to every user; take them from it"
    return ""


def _effective_capabilities() -> int:
    """What this thread may do beyond the rights of its user, as bits; the lowest 32."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    data = (ctypes.c_uint32 * 6)()
    _ask(3, header, data)
    return int(data[0])


@implementer(IWorkers)
class OwnerWorkers:
    """Other workers, on which every call is made as a user.

    Args:
        workers: The threads.
        owner: The user.
    """

    def __init__(self, workers: IWorkers, owner: Owner) -> None:
        self._workers = workers
        self.owner = owner

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """See :meth:`ftptls.interfaces.IWorkers.run`."""
        return await self._workers.run(self._call, call, args)

    def _call(self, call: Callable[..., T], args: Sequence[Any]) -> T:
        with acting_as(self.owner):
            return call(*args)
