"""What several :class:`~ftptls.settings.rights.Rights` allow, and how the rest is refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, reduce
from itertools import islice
from operator import and_
from pathlib import PurePosixPath

from ftptls.errors import PermanentError
from ftptls.settings.rights import FULL, KNOW, NOTHING, ROOT, Right, Rights
from ftptls.wire.entries import Entry, Kind, Rows

_REFUSALS = {
    Right.LIST: "You may not list this directory.",
    Right.READ: "You may not read this.",
    Right.WRITE_NEW: "You may not store new files here.",
    Right.OVERWRITE: "You may not replace or change this file.",
    Right.APPEND: "You may not append to this file.",
    Right.DELETE: "You may not delete this.",
    Right.RENAME: "You may not rename this.",
    Right.MAKE_DIRECTORY: "You may not make directories here.",
    Right.CHANGE_ATTRIBUTES: "You may not change attributes of this.",
}
APPEARING = Right.WRITE_NEW | Right.OVERWRITE | Right.MAKE_DIRECTORY | Right.DELETE
"""What it may take that something comes to a name; see :func:`appearing`."""
# What takes which letter of the perm fact (RFC 3659 §7.5.5): of the name itself,
_BY_NAME = {"d": Right.DELETE, "f": Right.RENAME}
# of a file,
_BY_FILE = {"r": Right.READ, "w": Right.OVERWRITE, "a": Right.APPEND}
# of a directory, and of what is in it.
_BY_DIRECTORY = {"e": NOTHING, "l": Right.LIST}
_BY_CONTENT = {"c": Right.WRITE_NEW, "m": Right.MAKE_DIRECTORY, "p": Right.DELETE}
# What means something for a file that is moved.
_OF_A_FILE = KNOW & ~Right.LIST
# How a path fails that leads through a file, or round in circles.
_TELLTALE = frozenset({errno.ENOTDIR, errno.ELOOP})


class Permits:
    """Several rights, all of which must allow a thing.

    Where several paths are given, they are names of one thing, and all of them must give it.

    Args:
        rights: They.
        current: Tells of old versions whose they are, which must give it, too
            (:meth:`ftptls.interfaces.IKeepsVersions.current`); ``None`` where there are none.
    """

    def __init__(
        self,
        rights: Sequence[Rights],
        current: Callable[[PurePosixPath], PurePosixPath] | None = None,
    ) -> None:
        self._rights = rights
        self._current = current

    def _all(self, paths: Iterable[PurePosixPath]) -> Iterable[PurePosixPath]:
        """Paths, and what those are old versions of."""
        return paths if self._current is None else {*paths, *map(self._current, paths)}

    def at(self, *paths: PurePosixPath) -> Right:
        """What may be done with a path."""
        names = self._all(paths)
        return reduce(and_, (each.at(path) for each in self._rights for path in names))

    def inside(self, *paths: PurePosixPath) -> Right:
        """What may be done with at least some of the names in a directory."""
        names = self._all(paths)
        return reduce(and_, (each.inside(path) for each in self._rights for path in names))

    def somewhere(self, path: PurePosixPath) -> Right:
        """What may be done at a path, or at least somewhere below."""
        names = self._all((path,))
        return reduce(and_, (each.somewhere(name) for each in self._rights for name in names))

    def throughout(self, *paths: PurePosixPath) -> Right | None:
        """What may be done with a path and everything below; ``None`` where that differs."""
        found = FULL
        names = self._all(paths)
        for rights in self._rights:
            for path in names:
                here = rights.throughout(path)
                if here is None:
                    return None
                found &= here
        return found

    def know(self, path: PurePosixPath, entry: Entry) -> bool:
        """Whether the user may know that there is something of this kind."""
        may = self.at(path)
        if path == ROOT or may & KNOW:
            return True
        if entry.is_directory:
            return bool(self.somewhere(path))
        return bool(may) and Right.LIST in self.at(path.parent)

    def refuse_gain(self, old: PurePosixPath, new: PurePosixPath, moved: Entry) -> None:
        """Refuse a move to where more may be done, and of a directory in which rights differ.

        Raises:
            PermanentError: 550, with the reason.
        """
        if moved.is_directory:
            before, after = self.throughout(old), self.throughout(new)
            if before is None or after is None:
                raise PermanentError(
                    550, "Not everything in this directory may be moved; move what may be."
                )
        else:
            before, after = self.at(old) & _OF_A_FILE, self.at(new) & _OF_A_FILE
        if after & ~before:
            raise PermanentError(550, "You may not move this to where more may be done with it.")

    def _may_know_way(self, path: PurePosixPath) -> bool:
        """Whether the user may know of everything from the root, which he does, to a path."""
        for name in self._all((path,)):
            ways = (islice(each.along(name), 1, None) for each in self._rights)
            if not all(reduce(and_, step) & KNOW for step in zip(*ways, strict=True)):
                return False
        return True

    @contextmanager
    def discreet(self, path: PurePosixPath) -> Iterator[None]:
        """Tell of no file on the way of a path that the user may not know of.

        Raises:
            FileNotFoundError: There is one, or might be.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in _TELLTALE or self._may_know_way(path):
                raise
            raise absent() from None


def demand(right: Right, may: Right) -> None:
    """Refuse who may do none of these.

    Raises:
        PermanentError: 550, with the reason.
    """
    if not right & may:
        raise PermanentError(550, next(text for each, text in _REFUSALS.items() if each in right))


def appearing(moved: Entry, there: Entry | None) -> Right:
    """What it takes that something comes to a name, where something may be."""
    if there is not None:
        return Right.DELETE if there.is_directory else Right.OVERWRITE
    return Right.MAKE_DIRECTORY if moved.is_directory else Right.WRITE_NEW


def absent() -> OSError:
    """As if there were nothing."""
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def limited(entry: Entry, name: Right, itself: Right, inside: Right) -> Entry:
    """What is said of a name, with the letters that are left of its ``perm`` fact.

    Args:
        entry: What is said.
        name: What may be done with the name.
        itself: With what it stands for.
        inside: With names in it, if it is a directory.
    """
    perm = _letters(entry.perm, entry.is_directory, name, itself, inside)
    return entry if perm == entry.perm else entry._replace(perm=perm)


def all_limited(entries: Sequence[Entry], may: Right) -> Sequence[Entry]:
    """What is said of the names in a directory, with all of which the same may be done."""
    if not isinstance(entries, Rows):
        return [limited(each, may, may, may) for each in entries]
    return entries.with_perms(
        lambda perm, kind: _letters(perm, kind is Kind.DIRECTORY, may, may, may)
    )


@lru_cache(maxsize=1000)
def _letters(perm: str, is_directory: bool, name: Right, itself: Right, inside: Right) -> str:
    allowed = {letter for letter, right in _BY_NAME.items() if right in name}
    if is_directory:
        allowed |= {letter for letter, right in _BY_DIRECTORY.items() if right in itself}
        allowed |= {letter for letter, right in _BY_CONTENT.items() if right in inside}
    else:
        allowed |= {letter for letter, right in _BY_FILE.items() if right in itself}
    return "".join(each for each in perm if each in allowed)
