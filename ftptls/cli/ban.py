"""List and lift the bans of those who guessed passwords."""

from __future__ import annotations

import argparse
import datetime
from dataclasses import asdict
from typing import TYPE_CHECKING

from ftptls.cli.common import (
    CommandError,
    add_commands,
    add_file,
    add_json,
    chosen_file,
    print_json,
    print_table,
    refusing,
    run_chosen,
)

if TYPE_CHECKING:
    from ftptls.guard import Ban

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls ban``."""
    add = add_commands(parser)
    listed = add("list", _list, "list the bans that have not ended")
    lift = add("lift", _lift, "end bans; running servers learn of it within a second")
    group = lift.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "what", metavar="ADDRESS|NETWORK|NAME", nargs="?", help="whose; a network lifts all in it"
    )
    group.add_argument("--all", action="store_true", help="end all bans")
    for each in (listed, lift):
        add_file(each, "state", "guard.state", "file of bans")
        add_json(each)


def _list(chosen: argparse.Namespace) -> int:
    from ftptls.guard.banfile import list_bans

    with refusing():
        _tell(list_bans(chosen_file(chosen)), chosen)
    return 0


def _lift(chosen: argparse.Namespace) -> int:
    from ftptls.guard.banfile import lift

    if not (chosen.all or chosen.what):
        raise CommandError("an empty text is nobody; --all ends all bans.")
    with refusing():
        lifted = lift(chosen_file(chosen), chosen.what or "")
    if not lifted and not chosen.all:
        raise CommandError(f"{chosen.what} is not banned; 'ftptls ban list' tells who is.")
    _tell(lifted, chosen)
    return 0


def _tell(bans: list[Ban], chosen: argparse.Namespace) -> None:
    if chosen.json:
        print_json([{**asdict(ban), "kind": ban.kind.value} for ban in bans])
        return
    rows = [
        (ban.kind.value, ban.what, _time(ban.since), _time(ban.until), str(ban.failures))
        for ban in bans
    ]
    print_table(("KIND", "WHAT", "SINCE", "UNTIL", "FAILURES"), rows)


def _time(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}Z"
