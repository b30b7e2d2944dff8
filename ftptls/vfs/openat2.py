"""``openat2`` of Linux: the kernel resolves a path under a folder, whatever links do meanwhile."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from functools import cache, lru_cache
from typing import Any

LOOK = os.O_PATH | os.O_CLOEXEC
"""Open what a path leads to without reading, writing or waking it."""
DIRECTORY = LOOK | os.O_DIRECTORY

_TRIES = 64

_OPENAT2 = 437  # one number on every architecture that is tested below
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_CACHED = 0x20
_HERE = -100  # AT_FDCWD


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = (
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.POINTER(_OpenHow),
        ctypes.c_size_t,
    )
    return libc


@lru_cache(maxsize=64)
def _how(flags: int, resolve: int) -> tuple[Any, int]:
    """What the kernel only reads: a pointer to it, and its size."""
    # A mode without O_CREAT would be EINVAL; files are created by name beside, never here.
    how = _OpenHow(flags, 0, resolve)
    return ctypes.pointer(how), ctypes.sizeof(how)


_octets = lru_cache(maxsize=256)(os.fsencode)  # of folders: there are few, and they come often


def _resolving(links: bool) -> int:
    return _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS | (0 if links else _RESOLVE_NO_SYMLINKS)


def _call(root: int, path: bytes, flags: int, resolve: int, tries: int = 1) -> int:
    how, size = _how(flags, resolve)
    syscall = _libc().syscall
    fd: int
    while (fd := syscall(_OPENAT2, root, path, how, size)) < 0:
        tries -= 1
        number = ctypes.get_errno()
        if not tries or number not in (errno.EAGAIN, errno.EINTR):
            raise OSError(number, os.strerror(number))
    return fd


def openat2(root: int, path: bytes, flags: int, links: bool = True) -> int:
    """Open under ``root``, again and again while a rename or a signal disturbs it.

    Args:
        root: A descriptor of the folder.
        path: From there; an absolute one starts there, too.
        flags: As for :func:`os.open`.
        links: Whether links are followed; else they are ``ELOOP``.

    Raises:
        OSError: It cannot be opened.
    """
    return _call(root, path, flags, _resolving(links), _TRIES)


def openat2_cached(root: int, path: bytes, flags: int, links: bool = True) -> int:
    """The same, on one disk, if the kernel has all names on the way in its memory.

    Raises:
        OSError: It has not; or they lead to another disk; or it cannot be opened.
    """
    return _call(root, path, flags, _resolving(links) | _RESOLVE_NO_XDEV | _RESOLVE_CACHED)


def open_folder_cached(path: str) -> int:
    """Open a folder of the process's own, if the kernel has all names on the way in its memory.

    Raises:
        OSError: It has not, or it cannot be opened.
    """
    return _call(_HERE, _octets(path), DIRECTORY, _RESOLVE_CACHED)


@cache
def kernel_resolves() -> bool:
    """Whether ``openat2`` works here; old kernels and some containers refuse it."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return False
    root = os.open("/", DIRECTORY)
    try:
        os.close(openat2(root, b"/", DIRECTORY))
    except OSError:
        return False
    finally:
        os.close(root)
    return True


def is_known_folder(path: str) -> bool:
    """Whether a folder is there and the kernel knows it without asking a disk.

    It never waits. If it is false, the folder may be there all the same.
    """
    if "\0" in path or not kernel_resolves():
        return False
    try:
        os.close(open_folder_cached(path))
    except (OSError, UnicodeEncodeError):
        return False
    return True
