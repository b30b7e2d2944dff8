"""Pathnames: from what a client sends to a clean path, and back to text (RFC 959, RFC 3659 §6)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def resolve(cwd: PurePosixPath, name: str) -> PurePosixPath:
    """The absolute, clean path that a name stands for (TVFS, RFC 3659 §6).

    It is lexical: nothing is looked up. ``..`` at the root stays at the root,
    as in POSIX, and repeated slashes count as one.

    Args:
        cwd: The directory in which a relative name begins.
        name: What the client sent; empty stands for ``cwd``.

    Returns:
        A path that begins with exactly one slash and holds no ``.`` or ``..``.
    """
    whole = name if name.startswith("/") else f"{cwd}/{name}"
    parts: list[str] = []
    for part in whole.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return PurePosixPath("/" + "/".join(parts))


def shown(name: str) -> str:
    """A name that cannot end a line or move a cursor: each control character becomes ``?``."""
    if name.isprintable():
        return name
    return _CONTROLS.sub("?", name)


def encoded(text: str) -> bytes:
    """UTF-8, with octets that are none as they are on the disk."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # lone surrogates, which no disk of octets can hold
        return text.encode("utf-8", "replace")


def quoted(path: PurePosixPath) -> str:
    """The path between double quotes, those inside it doubled, for 257 (RFC 959 Appendix II)."""
    return '"{}"'.format(shown(str(path)).replace('"', '""'))
