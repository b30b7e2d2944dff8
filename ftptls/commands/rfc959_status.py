"""What tells and what interrupts (RFC 959 §4.1.3): SYST to ABOR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.commands.rfc959_listing import stat_path
from ftptls.errors import PermanentError
from ftptls.wire.arguments import (
    ListingRequest,
    anything,
    listing_request,
    nothing,
)
from ftptls.wire.replies import Reply

# What is always the same is made once.
_SYSTEM = Reply(215, "UNIX Type: L8")
_DONE = Reply(200, "OK.")


def _syst(_context: Context, _argument: None) -> Reply:
    return _SYSTEM


async def _stat(context: Context, request: ListingRequest) -> Reply:
    """Of the server, of a path, or of the transfer in progress."""
    if request.flags or request.path:
        return await stat_path(context, request)
    return Reply(211, "End of status.", ("Status:", *_status_lines(context)))


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
    if name:
        return explain(context, name)
    verbs = [each.verb for each in context.commands.values() if each.implemented]
    return list_verbs("Commands", [verb for verb in verbs if " " not in verb])


def explain(context: Context, name: str) -> Reply:
    """Syntax and meaning of a command, and of those that belong to it.

    Raises:
        PermanentError: 502, there is no such command.
    """
    command = context.commands.get(name.strip().upper())
    if command is None:
        raise PermanentError(502, "No such command; HELP lists the known ones.")
    explained = Reply(214, f"Syntax: {command.syntax} - {command.help}")
    members = [f"{each.syntax} - {each.help}" for each in context.commands.family(command.verb)]
    return replace(explained, lines=("Its commands:", *members)) if members else explained


def list_verbs(title: str, verbs: Sequence[str]) -> Reply:
    """Verbs in columns, eight in a line."""
    starts = range(0, len(verbs), 8)
    rows = [" ".join(f"{verb:<4}" for verb in verbs[at : at + 8]) for at in starts]
    return Reply(214, "End of help.", (f"{title} (HELP and a name tells more):", *rows))


def _noop(_context: Context, _argument: None) -> Reply:
    return _DONE


async def _abor(context: Context, _argument: None) -> Reply:
    """First the transfer's 426, then this 226 (RFC 959 §4.1.3)."""
    if context.dtp.abort():
        if (answered := context.control.transfer_answered()) is not None:
            await answered
        return Reply(226, "Transfer aborted.")
    context.dtp.forget_port()
    return Reply(226, "No transfer in progress.")


COMMANDS = (
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
        "STAT [[<SP> <flags of ls>] <SP> <pathname>]",
        "Tell the state of the session, or list a path over the control connection.",
        listing_request,
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
)
