"""Show what users and groups have stored, and count it again."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
    from ftptls.vfs.ledger import Ledger

run = run_chosen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``ftptls quota``."""
    add = add_commands(parser)
    listed = add("list", _list, "list what each account has stored")
    recount = add(
        "recount", _recount, "correct the ledger where files were changed past the server"
    )
    for each in (listed, recount):
        add_file(each, "ledger", "quota.ledger", "ledger")
        add_json(each)


def _list(chosen: argparse.Namespace) -> int:
    with _ledger(chosen) as ledger:
        usage = ledger.usage()
    if chosen.json:
        found = usage.items()
        print_json(
            [{"account": name, "octets": it.octets, "files": it.files} for name, it in found]
        )
        return 0
    rows = [(name, str(it.octets), str(it.files)) for name, it in usage.items()]
    print_table(("ACCOUNT", "OCTETS", "FILES"), rows)
    return 0


def _recount(chosen: argparse.Namespace) -> int:
    from ftptls.vfs.quota import size_on_disk

    with _ledger(chosen) as ledger:
        corrected = ledger.recount(size_on_disk)
    if chosen.json:
        print_json({"corrected": corrected})
    else:
        print(f"{corrected} files were not as the ledger had them.")
    return 0


@contextmanager
def _ledger(chosen: argparse.Namespace) -> Iterator[Ledger]:
    from ftptls.vfs.ledger import Ledger

    path = chosen_file(chosen)
    if not os.path.exists(path):
        raise CommandError(f"there is no ledger {path}; the server makes it when it starts.")
    with refusing(), closing(Ledger(path)) as ledger:
        yield ledger
