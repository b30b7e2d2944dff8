"""``ftptls user``: what it changes, what it shows, and what it refuses."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ftptls.cli.terms import documented, fields_of
from ftptls.cred.passwords import verify
from ftptls.store import Group, User, Users
from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.cli.users import ALL, PROGRAM, STORE, done, flags, listed, refusal, shown

# adding


def test_the_first_user_makes_the_store(run: Command, store: Path, bob: None) -> None:
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert shown(run) == {"name": "bob", "enabled": True}
    with Users.open(STORE) as users:
        assert verify(b"secret", users.get("bob").password).ok


def test_every_field_has_a_flag(run: Command) -> None:
    for name in ("staff", "night"):
        done(run("group", "add", name))
    said = {**ALL, "groups": ["staff", "night"]}
    done(run("user", "add", "bob", "--no-password", *flags(said)))
    assert shown(run) == {"name": "bob", "enabled": True, **said}
    unflagged = {each.name for each in fields(User)} - set(said)
    assert unflagged == {"name", "enabled", "password", "certificates"}
    assert {each.name for each in fields_of(User)} == set(said)


def test_every_field_is_unsaid_by_an_empty_text(run: Command) -> None:
    done(run("group", "add", "staff"))
    said = {**ALL, "groups": ["staff"]}
    done(run("user", "add", "bob", "--no-password", *flags(said)))
    done(run("user", "edit", "bob", *flags(dict.fromkeys(said, ""))))
    assert shown(run) == {"name": "bob", "enabled": True}


@pytest.mark.parametrize("kind", [User, Group])
def test_every_flag_has_words_of_its_own(kind: type[User | Group]) -> None:
    told = [each.about for each in fields_of(kind)]
    assert all(told)
    assert not any(mark in text for text in told for mark in (":mod:", "`"))
    assert {"password", "certificates", "groups"} <= documented(User).keys()


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--home", "x", "The home 'x' is no absolute path; begin it with /."),
        ("--groups", "x", "There is no group 'x'."),
        (
            "--quota-octets",
            "1k",
            "--quota-octets: quota_octets is '1k'; it must be a whole number.",
        ),
        ("--quota-files", "-1", "quota_files is -1; it must be a whole number of at least 0."),
        ("--networks", "10.1.0.0/8", "'10.1.0.0/8' is no network; write one such as 10.0.0.0/8"),
        ("--valid-from", "2030-01-01", "it must be a time with its zone, such as"),
        ("--valid-until", "soon", "it must be a time with its zone, such as 2030-01-31T12:00:00Z."),
        ("--rights", "fly", "The rights cannot be used: "),
    ],
)
@pytest.mark.parametrize("command", ["add", "edit"])
def test_fields_that_cannot_be_kept(
    run: Command, bob: None, command: str, flag: str, value: str, sentence: str
) -> None:
    name = {"add": "alice", "edit": "bob"}[command]
    # A password is asked for behind all that, and nobody could answer.
    assert sentence in refusal(run("user", command, name, f"{flag}={value}"))
    assert [each["name"] for each in listed(run)] == ["bob"]
    assert shown(run) == {"name": "bob", "enabled": True}


def test_a_word_that_is_no_login_mode(run: Command) -> None:
    refused = run("user", "add", "bob", "--login", "retina")
    assert refused.status == 2
    assert refused.errors.startswith("ftptls user add: argument --login: invalid choice: 'retina'")


@pytest.mark.parametrize("name", ["", " bob", "a\0b", "a\nb", "x" * 256, "\udcff"])
def test_names_that_can_be_nobodys(run: Command, name: str) -> None:
    assert "cannot be a name" in refusal(run("user", "add", name, "--no-password")) or not name


def test_a_name_that_somebody_has(run: Command, bob: None) -> None:
    assert refusal(run("user", "add", "bob")) == "There is a user 'bob' already."


# passwords


def test_a_password_is_typed_twice(run: Command) -> None:
    done(run("user", "add", "bob", answers=["secret", "secret"]))
    done(run("user", "passwd", "bob", answers=["other", "other"]))
    with Users.open(STORE) as users:
        assert verify(b"other", users.get("bob").password).ok


def test_two_passwords_that_differ(run: Command, bob: None) -> None:
    sentence = "the two differ; nothing was done."
    assert refusal(run("user", "passwd", "bob", answers=["one", "two"])) == sentence
    assert refusal(run("user", "add", "alice", answers=["one", "two"])) == sentence
    with Users.open(STORE) as users:
        assert verify(b"secret", users.get("bob").password).ok
        assert users.find("alice") is None


def test_a_password_is_taken_away(run: Command, bob: None) -> None:
    done(run("user", "passwd", "bob", "--no-password"))
    assert "password  none" in done(run("user", "show", "bob")).output
    assert run("user", "passwd", "bob", "--no-password", "--password-file", "-").status == 2


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"x" * 1025])
def test_what_can_be_no_password(run: Command, folder: Path, bob: None, content: bytes) -> None:
    (folder / "word").write_bytes(content)
    refusal(run("user", "passwd", "bob", "--password-file", "word"))
    refusal(run("user", "add", "alice", "--password-file", "word"))
    with Users.open(STORE) as users:
        assert verify(b"secret", users.get("bob").password).ok


def test_nobody_is_asked_for_the_password_of_nobody(run: Command, bob: None) -> None:
    assert refusal(run("user", "passwd", "alice", answers=[])) == "There is no user 'alice'."


def test_a_prompt_shows_nothing(folder: Path) -> None:
    """A real terminal, at which somebody types."""
    with Terminal([*PROGRAM, "user", "add", "bob"], folder) as terminal:
        terminal.wait_for("New password of bob: ")
        terminal.type("open sesame\n")
        terminal.wait_for("New password of bob, again: ")
        before = terminal.shown
        terminal.type("open sesame\n")
        assert terminal.end() == 0
        assert "sesame" not in before + terminal.shown
        assert "open" not in before + terminal.shown
    with Users.open(f"sqlite:{folder}/users.db") as users:
        assert verify(b"open sesame", users.get("bob").password).ok


def test_standard_input_at_a_terminal_shows_nothing(folder: Path) -> None:
    with Terminal([*PROGRAM, "user", "add", "bob", "--password-file", "-"], folder) as terminal:
        terminal.wait_for("Standard input: ")
        terminal.type("sesame\n")
        assert terminal.end() == 0
        assert "sesame" not in terminal.shown
    with Users.open(f"sqlite:{folder}/users.db") as users:
        assert verify(b"sesame", users.get("bob").password).ok


@pytest.mark.parametrize(("keys", "status"), [("\x03", 130), ("\x04", 1)])
def test_a_prompt_is_left(folder: Path, keys: str, status: int) -> None:
    with Terminal([*PROGRAM, "user", "add", "bob"], folder) as terminal:
        terminal.wait_for("New password of bob: ")
        terminal.type(keys)
        assert terminal.end() == status
        assert "Traceback" not in terminal.shown
    with Users.open(f"sqlite:{folder}/users.db") as users:
        assert users.count() == 0


# editing and removing


def test_another_name(run: Command, bob: None) -> None:
    done(run("user", "edit", "bob", "--rename", "robert", "--home", "/srv/bob"))
    assert shown(run, "robert") == {"name": "robert", "home": "/srv/bob", "enabled": True}
    assert refusal(run("user", "show", "bob")) == "There is no user 'bob'."
    assert "cannot be a name" in refusal(run("user", "edit", "robert", "--rename", "a/../b\n"))


def test_nothing_to_change(run: Command, bob: None) -> None:
    sentence = "There is nothing to change; --help lists the flags of all fields."
    assert refusal(run("user", "edit", "bob")) == sentence


def test_several_are_barred_and_let_in_again(run: Command, bob: None) -> None:
    done(run("user", "add", "alice", "--no-password"))
    done(run("user", "disable", "bob", "alice"))
    assert [each["enabled"] for each in listed(run)] == [False, False]
    done(run("user", "enable", "bob"))
    assert [each["enabled"] for each in listed(run)] == [False, True]


@pytest.mark.parametrize("command", ["remove", "disable"])
def test_nothing_is_done_where_one_is_nobody(run: Command, bob: None, command: str) -> None:
    before = listed(run)
    assert refusal(run("user", command, "bob", "alice")) == "There is no user 'alice'."
    assert listed(run) == before


def test_several_are_removed(run: Command, bob: None) -> None:
    done(run("user", "add", "alice", "--no-password"))
    done(run("user", "remove", "bob", "alice", "bob"))
    assert listed(run) == []


# showing


def test_the_table(run: Command, bob: None) -> None:
    done(run("group", "add", "staff"))
    done(run("user", "add", "alice", "--no-password", "--groups", "staff", "--login", "either"))
    done(run("user", "disable", "alice"))
    assert done(run("user", "list")).output == (
        "NAME   LOGIN   PASSWORD  CERTIFICATES  ENABLED  GROUPS  HOME\n"
        "alice  either  none      0             no       staff\n"
        "bob            set       0             yes\n"
    )


def test_hashes_are_told_when_they_are_asked_for(run: Command, bob: None) -> None:
    assert "$argon2" not in "".join(
        done(run("user", *words)).output
        for words in (["show", "bob"], ["show", "bob", "--json"], ["list"], ["list", "--json"])
    )
    assert str(shown(run, "bob", "--hashes")["password"]).startswith("$argon2id$")
    assert str(listed(run, "--hashes")[0]["password"]).startswith("$argon2id$")


def test_a_user_in_words(run: Command, bob: None) -> None:
    done(run("user", "edit", "bob", "--networks", "10.0.0.0/8", "--networks", "::1/128"))
    assert done(run("user", "show", "bob")).output == (
        "name      bob\nnetworks  10.0.0.0/8; ::1/128\nenabled   yes\npassword  set\n"
    )


def test_what_groups_say(run: Command, bob: None) -> None:
    done(run("group", "add", "staff", "--home", "/srv/staff", "--login", "both"))
    done(run("user", "edit", "bob", "--groups", "staff", "--login", "either"))
    assert "home" not in shown(run)
    effective = shown(run, "bob", "--effective")
    assert (effective["home"], effective["login"]) == ("/srv/staff", "either")
    done(run("group", "disable", "staff"))
    assert shown(run)["enabled"] is True
    assert shown(run, "bob", "--effective")["enabled"] is False


def test_notes_cannot_play_with_a_terminal(run: Command, bob: None) -> None:
    done(run("user", "edit", "bob", "--notes", "\x1b[2J\u202e"))
    assert "notes     ?[2J?\n" in done(run("user", "show", "bob")).output


def test_names_that_a_terminal_cannot_show(run: Command) -> None:
    done(run("user", "add", "böb", "--no-password", "--notes", "ä€"))
    for coding, name in (("ascii", b"b\\xf6b"), ("latin-1", b"b\xf6b"), ("utf-8", "böb".encode())):
        ended = subprocess.run(
            [*PROGRAM, "user", "show", "böb"],
            capture_output=True,
            timeout=60,
            env={**os.environ, "PYTHONIOENCODING": coding},
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert name in ended.stdout


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    lines = "".join(json.dumps({"name": f"user{number}"}) + "\n" for number in range(3000))
    command = f"{sys.executable} -m ftptls user"
    subprocess.run(
        [*PROGRAM, "user", "import", "-"], input=lines, text=True, check=True, cwd=folder
    )
    ended = subprocess.run(
        ["bash", "-c", f"{command} list --json | head -n 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.count("\n") == 1
