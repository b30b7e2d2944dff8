"""Several pathnames in one argument, quoted where they hold blanks (practice of many servers)."""

from __future__ import annotations

import re

from ftptls.wire.arguments import ArgumentError, path

# A name between quotes, those inside it doubled (RFC 959 Appendix II), or one without blanks.
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^ "]+)')


def first_name(text: str) -> tuple[str, str]:
    """The first name of an argument, and what stands behind it, with its blanks.

    Raises:
        ArgumentError: A quote is missing, or there is no name.
    """
    found = _NAME.match(text)
    if found is None or text[found.end() : found.end() + 1] not in ("", " ", ","):
        raise ArgumentError('Put names with blanks between quotes: "a name"; inside, say "".')
    quoted, bare = found.groups()
    name = bare if quoted is None else quoted.replace('""', '"')
    return path(name), text[found.end() :]


def names(text: str) -> tuple[str, ...]:
    """All the names of an argument, with blanks between them."""
    found = []
    rest = text.strip(" ")
    while rest:
        name, rest = first_name(rest)
        found.append(name)
        if rest.startswith(","):
            raise ArgumentError("Put blanks between names, and no comma.")
        rest = rest.lstrip(" ")
    return tuple(found)


def two_names(text: str) -> tuple[str, str]:
    """Exactly two names (SITE COPY)."""
    match names(text):
        case (source, target):
            return source, target
    raise ArgumentError('This command takes two names: "source" "target".')


def several_names(text: str) -> tuple[str, ...]:
    """Two names or more (COMB)."""
    found = names(text)
    if len(found) < 2:
        raise ArgumentError('This command takes a target and its parts: "target" "part" "part".')
    return found


def one_name(text: str) -> str:
    """One pathname, which may stand between quotes though no standard says so.

    Who really means a name that begins and ends with a quote writes ``./`` before it.
    """
    quoted = len(text) > 2 and text[0] == text[-1] == '"'
    return path(text[1:-1] if quoted else text)
