"""Hidden files that go with what a user deletes."""

from __future__ import annotations

import os

from ftptls.vfs.temporaries import is_temporary, kept_name, remove_unused

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def forget(user: str, name: bytes, directory: int) -> bool:
    """Remove what arrived of a user's upload of a file; whether there was anything."""
    return remove_unused(kept_name(user, name), directory)


def clear(name: bytes, directory: int) -> bool:
    """Remove from a directory what is left of uploads that ended.

    Returns:
        Whether it is empty now; where there is anything else, nothing is removed.
    """
    fd = os.open(name, _LIST, dir_fd=directory)
    try:
        names = []
        with os.scandir(fd) as found:
            for each in found:
                if not is_temporary(each.name):
                    return False
                names.append(os.fsencode(each.name))
        return all(remove_unused(each, fd) for each in names)
    finally:
        os.close(fd)
