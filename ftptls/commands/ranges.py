"""RANG: a part of a file, for the next RETR or HASH (draft-bryan-ftp-range-08)."""

from __future__ import annotations

from ftptls.commands.context import Context
from ftptls.commands.registry import Command, features
from ftptls.settings.rights import Right
from ftptls.wire.ranges import Range, octet_range
from ftptls.wire.replies import Reply
from ftptls.wire.states import SEQUENCES


def take_range(context: Context) -> Range | None:
    """The range that RANG chose, used up by this; ``None`` stands for the whole file."""
    parameters = context.session.parameters
    wanted, parameters.range = parameters.range, None
    return wanted


def _rang(context: Context, wanted: Range | None) -> Reply:
    context.session.parameters.range = wanted
    if wanted is None:
        return Reply(350, "The whole file.")
    return Reply(350, f"Octets {wanted.shown}. {SEQUENCES['RANG'].hint}")


COMMANDS = (
    Command(
        "RANG",
        "draft-bryan-ftp-range §3",
        "RANG <SP> <first> <SP> <last>",
        "Choose the first and the last octet for the next RETR or HASH.",
        octet_range,
        _rang,
        features=features("RANG STREAM"),
        takes=(Right.READ,),
    ),
)
