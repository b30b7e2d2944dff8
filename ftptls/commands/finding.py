"""What a listing is of: a directory, a tree, or what a pattern matches; within bounds."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from ftptls.commands.context import Context
from ftptls.errors import FTPError, PermanentError
from ftptls.settings import HiddenNames
from ftptls.vfs.scanning import through
from ftptls.wire.entries import Entry, Kind, chosen, visible
from ftptls.wire.globs import PathPattern

_PIECE = 500
# So many batches, and then everybody else has a turn.
_TURN = 8
_DEEPEST = 100
# A directory that goes, or may not be looked into, is no reason to end the listing of others.
_PASSED_OVER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP})


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """Some entries of one directory, perhaps none.

    Attributes:
        prefix: What leads there from where the listing begins: names that each end in a
            slash, or nothing.
        data: The entries, rendered.
        first: Whether they are the first ones of their directory.
    """

    prefix: str
    data: bytes
    first: bool = True


# Of some entries those that are listed.
Choice = Callable[[Sequence[Entry]], Sequence[Entry]]
# Of what stands before the names of some entries, and the entries. Called on any thread.
Render = Callable[[str, Sequence[Entry]], bytes]


class Finder:
    """Looks into the directories that one listing is of, and holds one batch at a time.

    With ``-t``, ``-S`` or ``-r`` it holds a directory, if that is not too large to sort.

    Args:
        context: Whose files, and by what settings.
        flags: Those of ``ls``.
        check: Raises when the listing is not to go on.
        names_only: Whether nothing but names and kinds is rendered.
    """

    def __init__(
        self,
        context: Context,
        flags: frozenset[str],
        check: Callable[[], None],
        *,
        names_only: bool = False,
    ) -> None:
        self._context = context
        self._check = check
        policy = context.settings.files.hidden_names
        self._asked = bool(flags & {"a", "A"})
        self._hides = policy is HiddenNames.NEVER
        self._shows_hidden = policy is HiddenNames.SHOW or (self._asked and not self._hides)
        self._key = _sort_key(flags)
        self._reverse = "r" in flags
        self._names_only = names_only and not flags & {"t", "S"}
        self._sorted_names = context.settings.limits.sorted_names
        self._left = context.settings.limits.listed_directories
        self._cut = False
        self._batches_read = 0

    async def directory(self, path: PurePosixPath, render: Render) -> AsyncGenerator[Found, None]:
        """One directory."""

        def rendered(entries: Sequence[Entry]) -> bytes:
            return render("", self._unasked(entries))

        async for first, data in self._read(path, "", rendered):
            yield Found("", data, first)

    async def tree(self, path: PurePosixPath, render: Render) -> AsyncGenerator[Found, None]:
        """A directory and all below it, as ``ls -R`` goes; links are not followed.

        Raises:
            PermanentError: 550 at the end, if there were more than the settings allow.
        """
        pending = [(path, "")]
        while pending:
            directory, prefix = pending.pop()
            inner: list[str] = []

            def rendered(entries: Sequence[Entry], prefix: str = prefix) -> tuple[bytes, list[str]]:
                shown = self._unasked(entries)
                return render(prefix, shown), [each.name for each in shown if each.is_directory]

            async for first, (data, directories) in self._read(directory, prefix, rendered):
                inner += self._admit(prefix, directories)
                yield Found(prefix, data, first)
            pending += ((directory / name, f"{prefix}{name}/") for name in reversed(inner))
        self._tell_if_cut()

    async def matches(
        self, base: PurePosixPath, pattern: PathPattern, render: Render
    ) -> AsyncGenerator[Found, None]:
        """What a pattern matches; always something. See :meth:`tree`.

        Args:
            base: Where the pattern begins.
            pattern: The pattern.
            render: How what it matches is shown.
        """
        pending = [(base, "", 0)]
        while pending:
            directory, prefix, depth = pending.pop()
            matching = self._matching(pattern, depth)
            if depth + 1 == len(pattern.parts):

                def rendered(
                    entries: Sequence[Entry], prefix: str = prefix, choose: Choice = matching
                ) -> bytes:
                    return render(prefix, choose(entries))

                async for _, data in self._read(directory, prefix, rendered):
                    if data:
                        yield Found(prefix, data)
                continue
            inner: list[str] = []

            def names(entries: Sequence[Entry], choose: Choice = matching) -> list[str]:
                return [each.name for each in choose(entries)]

            async for _, directories in self._read(directory, prefix, names):
                inner += self._admit(prefix, directories)
            pending += (
                (directory / name, f"{prefix}{name}/", depth + 1) for name in reversed(inner)
            )
        self._tell_if_cut()

    def _unasked(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those that are listed unasked."""
        return entries if self._shows_hidden else visible(entries)

    def _matching(self, pattern: PathPattern, depth: int) -> Choice:
        """Those that a part of a pattern means: hidden ones if it begins with a dot, or with -a."""
        part = pattern.parts[depth]
        hidden = not self._hides and (self._asked or part.names_hidden)
        kinds: frozenset[Kind] | None = frozenset({Kind.DIRECTORY, Kind.LINK})
        if depth + 1 == len(pattern.parts):
            kinds = frozenset({Kind.DIRECTORY}) if pattern.directories_only else None

        def wanted(name: str, kind: Kind) -> bool:
            if kinds is not None and kind not in kinds:
                return False
            return (hidden or not name.startswith(".")) and part.matches(name)

        return lambda entries: chosen(entries, wanted)

    async def _read(
        self, path: PurePosixPath, prefix: str, make: Callable[[Sequence[Entry]], T]
    ) -> AsyncIterator[tuple[bool, T]]:
        """What becomes of a directory, and whether it is the first batch of it.

        There is at least one, unless the directory is passed over.
        """
        first = True
        try:
            async for made in self._ordered(path, make):
                yield first, made
                first = False
        except (OSError, FTPError) as error:
            if not (prefix and _is_passed_over(error)):
                raise
            return
        if first:
            yield True, make(())

    async def _ordered(
        self, path: PurePosixPath, make: Callable[[Sequence[Entry]], T]
    ) -> AsyncIterator[T]:
        if self._key is None:
            async for made in self._batches(path, make):
                yield made
            return
        held: list[Entry] = []
        batches = self._batches(path, lambda entries: entries)
        async for batch in batches:
            held += batch
            if len(held) > self._sorted_names:
                break
        else:
            held.sort(key=self._key, reverse=self._reverse)
        for start in range(0, len(held), _PIECE):
            yield make(held[start : start + _PIECE])
        async for batch in batches:
            yield make(batch)

    async def _batches(
        self, path: PurePosixPath, make: Callable[[Sequence[Entry]], T]
    ) -> AsyncIterator[T]:
        batches = self._context.filesystem.scan(path)
        async for made in through(batches, make, names_only=self._names_only):
            self._check()
            yield made
            self._batches_read += 1
            if self._batches_read % _TURN == 0:
                await self._context.control.pause(0)

    def _admit(self, prefix: str, names: Sequence[str]) -> Sequence[str]:
        """As many of the directories as may still be looked into."""
        admitted = names[: self._left] if prefix.count("/") < _DEEPEST else ()
        self._left -= len(admitted)
        self._cut |= len(admitted) < len(names)
        return admitted

    def _tell_if_cut(self) -> None:
        if self._cut:
            raise PermanentError(
                550, "Not all is listed: too many directories, or too deep; list a part of them."
            )


def _is_passed_over(error: OSError | FTPError) -> bool:
    if isinstance(error, FTPError):
        return error.reply.code == 550
    return error.errno in _PASSED_OVER


def _sort_key(flags: frozenset[str]) -> Callable[[Entry], Any] | None:
    """What ``-t``, ``-S`` and a lone ``-r`` sort by; None leaves the filesystem's order."""
    if "t" in flags:
        return lambda entry: (-entry.modified, entry.name)
    if "S" in flags:
        return lambda entry: (-entry.size, entry.name)
    return (lambda entry: entry.name) if "r" in flags else None
