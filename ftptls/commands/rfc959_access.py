"""Access control commands (RFC 959 §4.1.1) besides the login: where to, and out again."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, refused
from ftptls.errors import PermanentError
from ftptls.wire.arguments import nothing, path
from ftptls.wire.replies import Reply

_GOODBYE = Reply(221, "Goodbye.")


def _rein(context: Context, _argument: None) -> Reply:
    """A transfer in progress is completed first, for REIN does not come in between.

    The reply is still protected; behind it TLS goes down (RFC 4217 §13).
    """
    context.dtp.forget_port()
    context.control.start_anew()
    context.session.reset()
    context.apply_policy()
    return Reply(220, "Ready for a new user; the connection is as it was at first.")


def _quit(context: Context, _argument: None) -> Reply | Awaitable[Reply]:
    answered = context.control.transfer_answered()
    if answered is not None:
        return _quit_behind(context, answered)
    context.control.close_after_reply()
    return _GOODBYE


async def _quit_behind(context: Context, answered: Awaitable[None]) -> Reply:
    await answered
    context.control.close_after_reply()
    return _GOODBYE


async def _cwd(context: Context, name: str) -> Reply:
    target = context.path(name)
    entry = await context.filesystem.stat(target)
    if not entry.is_directory:
        raise PermanentError(550, "Not a directory.")
    if "e" not in entry.perm:
        # That is advisory, and does not know of ACLs; whether a name in it can be looked up is not.
        with suppress(FileNotFoundError):
            await context.filesystem.stat(target / "-")
    context.session.parameters.directory = target
    return Reply(250, "Directory changed.")


async def _cdup(context: Context, _argument: None) -> Reply:
    return await _cwd(context, "..")


COMMANDS = (
    Command(
        "QUIT",
        "RFC 959 §4.1.1",
        "QUIT",
        "End the session, after a transfer in progress.",
        nothing,
        _quit,
        login=False,
        during_transfer=True,
    ),
    Command(
        "CWD",
        "RFC 959 §4.1.1",
        "CWD <SP> <pathname>",
        "Change the working directory.",
        path,
        _cwd,
    ),
    Command("XCWD", "RFC 775", "XCWD <SP> <pathname>", "The same as CWD.", path, _cwd),
    Command("CDUP", "RFC 959 §4.1.1", "CDUP", "Change to the parent directory.", nothing, _cdup),
    Command("XCUP", "RFC 775", "XCUP", "The same as CDUP.", nothing, _cdup),
    refused("SMNT", "RFC 959 §4.1.1", "SMNT <SP> <pathname>", "Nothing can be mounted; use CWD."),
    Command(
        "REIN",
        "RFC 959 §4.1.1, RFC 4217 §13",
        "REIN",
        "Log out and start anew, in clear text unless TLS came first.",
        nothing,
        _rein,
        login=False,
    ),
)
