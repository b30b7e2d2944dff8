"""Feature negotiation: FEAT and OPTS (RFC 2389)."""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.errors import PermanentError
from ftptls.wire.arguments import Option, anything, nothing, option
from ftptls.wire.facts import FACTS, select_facts
from ftptls.wire.replies import Reply


def _feat(context: Context, _argument: None) -> Reply:
    lines = [line for each in context.commands.values() for line in each.told(context)]
    return Reply(211, "End", ("Features:", *lines))


def _opts(context: Context, _wanted: Option) -> Reply:
    names = ", ".join(each.verb.split()[1] for each in context.commands.family("OPTS"))
    raise PermanentError(501, f"Options are known for {names}.")


def _opts_utf8(_context: Context, value: str) -> Reply:
    """Clients of the draft before RFC 2640 ask for it; here it is never off."""
    if value.strip().upper() in ("ON", ""):
        return Reply(200, "Names are in UTF-8.")
    raise PermanentError(504, "Names are always in UTF-8.")


def _opts_mlst(context: Context, value: str) -> Reply:
    facts = select_facts(value)
    context.session.parameters.facts = facts
    return Reply(200, "MLST OPTS " + "".join(f"{fact};" for fact in FACTS if fact in facts))


COMMANDS = (
    Command(
        "FEAT",
        "RFC 2389 §3",
        "FEAT",
        "List the extensions to RFC 959.",
        nothing,
        _feat,
        login=False,
    ),
    Command(
        "OPTS",
        "RFC 2389 §4",
        "OPTS <SP> <command> [<SP> <option>]",
        "Set an option of another command.",
        option,
        _opts,
        login=False,
    ),
    Command(
        "OPTS UTF8",
        "draft-ietf-ftpext-utf-8-option",
        "OPTS <SP> UTF8 [<SP> ON]",
        "Confirm that names are in UTF-8.",
        anything,
        _opts_utf8,
        login=False,
        features=features("UTF8"),
    ),
    Command(
        "OPTS UTF-8",
        "practice of some clients",
        "OPTS <SP> UTF-8 [<SP> ON]",
        "The same as OPTS UTF8.",
        anything,
        _opts_utf8,
        login=False,
    ),
    Command(
        "OPTS MLST",
        "RFC 3659 §7.9",
        "OPTS <SP> MLST [<SP> <facts>]",
        "Choose the facts that MLST and MLSD tell.",
        anything,
        _opts_mlst,
        login=False,
    ),
)
