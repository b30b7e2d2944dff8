"""Feature negotiation: FEAT and OPTS (RFC 2389)."""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.errors import PermanentError
from ftptls.wire.arguments import Option, nothing, option
from ftptls.wire.listings import FACTS, select_facts
from ftptls.wire.replies import Reply


def _feat(context: Context, _argument: None) -> Reply:
    lines = [line for each in context.commands.values() for line in each.features(context)]
    return Reply(211, "End", ("Features:", *lines))


def _opts(context: Context, wanted: Option) -> Reply:
    if wanted.name in ("UTF8", "UTF-8"):
        return _opts_utf8(wanted.value)
    if wanted.name == "MLST":
        facts = select_facts(wanted.value)
        context.session.parameters.facts = facts
        return Reply(200, "MLST OPTS " + "".join(f"{fact};" for fact in FACTS if fact in facts))
    raise PermanentError(501, "Options are known for UTF8 and MLST.")


def _opts_utf8(value: str) -> Reply:
    if value.strip().upper() in ("ON", ""):
        return Reply(200, "Names are in UTF-8.")
    raise PermanentError(504, "Names are always in UTF-8.")


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
        "OPTS <SP> UTF8 ON | MLST [<facts>]",
        "Set an option of another command.",
        option,
        _opts,
        login=False,
        features=features("UTF8"),
    ),
)
