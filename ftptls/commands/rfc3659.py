"""Extensions to FTP (RFC 3659): SIZE, MDTM, MLST and MLSD."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.commands.rfc959_listing import demand_listable
from ftptls.errors import FTPError, PermanentError
from ftptls.interfaces import IResumable, ISetTimes
from ftptls.settings import HiddenNames
from ftptls.settings.rights import KNOW
from ftptls.vfs.scanning import through
from ftptls.wire.arguments import optional_path, path
from ftptls.wire.attributes import is_timed_path, timed_path
from ftptls.wire.dates import time_value
from ftptls.wire.entries import Entry, Kind, visible
from ftptls.wire.facts import FactLines, facts_line, mlst_feature
from ftptls.wire.replies import Reply
from ftptls.wire.representation import Representation


async def _size(context: Context, name: str) -> Reply:
    """In TYPE A the answer would take a conversion of the whole file (RFC 3659 §4.2).

    Of an upload that broke off, it is how far the client's own one came, so that clients
    find where to go on; the file that it is to replace may be there still.
    """
    if context.session.parameters.representation is Representation.ASCII:
        raise PermanentError(550, "SIZE is told in TYPE I only; send TYPE I first.")
    target = context.path(name)
    arrived = await _arrived(context, target)
    if arrived is not None:
        return Reply(213, str(arrived))
    entry = await context.filesystem.stat(target)
    if not entry.is_file:
        raise PermanentError(550, "Not a regular file.")
    return Reply(213, str(entry.size))


async def _arrived(context: Context, target: PurePosixPath) -> int | None:
    filesystem = context.filesystem
    if not IResumable.providedBy(filesystem):
        return None
    try:
        return await IResumable(filesystem).arrived(target)
    except (OSError, FTPError):
        return None  # what is wrong, the file itself tells


async def _mdtm(context: Context, name: str) -> Reply:
    """Tell a time; or set it, as clients do that know no MFMT.

    A file whose whole name looks like a time and a name comes first (RFC 3659 §3.4).
    No fractions are told: many clients expect fourteen digits and nothing else.
    """
    filesystem = context.filesystem
    try:
        entry = await filesystem.stat(context.path(name))
    except (OSError, FTPError):
        if not (is_timed_path(name) and ISetTimes.providedBy(filesystem)):
            raise
        request = timed_path(name)
        target = context.path(request.path)
        await ISetTimes(filesystem).set_times(target, request.time)
        entry = await filesystem.stat(target)
    if entry.kind is Kind.LINK:
        raise PermanentError(550, "The link leads nowhere.")
    return Reply(213, time_value(entry.modified))


async def _mlst(context: Context, name: str) -> Reply:
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    line = _described(context, entry._replace(name=str(target)))
    return Reply(250, "End", ("Listing", line))


async def _mlsd(context: Context, name: str) -> Reply:
    """Of a path as it is written: patterns are not for MLSx (RFC 3659 §2.2.2)."""
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    if not entry.is_directory:
        raise PermanentError(501, "Not a directory; MLST tells of one file.")
    demand_listable(entry)
    async with aclosing(_lines(context, target, entry)) as lines:
        return await context.dtp.send_lines(str(target), lines)


async def _lines(
    context: Context, target: PurePosixPath, entry: Entry
) -> AsyncGenerator[bytes, None]:
    media_types = _media_types(context.settings.files.media_types)
    lines = FactLines(context.session.parameters.facts, media_types)
    hides = context.settings.files.hidden_names is HiddenNames.NEVER
    headings = [_line(each) for each in await _headings(context, target, entry)]
    if headings:
        yield b"".join(headings)

    def rendered(entries: Sequence[Entry]) -> bytes:
        return lines.render(visible(entries) if hides else entries)

    async for data in through(context.filesystem.scan(target), rendered):
        if data:
            yield data


async def _headings(context: Context, target: PurePosixPath, entry: Entry) -> list[str]:
    """The directory itself and the one around it (RFC 3659 §7.5.1).

    Nobody could tell them from its content by anything but the type. The name of the first
    would begin at the current directory, so that a mere dot is right for that one only;
    another name would be taken for a directory inside by clients that know no such entry.
    """
    if "type" not in context.session.parameters.facts:
        return []
    lines = []
    if target == context.path(""):
        lines.append(_described(context, entry._replace(name="."), "cdir"))
    if target.name:
        try:
            parent = await context.filesystem.stat(target.parent)
        except (OSError, FTPError):
            return lines  # it may not be looked at; nobody asked for it
        lines.append(_described(context, parent._replace(name=".."), "pdir"))
    return lines


def _described(context: Context, entry: Entry, type_name: str | None = None) -> str:
    media_types = _media_types(context.settings.files.media_types)
    return facts_line(entry, context.session.parameters.facts, type_name, media_types)


@lru_cache(maxsize=16)
def _media_types(pairs: tuple[str, ...]) -> Mapping[str, str]:
    """``csv=text/csv`` and the like, by the ends of names in lower case."""
    parted = (pair.partition("=") for pair in pairs)
    return {ending.lower(): media_type for ending, _, media_type in parted}


def _line(text: str) -> bytes:
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


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
        takes=(KNOW,),
    ),
    Command(
        "MDTM",
        "RFC 3659 §3",
        "MDTM [<SP> <time>] <SP> <pathname>",
        "Tell when a file was modified, in UTC; with a time, set it.",
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
