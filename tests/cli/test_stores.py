"""Where the commands find a user store, and what is said where there is none."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.users import done, listed, refusal
from tests.postgresql import Cluster


def test_a_store_by_flag_and_by_configuration(
    run: Command, folder: Path, bob: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FTPTLS_STORE")
    path = folder / "users.db"
    sentence = refusal(run("user", "list"))
    assert sentence == (
        "name the user store with --store, with --config, or in the environment as FTPTLS_STORE."
    )
    config = folder / "ftptls.toml"
    for auth in (f"sqlite:{path}", f"store:sqlite:{path}"):
        config.write_text(f'auth = ["memory:alice:secret", "{auth}"]\n')
        assert "bob" in done(run("user", "list", "--config", "ftptls.toml")).output
    assert "bob" in done(run("user", "list", "--store", str(path))).output
    config.write_text('auth = ["memory:alice:secret"]\n')
    sentence = refusal(run("user", "list", "--config", "ftptls.toml"))
    assert sentence == "no auth string in ftptls.toml names a user store."
    config.write_text("auth = 1\n")
    assert refusal(run("user", "list", "--config", "ftptls.toml")).startswith(
        "ftptls.toml: auth is"
    )
    assert refusal(run("user", "list", "--config", "no.toml")).startswith("Cannot read no.toml: ")


def test_a_store_in_postgresql(run: Command, folder: Path, cluster: Cluster) -> None:
    where = ["--store", cluster.make_database()]
    sentence = refusal(run("user", "list", *where))
    assert sentence.startswith("There are no users in this database yet; add one with")
    done(run("group", "add", "staff", *where))
    done(run("user", "add", "bob", "--no-password", "--groups", "staff", *where))
    (folder / "users.csv").write_text("name,groups\nalice,staff\nbob,\n")
    replaced = done(run("user", "import", "users.csv", "--replace", *where))
    assert replaced.output == "1 added, 1 replaced.\n"
    done(run("user", "edit", "alice", "--rename", "carol", *where))
    found = listed(run, *where)
    assert [(each["name"], each.get("groups")) for each in found] == [
        ("bob", None),
        ("carol", ["staff"]),
    ]


@pytest.mark.parametrize("command", ["list", "show x", "edit x --home /", "remove x", "upgrade"])
def test_no_store_is_made_by_the_way(run: Command, store: Path, command: str) -> None:
    sentence = refusal(run("user", *command.split()))
    assert sentence == f"Cannot open the user store {store}: No such file or directory."
    assert not store.exists()


@pytest.mark.parametrize("command", ["list", "add x --no-password", "upgrade"])
def test_a_file_that_is_no_store(run: Command, store: Path, command: str) -> None:
    store.write_bytes(b"not a database, and longer than the header of one is: " * 40)
    sentence = refusal(run("user", *command.split()))
    assert sentence == "The user store cannot be used now: file is not a database."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://x/y", "A user store is sqlite:/path/to/file or postgresql://user@host/database."),
        ("sqlite:", "Name the file of a SQLite user store, such as sqlite:/srv/users.db."),
        ("postgresql://x@127.0.0.1:1/y", "The user store cannot be used now: connection failed: "),
        ("/nowhere/users.db", "Cannot open the user store /nowhere/users.db: No such file"),
    ],
)
def test_places_without_a_store(run: Command, url: str, sentence: str) -> None:
    assert refusal(run("user", "list", "--store", url)).startswith(sentence)


def test_a_store_of_another_version(run: Command, store: Path, bob: None) -> None:
    done(run("user", "upgrade"))
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
    connection.close()
    for command in ("list", "upgrade"):
        sentence = refusal(run("user", command))
        assert sentence == "The user store was made by a newer ftptls; install that one."


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("sqlalchemy", "user add alice --password-file word"),
        ("sqlalchemy", "user import word"),
        ("sqlalchemy", "user upgrade"),
        ("sqlalchemy", "group list"),
        ("alembic", "user list"),
        ("passlib", "user add alice --password-file word"),
        ("passlib", "user import word"),
    ],
)
def test_what_is_not_installed(folder: Path, bob: None, missing: str, command: str) -> None:
    (folder / "word").write_text('{"name": "alice", "plain_password": "secret"}\n')
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from ftptls.cli import main;"
        f"sys.exit(main({command.split()!r}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("ftptls: To ")
    assert "pip install 'ftptls[" in ended.stderr
    assert ended.stderr.count("\n") == 1
