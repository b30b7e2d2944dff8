"""``ftptls quota``: what is stored, for people and for scripts, and counted again."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from ftptls.vfs.book import Account
from ftptls.vfs.ledger import Ledger
from tests.cli.conftest import Command
from tests.cli.users import done, refusal

STAFF = Account("group:staff")


@pytest.fixture
def ledger(folder: Path) -> Path:
    """A ledger, which a setting names, of two files that are there."""
    with closing(Ledger("ledger")) as made:
        for name, size in (("alice", 10), ("b\x1bob", 3000)):
            path = folder / name
            path.write_bytes(bytes(size))
            made.strike(made.charge(os.fsencode(path), size, [Account(f"user:{name}"), STAFF]))
    (folder / "ftptls.toml").write_text('[quota]\nledger = "ledger"\n')
    return folder / "ledger"


@pytest.mark.parametrize("where", [["--ledger", "ledger"], ["--config", "ftptls.toml"]])
def test_the_table(run: Command, ledger: Path, where: list[str]) -> None:
    assert done(run("quota", "list", *where)).output == (
        "ACCOUNT      OCTETS  FILES\n"
        "group:staff  3010    2\n"
        "user:alice   10      1\n"
        "user:b?ob    3000    1\n"
    )


def test_for_scripts(run: Command, ledger: Path) -> None:
    found = json.loads(done(run("quota", "list", "--ledger", "ledger", "--json")).output)
    assert found[1] == {"account": "user:alice", "octets": 10, "files": 1}


def test_what_was_changed_past_the_server_is_counted_again(run: Command, ledger: Path) -> None:
    (ledger.parent / "alice").unlink()
    (ledger.parent / "b\x1bob").write_bytes(bytes(5))
    told = done(run("quota", "recount", "--ledger", "ledger")).output
    assert told == "2 files were not as the ledger had them.\n"
    found = json.loads(done(run("quota", "list", "--ledger", "ledger", "--json")).output)
    assert [each["octets"] for each in found] == [5, 0, 5]
    again = done(run("quota", "recount", "--ledger", "ledger", "--json")).output
    assert json.loads(again) == {"corrected": 0}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "name the ledger with --ledger, or with --config."),
        (["--ledger", "none"], "there is no ledger none; the server makes it when it starts."),
        (["--ledger", "alice"], "alice: file is not a database"),
        (["--config", "empty.toml"], "empty.toml names no ledger; set quota.ledger to a file."),
    ],
)
def test_what_it_cannot(run: Command, ledger: Path, arguments: list[str], why: str) -> None:
    (ledger.parent / "alice").write_text("no database, and long enough to be none" * 100)
    (ledger.parent / "empty.toml").touch()
    assert why in refusal(run("quota", "list", *arguments))
