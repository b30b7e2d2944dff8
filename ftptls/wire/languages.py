"""Languages of replies: tags, and what puts a reply into another language (RFC 2640 §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.replies import Reply

Translation = Callable[[Reply], Reply]
"""Gives a reply with other words; what programs read in it has to stay, as the code does."""

_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z]{1,8})*")


def as_it_is(reply: Reply) -> Reply:
    """The translation into English."""
    return reply


ENGLISH: dict[str, Translation] = {"en": as_it_is}
"""The language in which every reply is written."""


def language(text: str) -> str:
    """The argument of LANG: a tag in lower case, or nothing (RFC 2640 §4.2).

    Raises:
        ArgumentError: 501, it is no tag.
    """
    if text and not _TAG.fullmatch(text):
        raise ArgumentError("LANG takes a language tag such as en or fr-CA, or nothing.")
    return text.lower()


def best_match(asked: str, offered: Iterable[str]) -> str:
    """The tag on offer that serves who asked; empty if there is none.

    ``en-AU`` is served by ``en``, and ``en`` by ``en-US``; ``en-AU`` is not by ``en-US``.

    Args:
        asked: A tag in lower case.
        offered: Tags in any case.
    """
    by_lower = {tag.lower(): tag for tag in offered}
    parts = asked.split("-")
    for length in range(len(parts), 0, -1):
        if (found := "-".join(parts[:length])) in by_lower:
            return by_lower[found]
    variants = (tag for lower, tag in by_lower.items() if lower.startswith(f"{asked}-"))
    return next(variants, "")


def translated(reply: Reply, translation: Translation) -> Reply:
    """A reply in another language, whose code is not a matter of language."""
    return replace(translation(reply), code=reply.code)
