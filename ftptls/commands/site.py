"""SITE: what is here and in no standard (RFC 959 §4.1.3); each of its commands is a record."""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command
from ftptls.commands.rfc959_status import explain, list_verbs
from ftptls.errors import PermanentError
from ftptls.wire.arguments import anything, nothing, option, seconds
from ftptls.wire.replies import Reply

# Less than this is no courtesy to anybody.
_SHORTEST_IDLENESS = 30


def _site(_context: Context, _wanted: object) -> Reply:
    raise PermanentError(504, "No such command; SITE HELP lists the known ones.")


def _help(context: Context, name: str) -> Reply:
    if name:
        return explain(context, f"SITE {name}")
    names = [each.verb.split()[1] for each in context.commands.family("SITE")]
    return list_verbs("SITE commands", names)


def _whoami(context: Context, _argument: None) -> Reply:
    return Reply(200, f"You are {context.session.login.user}.")


def _idle(context: Context, wanted: int | None) -> Reply:
    limits = context.settings.limits
    most = max(limits.idle_maximum, limits.idle_timeout)
    if wanted is None:
        present = context.session.parameters.idle_timeout or limits.idle_timeout
        return Reply(200, f"The idle limit is {present:g} seconds; it can be up to {most:g}.")
    if not _SHORTEST_IDLENESS <= wanted <= most:
        raise PermanentError(501, f"SITE IDLE takes {_SHORTEST_IDLENESS} to {most:g} seconds.")
    context.control.allow_idleness(wanted)
    return Reply(200, f"The idle limit is {wanted} seconds.")


COMMANDS = (
    Command(
        "SITE",
        "RFC 959 §4.1.3",
        "SITE <SP> <command> [<SP> <argument>]",
        "Carry out a command of this server; SITE HELP lists them.",
        option,
        _site,
        secret=True,  # elsewhere, SITE takes passwords
    ),
    Command(
        "SITE HELP",
        "practice of many servers",
        "SITE <SP> HELP [<SP> <command>]",
        "List the SITE commands, or explain one.",
        anything,
        _help,
    ),
    Command(
        "SITE WHOAMI",
        "practice of many servers",
        "SITE <SP> WHOAMI",
        "Tell who is logged in.",
        nothing,
        _whoami,
    ),
    Command(
        "SITE IDLE",
        "practice (wu-ftpd)",
        "SITE <SP> IDLE [<SP> <seconds>]",
        "Tell or choose how long the session may be idle.",
        seconds,
        _idle,
    ),
)
