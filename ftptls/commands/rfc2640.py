"""Internationalization (RFC 2640): the language of replies. Names are always in UTF-8."""

from __future__ import annotations

from collections.abc import Iterable

from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.errors import PermanentError
from ftptls.wire.languages import best_match, language
from ftptls.wire.replies import Reply


def _lang(context: Context, asked: str) -> Reply:
    tag = best_match(asked, context.languages) if asked else _default(context)
    if not tag:
        offered = ", ".join(context.languages)
        raise PermanentError(504, f"Replies are not available in that language; use {offered}.")
    context.session.parameters.language = tag
    return Reply(200, f"The language is {tag}.")


def _default(context: Context) -> str:
    return next(iter(context.languages))


def _features(context: Context) -> Iterable[str]:
    chosen = context.session.parameters.language or _default(context)
    tags = (f"{tag.upper()}{'*' if tag == chosen else ''}" for tag in context.languages)
    return (f"LANG {';'.join(tags)}",)


COMMANDS = (
    Command(
        "LANG",
        "RFC 2640 §4",
        "LANG [<SP> <language>]",
        "Choose the language of replies, or the default one.",
        language,
        _lang,
        login=False,
        features=_features,
    ),
)
