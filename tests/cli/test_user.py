"""``ftptls user`` and ``ftptls group``: what they change, what they show, and what they refuse."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ftptls.cli.terms import documented, fields_of
from ftptls.cred.passwords import verify
from ftptls.store import Group, User, Users
from ftptls.testing.certificates import PKI
from tests.cli.conftest import Command, Result
from tests.cli.terminal import Terminal
from tests.postgresql import Cluster

STORE = "sqlite:users.db"
PROGRAM = [sys.executable, "-m", "ftptls"]


@pytest.fixture(autouse=True)
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store will be; its variable names it."""
    monkeypatch.setenv("FTPTLS_STORE", STORE)
    return folder / "users.db"


@pytest.fixture
def bob(run: Command) -> None:
    """A user with the password ``secret``."""
    done(run("user", "add", "bob", "--password-file", "-", given="secret\n"))


def done(result: Result) -> Result:
    """A command that did what it was to do, without a word of trouble."""
    assert (result.status, result.errors) == (0, "")
    return result


def shown(run: Command, name: str = "bob", *flags: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(done(run("user", "show", name, "--json", *flags)).output)
    return found


def refusal(result: Result) -> str:
    """What a command says that did nothing."""
    assert (result.status, result.output) == (1, "")
    assert result.errors.startswith("ftptls: ")
    assert result.errors.endswith(".\n")
    assert result.errors.count("\n") == 1
    return result.errors[len("ftptls: ") : -1]


# adding


def test_the_first_user_makes_the_store(run: Command, store: Path, bob: None) -> None:
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert shown(run) == {"name": "bob", "enabled": True}
    with Users.open(STORE) as users:
        assert verify(b"secret", users.get("bob").password).ok


ALL = {
    "login": "certificate",
    "home": "/srv/{user}",
    "rights": ["/in/** = list write_new", "read_only"],
    "quota_octets": 1000,
    "quota_files": 10,
    "download_rate": 1,
    "upload_rate": 2,
    "login_protection": "required",
    "data_protection": "optional",
    "networks": ["10.0.0.0/8", "2001:db8::/32"],
    "valid_from": "2030-01-01T00:00:00Z",
    "valid_until": "2031-01-01T00:00:00Z",
    "notes": "50 % of ä",
}


def flags(values: dict[str, object]) -> list[str]:
    """Fields as flags."""
    found = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            found += ["--" + name.replace("_", "-"), str(each)]
    return found


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


def listed(run: Command, *more: str) -> list[dict[str, object]]:
    return [
        json.loads(line) for line in done(run("user", "list", "--json", *more)).output.splitlines()
    ]


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


# certificates


@pytest.fixture
def certificate(folder: Path) -> x509.Certificate:
    """One in ``bob.pem``."""
    pair = PKI().client("bob")
    (folder / "bob.pem").write_bytes(pair.certificate_pem)
    return pair.certificate


def certificates(run: Command) -> object:
    return shown(run).get("certificates", [])


def test_a_certificate_from_a_file(run: Command, bob: None, certificate: x509.Certificate) -> None:
    done(run("user", "cert", "add", "bob", "bob.pem"))
    done(run("user", "cert", "add", "bob", "bob.pem", "--key", "--notes", "laptop"))
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = hashlib.sha256(spki).hexdigest()
    value = certificate.fingerprint(SHA256()).hex()
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    assert certificates(run) == [
        {"value": value, "kind": "certificate", "notes": f"CN=bob, until {until}"},
        {"value": key, "kind": "key", "notes": "laptop"},
    ]
    assert f"certificates  key:{key}  (laptop)\n" in done(run("user", "show", "bob")).output
    done(run("user", "cert", "remove", "bob", "bob.pem"))
    done(run("user", "cert", "remove", "bob", "bob.pem", "--key"))
    assert certificates(run) == []


def test_a_certificate_in_der(run: Command, bob: None, certificate: x509.Certificate) -> None:
    Path("bob.cer").write_bytes(certificate.public_bytes(Encoding.DER))
    done(run("user", "cert", "add", "bob", "bob.cer"))
    done(run("user", "cert", "remove", "bob", "bob.pem"))


def test_a_certificate_in_pkcs12(run: Command, bob: None) -> None:
    done(run("ca", "new", "--name", "x"))
    done(run("cert", "client", "bob"))
    sentence = refusal(run("user", "cert", "add", "bob", "bob.p12"))
    assert sentence == "bob.p12 is encrypted; name a file of the certificate alone."
    assert certificates(run) == []


def test_a_fingerprint_however_it_is_written(run: Command, bob: None) -> None:
    digest = hashlib.sha256(b"x")
    done(run("user", "cert", "add", "bob", digest.digest().hex(":").upper()))
    assert certificates(run) == [{"value": digest.hexdigest(), "kind": "certificate"}]
    done(run("user", "cert", "remove", "bob", digest.hexdigest()))
    done(run("user", "cert", "add", "bob", digest.hexdigest(), "--key"))
    assert certificates(run) == [{"value": digest.hexdigest(), "kind": "key"}]
    done(run("user", "cert", "remove", "bob", f"key:{digest.hexdigest()}"))
    assert certificates(run) == []


@pytest.mark.parametrize(
    "text", ["email:bob@example.com", "uri:spiffe://example.com/bob", "cn:bob", "dn:CN=bob,O=x"]
)
def test_a_field_of_a_certificate(run: Command, bob: None, text: str) -> None:
    done(run("user", "cert", "add", "bob", text))
    kind, _, value = text.partition(":")
    assert certificates(run) == [{"value": value, "kind": kind}]
    done(run("user", "cert", "remove", "bob", text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no.pem", "'no.pem' is no SHA-256 fingerprint: write 64 hexadecimal digits, with or"),
        ("empty.pem", "cannot read empty.pem: it holds no certificate in PEM, DER or PKCS#12."),
        ("shoe:44", "shoe"),
        ("dn:bob", "bob"),
        ("email:", "The email of a certificate cannot be ''"),
    ],
)
def test_what_is_no_certificate(
    run: Command, folder: Path, bob: None, text: str, sentence: str
) -> None:
    (folder / "empty.pem").touch()
    assert sentence in refusal(run("user", "cert", "add", "bob", text))
    assert certificates(run) == []


def test_certificates_of_nobody(run: Command, bob: None, certificate: x509.Certificate) -> None:
    for command in ("add", "remove"):
        sentence = refusal(run("user", "cert", command, "alice", "bob.pem"))
        assert sentence == "There is no user 'alice'."
    sentence = refusal(run("user", "cert", "remove", "bob", "bob.pem"))
    assert sentence == "No such certificate stands for the user 'bob'."


# groups


def test_every_field_of_a_group(run: Command) -> None:
    done(run("group", "add", "staff", *flags(ALL)))
    staff = {"name": "staff", "enabled": True, **ALL}
    assert json.loads(done(run("group", "show", "staff", "--json")).output) == staff
    done(run("group", "edit", "staff", *flags(dict.fromkeys(ALL, "")), "--rename", "all"))
    assert done(run("group", "show", "all")).output == "name     all\nenabled  yes\n"


def test_a_list_of_groups(run: Command) -> None:
    done(run("group", "add", "staff", "--login", "both", "--notes", "at day"))
    done(run("group", "add", "night"))
    done(run("group", "disable", "night"))
    assert done(run("group", "list")).output == (
        "NAME   LOGIN  ENABLED  NOTES\nnight         no\nstaff  both   yes      at day\n"
    )
    named = json.loads(done(run("group", "list", "--json")).output)
    assert [each["name"] for each in named] == ["night", "staff"]
    done(run("group", "enable", "night"))
    assert json.loads(done(run("group", "show", "night", "--json")).output)["enabled"] is True


def test_groups_that_cannot_be_removed(run: Command) -> None:
    done(run("group", "add", "staff"))
    done(run("user", "add", "bob", "--no-password", "--groups", "staff"))
    sentence = "The group 'staff' has members; take them out of it first."
    assert refusal(run("group", "remove", "staff")) == sentence
    done(run("user", "edit", "bob", "--groups", ""))
    done(run("group", "remove", "staff"))
    assert refusal(run("group", "remove", "staff")) == "There is no group 'staff'."


@pytest.mark.parametrize(
    "arguments", [["show", "x"], ["edit", "x", "--home", "/"], ["disable", "x"], ["remove", "x"]]
)
def test_a_group_that_is_none(run: Command, bob: None, arguments: list[str]) -> None:
    assert refusal(run("group", *arguments)) == "There is no group 'x'."


def test_a_group_that_is_there(run: Command) -> None:
    done(run("group", "add", "staff"))
    done(run("group", "add", "night"))
    assert refusal(run("group", "add", "staff")) == "There is a group 'staff' already."
    sentence = refusal(run("group", "edit", "night", "--rename", "staff"))
    assert sentence == "There is a group 'staff' already."


# where the store is


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
