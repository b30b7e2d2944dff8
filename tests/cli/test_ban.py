"""``ftptls ban``: what is banned, and what is lifted. Servers are in ``tests/interop``."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from ftptls.guard import Ban, Kind
from ftptls.guard.banfile import BanFile
from tests.cli.conftest import Command
from tests.cli.users import done, refusal

SINCE = 1_700_000_000
UNTIL = 4_102_444_800  # 2100
BANS = [
    Ban(Kind.ADDRESS, "192.0.2.1", SINCE, UNTIL, 20),
    Ban(Kind.ADDRESS, "2001:db8::/64", SINCE, UNTIL + 1, 21),
    Ban(Kind.NAME, "al\x1bice", SINCE, UNTIL + 2, 22),
    Ban(Kind.NAME, "gone", SINCE, SINCE + 1, 23),
]


@pytest.fixture
def bans(folder: Path) -> Path:
    """A file of bans, which a setting names."""
    with closing(BanFile("bans", 100)) as file:
        file.exchange(BANS, SINCE)
    (folder / "ftptls.toml").write_text('[guard]\nstate = "bans"\n')
    return folder / "bans"


def left(run: Command) -> list[str]:
    found = json.loads(done(run("ban", "list", "--state", "bans", "--json")).output)
    return [each["what"] for each in found]


@pytest.mark.parametrize("where", [["--state", "bans"], ["--config", "ftptls.toml"]])
def test_the_table(run: Command, bans: Path, where: list[str]) -> None:
    assert done(run("ban", "list", *where)).output == (
        "KIND     WHAT           SINCE                 UNTIL                 FAILURES\n"
        "address  192.0.2.1      2023-11-14 22:13:20Z  2100-01-01 00:00:00Z  20\n"
        "address  2001:db8::/64  2023-11-14 22:13:20Z  2100-01-01 00:00:01Z  21\n"
        "name     al?ice         2023-11-14 22:13:20Z  2100-01-01 00:00:02Z  22\n"
    )


def test_bans_for_scripts(run: Command, bans: Path) -> None:
    first = json.loads(done(run("ban", "list", "--state", "bans", "--json")).output)[0]
    assert first == {
        "kind": "address",
        "what": "192.0.2.1",
        "since": SINCE,
        "until": UNTIL,
        "failures": 20,
    }


@pytest.mark.parametrize(
    ("what", "lifted"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        ("192.0.2.0/24", ["192.0.2.1"]),
        ("2001:db8::1", ["2001:db8::/64"]),
        ("al\x1bice", ["al\x1bice"]),
        ("--all", [ban.what for ban in BANS[:3]]),
    ],
)
def test_what_is_lifted(run: Command, bans: Path, what: str, lifted: list[str]) -> None:
    told = json.loads(done(run("ban", "lift", "--state", "bans", "--json", what)).output)
    assert [each["what"] for each in told] == lifted
    assert left(run) == [ban.what for ban in BANS[:3] if ban.what not in lifted]


def test_what_was_lifted_is_shown(run: Command, bans: Path) -> None:
    titles, row = done(
        run("ban", "lift", "192.0.2.1", "--config", "ftptls.toml")
    ).output.splitlines()
    assert titles.split() == ["KIND", "WHAT", "SINCE", "UNTIL", "FAILURES"]
    assert row.startswith("address  192.0.2.1  ")


def test_nothing_to_lift(run: Command, bans: Path) -> None:
    sentence = "192.0.2.9 is not banned; 'ftptls ban list' tells who is."
    assert refusal(run("ban", "lift", "192.0.2.9", "--state", "bans")) == sentence
    sentence = "an empty text is nobody; --all ends all bans."
    assert refusal(run("ban", "lift", "", "--state", "bans")) == sentence
    done(run("ban", "lift", "--all", "--state", "bans"))
    done(run("ban", "lift", "--all", "--state", "bans"))
    assert left(run) == []


def test_what_does_not_go_together(run: Command, bans: Path) -> None:
    assert run("ban", "lift", "--state", "bans").status == 2
    assert run("ban", "lift", "bob", "--all", "--state", "bans").status == 2


def test_no_file_of_bans(run: Command, folder: Path) -> None:
    sentence = "name the file of bans with --state, or with --config."
    assert refusal(run("ban", "list")) == sentence
    sentence = "cannot use bans: No such file or directory."
    for command in (["list"], ["lift", "--all"]):
        assert refusal(run("ban", *command, "--state", "bans")) == sentence
    assert not (folder / "bans").exists()
    (folder / "bans").write_bytes(b"not a database, and longer than its header is: " * 40)
    assert refusal(run("ban", "list", "--state", "bans")) == "bans: file is not a database."
    (folder / "ftptls.toml").touch()
    sentence = "ftptls.toml names no file of bans; set guard.state to a file."
    assert refusal(run("ban", "list", "--config", "ftptls.toml")) == sentence
    assert refusal(run("ban", "list", "--config", "none.toml")).startswith("Cannot read none.toml")
