"""What tells and what interrupts (RFC 959 §4.1.3): LIST to NOOP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, refused
from ftptls.errors import PermanentError
from ftptls.wire.arguments import (
    ListingRequest,
    anything,
    listing_request,
    nothing,
    optional_path,
)
from ftptls.wire.entries import Entry
from ftptls.wire.listings import list_line, name_line
from ftptls.wire.replies import Reply

# A listing in a reply is held in memory: long ones belong on a data connection.
_MOST_IN_A_REPLY = 1000


async def _list(context: Context, request: ListingRequest) -> Reply:
    target = context.path(request.path)
    entry = await context.filesystem.stat(target)
    return await context.dtp.send_lines(str(target), _list_lines(context, target, entry))


async def _list_lines(
    context: Context, target: PurePosixPath, entry: Entry
) -> AsyncIterator[bytes]:
    now = time.time()
    if not entry.is_directory:
        yield list_line(entry, now)
        return
    async for batch in context.filesystem.scan(target):
        yield b"".join([list_line(each, now) for each in batch])


async def _nlst(context: Context, request: ListingRequest) -> Reply:
    target = context.path(request.path)
    entry = await context.filesystem.stat(target)
    lines = _name_lines(context, target, entry, request.path)
    return await context.dtp.send_lines(str(target), lines)


async def _name_lines(
    context: Context, target: PurePosixPath, entry: Entry, given: str
) -> AsyncIterator[bytes]:
    """Names that RETR takes as they are: with the path that was asked for in front."""
    if not entry.is_directory:
        yield name_line(given)
        return
    prefix = given if not given or given.endswith("/") else f"{given}/"
    async for batch in context.filesystem.scan(target):
        yield b"".join([name_line(prefix + each.name) for each in batch])


def _syst(_context: Context, _argument: None) -> Reply:
    return Reply(215, "UNIX Type: L8")


async def _stat(context: Context, name: str) -> Reply:
    """Of the server, of a path, or of the transfer in progress."""
    if not name:
        return Reply(211, "End of status.", ("Status:", *_status_lines(context)))
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    lines: list[str] = []
    async for data in _list_lines(context, target, entry):
        lines += data.decode("utf-8", "surrogateescape").split("\r\n")[:-1]
        if len(lines) > _MOST_IN_A_REPLY:
            lines[_MOST_IN_A_REPLY:] = ["... and more; LIST tells all."]
            break
    return Reply(212 if entry.is_directory else 213, "End of status.", ("Status:", *lines))


def _status_lines(context: Context) -> list[str]:
    session = context.session
    lines = [
        f"Connected from {session.peers.client}",
        f"Logged in as {session.login.user}" if session.login.user else "Not logged in",
        f"TYPE: {session.parameters.representation.value}, STRUcture: F, "
        f"MODE: {session.parameters.mode.value}",
        f"Control connection: {'TLS' if session.security.secured else 'clear'}, "
        f"PROT {session.security.level.value}",
    ]
    return [*lines, context.dtp.describe() or "No transfer in progress"]


def _help(context: Context, name: str) -> Reply:
    if not name:
        verbs = [each.verb for each in context.commands.values() if each.implemented]
        return _list_verbs("Commands", [verb for verb in verbs if " " not in verb])
    command = context.commands.get(name.strip().upper())
    if command is None:
        raise PermanentError(502, "No such command; HELP lists the known ones.")
    explained = Reply(214, f"Syntax: {command.syntax} - {command.help}")
    family = context.commands.family(command.verb)
    return explained if not family else replace(explained, lines=_explain_family(family))


def _explain_family(family: Sequence[Command]) -> tuple[str, ...]:
    return ("Its commands:", *(f"{each.syntax} - {each.help}" for each in family))


def _list_verbs(title: str, verbs: Sequence[str]) -> Reply:
    starts = range(0, len(verbs), 8)
    rows = [" ".join(f"{verb:<4}" for verb in verbs[at : at + 8]) for at in starts]
    return Reply(214, "End of help.", (f"{title} (HELP and a name tells more):", *rows))


def _noop(_context: Context, _argument: None) -> Reply:
    return Reply(200, "OK.")


async def _abor(context: Context, _argument: None) -> Reply:
    """First the transfer's 426, then this 226 (RFC 959 §4.1.3)."""
    if context.dtp.abort():
        await context.control.transfer_answered()
        return Reply(226, "Transfer aborted.")
    context.dtp.forget_port()
    return Reply(226, "No transfer in progress.")


COMMANDS = (
    Command(
        "LIST",
        "RFC 959 §4.1.3",
        "LIST [<SP> <pathname>]",
        "List a directory, or one file, for people.",
        listing_request,
        _list,
        opens_data=True,
    ),
    Command(
        "NLST",
        "RFC 959 §4.1.3",
        "NLST [<SP> <pathname>]",
        "List the names in a directory.",
        listing_request,
        _nlst,
        opens_data=True,
    ),
    Command(
        "SYST",
        "RFC 959 §4.1.3",
        "SYST",
        "Tell the kind of operating system that listings follow.",
        nothing,
        _syst,
        login=False,
    ),
    Command(
        "STAT",
        "RFC 959 §4.1.3",
        "STAT [<SP> <pathname>]",
        "Tell the state of the session, or list a path over the control connection.",
        optional_path,
        _stat,
        during_transfer=True,
    ),
    Command(
        "HELP",
        "RFC 959 §4.1.3",
        "HELP [<SP> <command>]",
        "List the commands, or explain one.",
        anything,
        _help,
        login=False,
    ),
    Command(
        "NOOP",
        "RFC 959 §4.1.3",
        "NOOP",
        "Do nothing, successfully.",
        anything,
        _noop,
        login=False,
        during_transfer=True,
    ),
    Command(
        "ABOR",
        "RFC 959 §4.1.3",
        "ABOR",
        "Abort the transfer in progress.",
        nothing,
        _abor,
        during_transfer=True,
    ),
    refused("SITE", "RFC 959 §4.1.3", "SITE <SP> <command>", "There are no SITE commands."),
)
