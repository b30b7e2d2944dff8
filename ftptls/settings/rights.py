"""What a user may do, by path: lines such as ``/in/** = list read``, and named profiles."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import or_
from pathlib import PurePosixPath

from ftptls.wire.globs import Pattern

ROOT = PurePosixPath("/")


class Right(enum.Flag):
    """One thing that may be done with what a path names; several are joined by ``|``."""

    LIST = enum.auto()
    """See which names a directory holds."""
    READ = enum.auto()
    """Read a file, and make checksums and copies of it."""
    WRITE_NEW = enum.auto()
    """Store a file where there is none."""
    OVERWRITE = enum.auto()
    """Store in place of a file that is there, or change octets of it."""
    APPEND = enum.auto()
    """Store behind the end of a file that is there."""
    DELETE = enum.auto()
    """Delete a file or directory."""
    RENAME = enum.auto()
    """Take a file or directory away to another name."""
    MAKE_DIRECTORY = enum.auto()
    """Make a directory."""
    CHANGE_ATTRIBUTES = enum.auto()
    """Set times, permission bits and groups."""

    @property
    def word(self) -> str:
        """As it is written in a line."""
        return (self.name or "").lower()


NOTHING = Right(0)
FULL = reduce(or_, Right)
KNOW = FULL & ~(Right.WRITE_NEW | Right.MAKE_DIRECTORY)
"""Whoever may do one of these with what is there may also know that it is there."""
PROFILES: dict[str, Right] = {
    "nothing": NOTHING,
    "full": FULL,
    "read_only": Right.LIST | Right.READ,
    "upload_only": Right.WRITE_NEW,
    "no_delete": FULL & ~Right.DELETE,
    "no_overwrite": FULL & ~Right.OVERWRITE,
}
"""Several rights by one name."""

_WORDS = {right.word: right for right in Right} | PROFILES
RIGHTS_LINE = 'a path, = and rights, such as "/in/** = list write_new"; or rights alone'
"""What a setting of such lines accepts, in words."""
_ANY = None  # stands for **: any number of names
_DEEPEST = 1 + 255  # the root and its names: to judge a path takes time for each of them
_States = tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A pattern for paths, a token for each name, and what it gives."""

    tokens: tuple[Pattern | None, ...]
    right: Right
    anything: frozenset[int]
    """Which tokens accept every name."""

    @property
    def start(self) -> frozenset[int]:
        """How many tokens may be used up by no name at all, the root's."""
        return self._settled({0})

    def after(self, states: frozenset[int], name: str) -> frozenset[int]:
        """How many may be used up by one name more; all of them is a match."""
        return self._settled({after for at in states for after in self._step(at, name)})

    def _step(self, at: int, name: str) -> Iterator[int]:
        if at == len(self.tokens):
            return
        token = self.tokens[at]
        if token is _ANY:
            yield at
        elif token.matches(name):
            yield at + 1

    def _settled(self, states: set[int]) -> frozenset[int]:
        """With those that are reached because ``**`` may stand for no name."""
        for at in sorted(states):
            while at < len(self.tokens) and self.tokens[at] is _ANY:
                at += 1
                states.add(at)
        return frozenset(states)

    def matches(self, states: frozenset[int]) -> bool:
        """Whether it is for the path itself."""
        return len(self.tokens) in states

    def covers(self, states: frozenset[int]) -> bool:
        """Whether it is for the path and everything below."""
        last = len(self.tokens) - 1
        return last in states and self.tokens[last] is _ANY

    def touches(self, states: frozenset[int]) -> bool:
        """Whether it is for something below the path, perhaps."""
        return any(at < len(self.tokens) for at in states)

    def in_directory(self, states: frozenset[int]) -> tuple[bool, bool]:
        """Whether it is for some name in the directory of this path, and whether for all."""
        whole = len(self.tokens)
        ends = {at for at in states if at < whole and whole in self._settled({at + 1})}
        return bool(ends), any(at in self.anything for at in ends)


@dataclass(frozen=True, init=False)
class Rights:
    """What a user may do, by path; the last line that matches a path counts for it.

    A line is a pattern, ``=``, and the names of rights or profiles::

        Rights(["/** = read_only", "/in/** = upload_only", "/in/*.tmp = nothing"])

    ``*``, ``?`` and ``[a-z]`` stand for parts of one name; ``**`` stands for any number of
    names, also for none: ``/in/**`` is ``/in`` and all below. Without a pattern a line is
    for everything. Lines that are empty, or begin with ``#``, say nothing. A path that no
    line matches gives no right, nor does one of more than 255 names. Case counts.

    Args:
        lines: They.

    Raises:
        ValueError: A line is not accepted; the text says why.
    """

    lines: tuple[str, ...]
    # The last one first, for it counts.
    _parsed: tuple[_Line, ...] = field(repr=False, compare=False)

    def __init__(self, lines: Iterable[str]) -> None:
        kept = tuple(line for text in lines if (line := text.strip()) and line[0] != "#")
        object.__setattr__(self, "lines", kept)
        object.__setattr__(self, "_parsed", tuple(map(_parse, reversed(kept))))

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def at(self, path: PurePosixPath) -> Right:
        """What may be done with a path."""
        if path == ROOT:
            return self._matched(_states(self, path))
        if len(path.parts) > _DEEPEST:
            return NOTHING
        return self._matched(self._after(_states(self, path.parent), path.name))

    def along(self, path: PurePosixPath) -> Iterator[Right]:
        """The same for everything on the way from the root to a path, and for the path."""
        states = _states(self, ROOT)
        yield self._matched(states)
        for name in path.parts[1:_DEEPEST]:
            states = self._after(states, name)
            yield self._matched(states)
        if len(path.parts) > _DEEPEST:
            yield NOTHING

    def _after(self, states: _States, name: str) -> _States:
        return tuple(line.after(at, name) for line, at in zip(self._parsed, states, strict=True))

    def _matched(self, states: _States) -> Right:
        for line, at in zip(self._parsed, states, strict=True):
            if line.matches(at):
                return line.right
        return NOTHING

    def throughout(self, path: PurePosixPath) -> Right | None:
        """What may be done with a path and everything below; ``None`` where that differs."""
        for line, states in self._at(path):
            if line.covers(states):
                return line.right
            if line.matches(states) or line.touches(states):
                return None
        return NOTHING

    def somewhere(self, path: PurePosixPath) -> Right:
        """What may be done at a path, or at least somewhere below."""
        found = NOTHING
        for line, states in self._at(path):
            if line.matches(states) or line.touches(states):
                found |= line.right
            if line.covers(states):
                break
        return found

    def inside(self, path: PurePosixPath) -> Right:
        """What may be done with at least some of the names in a directory."""
        found = NOTHING
        for line, states in self._at(path):
            some, every = line.in_directory(states)
            found |= line.right if some else NOTHING
            if every:
                break
        return found

    def _at(self, path: PurePosixPath) -> Iterator[tuple[_Line, frozenset[int]]]:
        if len(path.parts) > _DEEPEST:
            return iter(())
        return zip(self._parsed, _states(self, path), strict=True)


@lru_cache(maxsize=1000)
def _states(rights: Rights, path: PurePosixPath) -> _States:
    """How far each line is at a path; of a directory, every name in it will ask."""
    states = tuple(line.start for line in rights._parsed)
    for name in path.parts[1:]:
        states = rights._after(states, name)
    return states


def is_rights_line(text: str) -> bool:
    """Whether it is a line that :class:`Rights` accepts."""
    try:
        Rights([text])
    except ValueError:
        return False
    return True


def _parse(text: str) -> _Line:
    pattern, equals, words = text.rpartition("=")
    right = reduce(or_, map(_right, words.replace(",", " ").split()), NOTHING)
    pattern = pattern.strip()
    if not words.split():
        raise ValueError(f"{text!r} names no right; 'nothing' says that there is none")
    if not equals:
        pattern = "/**"
    names = pattern.split("/")[1:]
    if not pattern.startswith("/") or {".", ".."} & set(names):
        raise ValueError(f"{text!r} must begin with a path such as /in/**, without . and ..")
    names = [name for name in names if name]
    tokens = tuple(_ANY if name == "**" else Pattern(name) for name in names)
    return _Line(
        tokens, right, frozenset(at for at, name in enumerate(names) if set(name) == {"*"})
    )


def _right(word: str) -> Right:
    if word not in _WORDS:
        raise ValueError(f"{word!r} is no right; there are {', '.join(_WORDS)}")
    return _WORDS[word]


READ_ONLY = Rights(["read_only"])
