"""Extensions to FTP (RFC 3659): SIZE, MDTM, MLST and MLSD."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.errors import PermanentError
from ftptls.wire.arguments import optional_path, path
from ftptls.wire.entries import Entry, Kind
from ftptls.wire.listings import facts_line, mlst_feature, time_value
from ftptls.wire.replies import Reply
from ftptls.wire.representation import Representation


async def _size(context: Context, name: str) -> Reply:
    """In TYPE A the answer would take a conversion of the whole file (RFC 3659 §4.2)."""
    if context.session.parameters.representation is Representation.ASCII:
        raise PermanentError(550, "SIZE is told in TYPE I only; send TYPE I first.")
    entry = await context.filesystem.stat(context.path(name))
    if not entry.is_file:
        raise PermanentError(550, "Not a regular file.")
    return Reply(213, str(entry.size))


async def _mdtm(context: Context, name: str) -> Reply:
    entry = await context.filesystem.stat(context.path(name))
    if entry.kind is Kind.LINK:
        raise PermanentError(550, "The link leads nowhere.")
    return Reply(213, time_value(entry.modified))


async def _mlst(context: Context, name: str) -> Reply:
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    facts = facts_line(_named(entry, str(target)), context.session.parameters.facts)
    return Reply(250, "End", ("Listing", facts))


async def _mlsd(context: Context, name: str) -> Reply:
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    if not entry.is_directory:
        raise PermanentError(501, "Not a directory; MLST tells of one file.")
    return await context.dtp.send_lines(str(target), _lines(context, target, entry))


async def _lines(context: Context, target: PurePosixPath, entry: Entry) -> AsyncIterator[bytes]:
    facts = context.session.parameters.facts
    yield _line(facts_line(_named(entry, "."), facts, "cdir"))
    async for batch in context.filesystem.scan(target):
        yield b"".join([_line(facts_line(each, facts)) for each in batch])


def _line(text: str) -> bytes:
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


def _named(entry: Entry, name: str) -> Entry:
    return replace(entry, name=name)


def _mlst_features(context: Context) -> Iterable[str]:
    return f"MLST {mlst_feature(context.session.parameters.facts)}", "TVFS"


COMMANDS = (
    Command(
        "SIZE",
        "RFC 3659 §4",
        "SIZE <SP> <pathname>",
        "Tell the size of a file in octets.",
        path,
        _size,
        features=features("SIZE"),
    ),
    Command(
        "MDTM",
        "RFC 3659 §3",
        "MDTM <SP> <pathname>",
        "Tell when a file was modified, in UTC.",
        path,
        _mdtm,
        features=features("MDTM"),
    ),
    Command(
        "MLST",
        "RFC 3659 §7",
        "MLST [<SP> <pathname>]",
        "Tell the facts of one path, over the control connection.",
        optional_path,
        _mlst,
        features=_mlst_features,
    ),
    Command(
        "MLSD",
        "RFC 3659 §7",
        "MLSD [<SP> <pathname>]",
        "List the facts of a directory, for programs.",
        optional_path,
        _mlsd,
        opens_data=True,
    ),
)
