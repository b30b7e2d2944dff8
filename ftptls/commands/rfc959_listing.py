"""Listings (RFC 959 §4.1.3): LIST, NLST, and STAT of a path."""

from __future__ import annotations

import errno
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.finding import Finder, Found, Render
from ftptls.commands.registry import Command
from ftptls.errors import PermanentError
from ftptls.settings.zones import seconds_east
from ftptls.wire.arguments import ListingRequest, listing_request
from ftptls.wire.entries import Entry
from ftptls.wire.globs import PathPattern, path_pattern
from ftptls.wire.listings import ListLines, heading_line, name_lines
from ftptls.wire.replies import Reply

# A listing in a reply is held in memory: long ones belong on a data connection.
_MOST_IN_A_REPLY = 1000
# How a path fails that is no name, and may be a pattern.
_NO_SUCH_NAME = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class _Style:
    """How a listing is shown.

    Attributes:
        rendering: How entries are rendered; of what the client put in front of them.
        names_only: Whether that looks at nothing but names and kinds.
        headed: Whether the directories of a tree have headings, which tell where names are;
            else the names tell it themselves.
    """

    rendering: Callable[[str], Render]
    names_only: bool = False
    headed: bool = False


@dataclass(frozen=True, slots=True)
class _Listing:
    """What was asked for.

    Attributes:
        target: It, or where its pattern begins.
        found: What is listed; to be closed in the end, or a directory stays open for a while.
        of_many: Whether it is more than one name.
        root: In a tree: what its headings begin with; empty elsewhere.
    """

    target: PurePosixPath
    found: AsyncGenerator[Found, None]
    of_many: bool = True
    root: str = ""


async def _look_up(
    context: Context, request: ListingRequest, check: Callable[[], None], style: _Style
) -> _Listing:
    """A name that is there counts as a name, also if it could be a pattern."""
    target = context.path(request.path)
    finder = Finder(context, request.flags, check, names_only=style.names_only)
    try:
        entry = await context.filesystem.stat(target)
    except OSError as error:
        pattern = path_pattern(request.path) if error.errno in _NO_SUCH_NAME else None
        if pattern is None:
            raise
        return await _look_for(context, finder, pattern, style.rendering(pattern.base))
    given = request.path or "."
    if "d" in request.flags or not entry.is_directory:
        name = entry.name if given.endswith(entry.name) else given
        render = style.rendering(given.removesuffix(name))
        found = _only(Found("", render("", (entry._replace(name=name),))))
        return _Listing(target, found, of_many=entry.is_directory)
    demand_listable(entry)
    render = style.rendering(request.path if request.path[-1:] in ("", "/") else f"{request.path}/")
    if "R" not in request.flags:
        return _Listing(target, finder.directory(target, render))
    if not style.headed:
        return _Listing(target, finder.tree(target, render))
    return _Listing(target, finder.tree(target, lambda _, each: render("", each)), root=given)


async def _look_for(
    context: Context, finder: Finder, pattern: PathPattern, render: Render
) -> _Listing:
    """What a pattern matches; the first of it is known before the data connection is used.

    Raises:
        PermanentError: 550, nothing. Clients know these words, and no listing is empty for
            two reasons.
    """
    base = context.path(pattern.base)
    matches = finder.matches(base, pattern, render)
    async for first in matches:
        return _Listing(base, _chain(first, matches))
    raise PermanentError(550, "No files found.")


def demand_listable(entry: Entry) -> None:
    """Refuse a directory before the data connection is used, where its ``perm`` fact tells.

    Raises:
        PermanentError: 550, it may not be listed.
    """
    if entry.perm and "l" not in entry.perm:
        raise PermanentError(550, "You may not list this directory.")


async def _only(found: Found) -> AsyncGenerator[Found, None]:
    yield found


async def _chain(first: Found, others: AsyncIterator[Found]) -> AsyncGenerator[Found, None]:
    yield first
    async for found in others:
        yield found


def _for_people(context: Context, flags: frozenset[str]) -> _Style:
    """Lines of LIST; with -1 only the names. They need no lead: people know what they asked."""
    if "1" in flags and "l" not in flags:
        style = _for_programs(flags)
        return replace(style, rendering=lambda _lead: style.rendering(""), headed=True)
    zone = seconds_east(context.settings.files.time_zone)
    lines = ListLines(time.time(), zone, marked="F" in flags)
    return _Style(lambda _: lambda prefix, entries: lines.render(entries, prefix), headed=True)


def _for_programs(flags: frozenset[str]) -> _Style:
    """Lines of NLST: names that RETR takes as they are, unless -F asked for marks."""
    marked = "F" in flags

    def rendering(lead: str) -> Render:
        return lambda prefix, entries: name_lines(entries, lead + prefix, marked=marked)

    return _Style(rendering, names_only=not marked)


async def _lines(listing: _Listing) -> AsyncIterator[bytes]:
    """The listing as it is sent, never an empty piece."""
    gap = b""
    async for found in listing.found:
        data = found.data
        if listing.root and found.first:
            data = gap + heading_line(listing.root, found.prefix) + data
            gap = b"\r\n"
        if data:
            yield data


async def _list(context: Context, request: ListingRequest) -> Reply:
    style = _for_people(context, request.flags)
    listing = await _look_up(context, request, context.dtp.progress.check, style)
    async with aclosing(listing.found):
        return await context.dtp.send_lines(str(listing.target), _lines(listing))


async def _nlst(context: Context, request: ListingRequest) -> Reply:
    """A tree comes without headings, as paths."""
    style = _for_programs(request.flags)
    listing = await _look_up(context, request, context.dtp.progress.check, style)
    async with aclosing(listing.found):
        return await context.dtp.send_lines(str(listing.target), _lines(listing))


async def stat_path(context: Context, request: ListingRequest) -> Reply:
    """STAT of a path: what LIST sends, in the reply, as long as that is not too long."""
    # A transfer in progress is another command's; its abort does not end this one.
    listing = await _look_up(context, request, lambda: None, _for_people(context, request.flags))
    lines: list[str] = []
    async with aclosing(listing.found):
        async for data in _lines(listing):
            lines += data.decode("utf-8", "surrogateescape").split("\r\n")[:-1]
            if len(lines) > _MOST_IN_A_REPLY:
                lines[_MOST_IN_A_REPLY:] = ["... and more; LIST tells all."]
                break
    return Reply(212 if listing.of_many else 213, "End of status.", ("Status:", *lines))


COMMANDS = (
    Command(
        "LIST",
        "RFC 959 §4.1.3",
        "LIST [<SP> <flags of ls>] [<SP> <pathname>]",
        "List a directory, one file, or what matches a pattern, for people.",
        listing_request,
        _list,
        opens_data=True,
    ),
    Command(
        "NLST",
        "RFC 959 §4.1.3",
        "NLST [<SP> <flags of ls>] [<SP> <pathname>]",
        "List the names in a directory, or what matches a pattern.",
        listing_request,
        _nlst,
        opens_data=True,
    ),
)
