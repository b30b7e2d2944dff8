"""What a listing is of: a directory, a tree, or what a pattern matches; within bounds."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ftptls.commands.context import Context
from ftptls.errors import FTPError, PermanentError
from ftptls.settings import HiddenNames
from ftptls.wire.entries import Entry, Kind, chosen, visible
from ftptls.wire.globs import PathPattern, Pattern

_PIECE = 500
# So many batches, and then everybody else has a turn.
_TURN = 8
_DEEPEST = 100
# A directory that goes, or may not be looked into, is no reason to end the listing of others.
_PASSED_OVER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class Found:
    """Some entries of one directory, perhaps none.

    Attributes:
        prefix: What leads there from where the listing begins: names that each end in a
            slash, or nothing.
        entries: The entries.
        first: Whether they are the first ones of their directory.
    """

    prefix: str
    entries: Sequence[Entry]
    first: bool = True


# Of some entries those that are listed.
Choice = Callable[[Sequence[Entry]], Sequence[Entry]]


class Finder:
    """Looks into the directories that one listing is of, and holds one batch at a time.

    With ``-t``, ``-S`` or ``-r`` it holds a directory, if that is not too large to sort.

    Args:
        context: Whose files, and by what settings.
        flags: Those of ``ls``.
        check: Raises when the listing is not to go on.
    """

    def __init__(self, context: Context, flags: frozenset[str], check: Callable[[], None]) -> None:
        self._context = context
        self._check = check
        policy = context.settings.files.hidden_names
        self._asked = bool(flags & {"a", "A"})
        self._hides = policy is HiddenNames.NEVER
        self._shows_hidden = policy is HiddenNames.SHOW or (self._asked and not self._hides)
        self._key = _sort_key(flags)
        self._reverse = "r" in flags
        self._sorted_names = context.settings.limits.sorted_names
        self._left = context.settings.limits.listed_directories
        self._cut = False
        self._batches_read = 0

    async def directory(self, path: PurePosixPath) -> AsyncGenerator[Found, None]:
        """One directory."""
        async for found in self._read(path, "", self._unasked):
            yield found

    async def tree(self, path: PurePosixPath) -> AsyncGenerator[Found, None]:
        """A directory and all below it, as ``ls -R`` goes; links are not followed.

        Raises:
            PermanentError: 550 at the end, if there were more than the settings allow.
        """
        pending = [(path, "")]
        while pending:
            directory, prefix = pending.pop()
            inner: list[str] = []
            async for found in self._read(directory, prefix, self._unasked):
                inner += self._admit(prefix, [e.name for e in found.entries if e.is_directory])
                yield found
            pending += ((directory / name, f"{prefix}{name}/") for name in reversed(inner))
        self._tell_if_cut()

    async def matches(
        self, base: PurePosixPath, pattern: PathPattern
    ) -> AsyncGenerator[Found, None]:
        """What a pattern matches; never an empty batch. See :meth:`tree`.

        Args:
            base: Where the pattern begins.
            pattern: The pattern.
        """
        pending = [(base, "", 0)]
        while pending:
            directory, prefix, depth = pending.pop()
            last = depth + 1 == len(pattern.parts)
            inner: list[str] = []
            kinds: frozenset[Kind] | None = frozenset({Kind.DIRECTORY, Kind.LINK})
            if last:
                kinds = frozenset({Kind.DIRECTORY}) if pattern.directories_only else None
            choose = self._matching(pattern.parts[depth], kinds)
            async for found in self._read(directory, prefix, choose):
                if not last:
                    inner += self._admit(prefix, [e.name for e in found.entries])
                elif found.entries:
                    yield found
            pending += (
                (directory / name, f"{prefix}{name}/", depth + 1) for name in reversed(inner)
            )
        self._tell_if_cut()

    def _unasked(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those that are listed unasked."""
        return entries if self._shows_hidden else visible(entries)

    def _matching(self, part: Pattern, kinds: frozenset[Kind] | None) -> Choice:
        """Those that a pattern means: hidden ones if it begins with a dot, or with -a."""
        hidden = not self._hides and (self._asked or part.names_hidden)

        def wanted(name: str, kind: Kind) -> bool:
            if kinds is not None and kind not in kinds:
                return False
            return (hidden or not name.startswith(".")) and part.matches(name)

        return lambda entries: chosen(entries, wanted)

    async def _read(self, path: PurePosixPath, prefix: str, choose: Choice) -> AsyncIterator[Found]:
        """A directory, batch by batch; at least one, unless it is passed over."""
        first = True
        try:
            async for batch in self._ordered(path):
                yield Found(prefix, choose(batch), first)
                first = False
        except (OSError, FTPError) as error:
            if not (prefix and _is_passed_over(error)):
                raise
            return
        if first:
            yield Found(prefix, ())

    async def _ordered(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        batches = self._batches(path)
        if self._key is not None:
            held: list[Entry] = []
            async for batch in batches:
                held += batch
                if len(held) > self._sorted_names:
                    break
            else:
                held.sort(key=self._key, reverse=self._reverse)
            for start in range(0, len(held), _PIECE):
                yield held[start : start + _PIECE]
        async for batch in batches:
            yield batch

    async def _batches(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        async for batch in self._context.filesystem.scan(path):
            self._check()
            yield batch
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
