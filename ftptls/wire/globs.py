"""Patterns for names, as shells have them: ``*``, ``?`` and ``[a-z]`` (RFC 959 leaves them open).

A pattern is compared with all of its positions at once, as bits of one number: each
character of a name costs one step, whatever the pattern. None is explosive.
"""

from __future__ import annotations

from dataclasses import dataclass

from ftptls.wire.arguments import ArgumentError

_LONGEST = 1000
_REMEMBERED = 1000
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class _OneOf:
    """One character out of ranges, or outside of them: ``?``, ``[a-z_]``, ``[!0-9]``."""

    ranges: tuple[tuple[str, str], ...]
    inside: bool

    def accepts(self, character: str) -> bool:
        return self.inside is any(low <= character <= high for low, high in self.ranges)


_ANYTHING = _OneOf((), inside=False)


class Pattern:
    """A pattern for one name, without a slash.

    ``*`` stands for any text, ``?`` for any character, and ``[a-z]`` for one of these,
    with ``!`` or ``^`` behind the bracket for one of the others. A bracket that is never
    closed stands for itself, as everything else does. Case counts.

    Args:
        text: The pattern.
    """

    def __init__(self, text: str) -> None:
        tokens, loops = _parse(text)
        self.names_hidden = text.startswith(".")
        self._tokens = [(1 << at, token) for at, token in enumerate(tokens)]
        self._loops = loops
        self._matched = 1 << len(tokens)
        self._accepting: dict[str, int] = {}

    def matches(self, name: str) -> bool:
        """Whether it is a pattern of the whole name; one step for each character."""
        reached = 1
        for character in name:
            accepting = self._accepting.get(character)
            if accepting is None:
                accepting = self._learn(character)
            reached = (reached & accepting) << 1 | reached & self._loops
            if not reached:
                return False
        return bool(reached & self._matched)

    def _learn(self, character: str) -> int:
        """The positions that accept a character, as bits."""
        if len(self._accepting) >= _REMEMBERED:
            self._accepting.clear()
        bits = 0
        for bit, token in self._tokens:
            if token.accepts(character) if isinstance(token, _OneOf) else token == character:
                bits |= bit
        self._accepting[character] = bits
        return bits


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path with patterns in it.

    Attributes:
        base: What stands before the first pattern, as it was given: empty, or up to
            and with a slash.
        parts: A pattern for each name from there on.
        directories_only: Whether it ends in a slash.
    """

    base: str
    parts: tuple[Pattern, ...]
    directories_only: bool


def path_pattern(text: str) -> PathPattern | None:
    """The pattern that a path is; None if there is nothing of a pattern in it.

    Raises:
        ArgumentError: It is too long, or there is ``..`` behind a pattern.
    """
    names = text.split("/")
    first = next((at for at, name in enumerate(names) if _is_pattern(name)), None)
    if first is None:
        return None
    if len(text) > _LONGEST:
        raise ArgumentError(f"A pattern has at most {_LONGEST} characters.")
    inner = [name for name in names[first:] if name not in ("", ".")]
    if ".." in inner:
        raise ArgumentError("Put no .. behind a pattern.")
    base = "".join(f"{name}/" for name in names[:first])
    return PathPattern(base, tuple(map(Pattern, inner)), names[-1] in ("", "."))


def _is_pattern(name: str) -> bool:
    if not _MAGIC.intersection(name):
        return False
    tokens, loops = _parse(name)
    return bool(loops) or any(isinstance(token, _OneOf) for token in tokens)


def _parse(text: str) -> tuple[list[str | _OneOf], int]:
    """What each character must be, and the positions that a star stands at, as bits."""
    tokens: list[str | _OneOf] = []
    loops = at = 0
    unclosed = False
    while at < len(text):
        sign = text[at]
        at += 1
        if sign == "*":
            loops |= 1 << len(tokens)
        elif sign == "?":
            tokens.append(_ANYTHING)
        elif sign == "[" and not unclosed:
            # The first character of the set may be the bracket that closes others.
            start = at + (text[at : at + 1] in ("!", "^"))
            end = text.find("]", start + 1)
            unclosed = end < 0
            if unclosed:
                tokens.append(sign)
            else:
                tokens.append(_OneOf(_ranges(text[start:end]), inside=start == at))
                at = end + 1
        else:
            tokens.append(sign)
    return tokens, loops


def _ranges(text: str) -> tuple[tuple[str, str], ...]:
    """The ranges between brackets; a hyphen at either end stands for itself."""
    ranges = []
    at = 0
    while at < len(text):
        span = text[at : at + 3]
        if len(span) == 3 and span[1] == "-":
            ranges.append((span[0], span[2]))
            at += 3
        else:
            ranges.append((text[at], text[at]))
            at += 1
    return tuple(ranges)
