"""``ftptls user import``: many users at once, all or nobody, with word of how far it is."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ftptls.cli import user_import
from ftptls.cli.user_import import Progress
from ftptls.cred.passwords import verify
from ftptls.store import Users
from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.cli.users import PROGRAM, STORE, done, listed, refusal
from tests.interop.server import scale

MANY = round(10_000 * scale())  # 100,000 in the long run
HASH = "$6$rounds=5000$saltsalt$" + "x" * 86


def lines(*users: dict[str, object]) -> str:
    return "".join(json.dumps(user) + "\n" for user in users)


def names(run: Command) -> list[object]:
    return [each["name"] for each in listed(run)]


def test_lines_of_json(run: Command, folder: Path) -> None:
    done(run("group", "add", "staff"))
    text = lines(
        {"name": "alice", "plain_password": "secret", "groups": ["staff"], "quota_files": 3},
        {"name": "bob", "certificates": ["key:" + 64 * "0"], "enabled": False},
    )
    (folder / "users.json").write_text(text)
    assert done(run("user", "import", "users.json")).output == "2 added, 0 replaced.\n"
    alice, bob = listed(run)
    assert alice == {"name": "alice", "groups": ["staff"], "quota_files": 3, "enabled": True}
    assert bob["certificates"] == [{"value": 64 * "0", "kind": "key"}]
    with Users.open(STORE) as users:
        assert verify(b"secret", users.get("alice").password).ok


def test_csv_of_a_spreadsheet(run: Command, folder: Path) -> None:
    """A byte order mark, carriage returns, quotes with line feeds in them, and empty cells."""
    text = (
        "\ufeffname,networks,notes,home\r\n"
        'alice,10.0.0.0/8;::1/128,"two\r\nlines",\r\n'
        "bob,,,/srv\r\n"
    )
    (folder / "users.CSV").write_bytes(text.encode())
    assert done(run("user", "import", "users.CSV")).output == "2 added, 0 replaced.\n"
    alice, bob = listed(run)
    assert alice["networks"] == ["10.0.0.0/8", "::1/128"]
    assert alice["notes"] == "two\r\nlines"
    assert bob == {"name": "bob", "home": "/srv", "enabled": True}


def test_what_is_listed_can_be_imported(run: Command, folder: Path) -> None:
    done(run("user", "add", "alice", "--password-file", "-", "--home", "/ä", given="secret\n"))
    done(run("user", "add", "bob", "--no-password", "--valid-until", "2030-01-01T00:00:00Z"))
    before = listed(run, "--hashes")
    (folder / "users.json").write_text(done(run("user", "list", "--json", "--hashes")).output)
    copied = run("user", "import", "users.json", "--store", "sqlite:copy.db")
    assert done(copied).output == "2 added, 0 replaced.\n"
    assert listed(run, "--hashes", "--store", "sqlite:copy.db") == before


@pytest.mark.parametrize(("given", "name"), [("json", '{"name": "bob"}\n'), ("csv", "name\nbob\n")])
@pytest.mark.parametrize("piped", [True, False])
def test_standard_input(run: Command, folder: Path, given: str, name: str, piped: bool) -> None:
    (folder / "file").write_text(name)
    command = [*PROGRAM, "user", "import", "-", "--format", given]
    with (folder / "file").open() as file:
        stdin: object = {"input": name, "text": True} if piped else {"stdin": file}
        ended = subprocess.run(command, capture_output=True, timeout=60, **stdin)
    assert (ended.returncode, ended.stderr) in ((0, ""), (0, b""))
    assert names(run) == ["bob"]


# problems


def test_all_or_nobody(run: Command, folder: Path) -> None:
    (folder / "users.json").write_text(lines({"name": "alice"}, {"name": "bob", "home": "x"}) + "?")
    refused = run("user", "import", "users.json")
    assert (refused.status, refused.output) == (1, "0 added, 0 replaced.\n")
    assert refused.errors == (
        "line 2: The home 'x' is no absolute path; begin it with /.\n"
        "line 3: This is no JSON.\n"
        "Nobody was imported; mend these lines, or add --keep-good.\n"
    )
    assert names(run) == []


def test_who_can_be_imported_is(run: Command, folder: Path) -> None:
    (folder / "users.json").write_text(lines({"name": "alice"}, {"name": "bob", "home": "x"}) + "?")
    told = run("user", "import", "users.json", "--keep-good", "--json")
    assert told.status == 1
    assert json.loads(told.output) == {
        "added": 1,
        "replaced": 0,
        "problems": [
            {"line": 2, "problem": "The home 'x' is no absolute path; begin it with /."},
            {"line": 3, "problem": "This is no JSON."},
        ],
    }
    assert names(run) == ["alice"]


def test_users_who_are_there(run: Command, folder: Path) -> None:
    done(run("user", "add", "bob", "--no-password", "--home", "/old"))
    (folder / "users.json").write_text(lines({"name": "bob", "home": "/new"}, {"name": "carol"}))
    refused = run("user", "import", "users.json")
    assert "line 1: There is a user 'bob' already.\n" in refused.errors
    assert listed(run) == [{"name": "bob", "home": "/old", "enabled": True}]
    replaced = done(run("user", "import", "users.json", "--replace"))
    assert replaced.output == "1 added, 1 replaced.\n"
    assert listed(run)[0]["home"] == "/new"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[]", "This is no JSON object, {...}."),
        ("{}", "There is no name."),
        ('{"name": "bob", "shoes": 44}', "'shoes' is no field; there are certificates, "),
        ('{"name": "bob", "groups": ["x"]}', "There is no group 'x'."),
        ('{"name": "bob", "password": "secret"}', "The stored password would be "),
        ('{"name": "bob", "plain_password": 1}', "plain_password must be text"),
        ('{"name": "b\\u0000b"}', "cannot be a name"),
        ("[" * 100_000, "This is no JSON."),
    ],
)
def test_what_a_line_cannot_say(run: Command, folder: Path, line: str, sentence: str) -> None:
    (folder / "users.json").write_text(lines({"name": "alice"}) + line)
    refused = run("user", "import", "users.json")
    assert refused.status == 1
    assert refused.errors.startswith("line 2: ")
    assert sentence in refused.errors
    assert "secret" not in refused.errors
    assert names(run) == []


@pytest.mark.parametrize(
    "content", [b"\xff\xfen\0a\0", b"\x1f\x8b\x08\0", b"name\n\xffx\n", b"SQLite\0\n"]
)
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_files_of_something_else(run: Command, folder: Path, content: bytes, ending: str) -> None:
    (folder / f"users.{ending}").write_bytes(content * 30)
    refused = run("user", "import", f"users.{ending}")
    assert refused.status in (0, 1)  # names without a line of a user are nobody
    assert refused.output == "0 added, 0 replaced.\n"
    assert refused.errors.isascii()
    assert names(run) == []


def test_many_problems_are_counted(run: Command, folder: Path) -> None:
    (folder / "users.json").write_text("?\n" * 1000)
    told = run("user", "import", "users.json").errors.splitlines()
    assert told[-3:] == [
        "line 20: This is no JSON.",
        "... and 980 more.",
        "Nobody was imported; mend these lines, or add --keep-good.",
    ]


def test_files_that_cannot_be_read(run: Command, folder: Path, store: Path) -> None:
    (folder / "folder").mkdir()
    assert refusal(run("user", "import", "none")) == "cannot use none: No such file or directory."
    assert refusal(run("user", "import", "folder")) == "cannot use folder: Is a directory."
    assert not store.exists()


# progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = [0.0]
    monkeypatch.setattr(user_import.time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_often_and_in_place(clock: Callable[[float], None]) -> None:
    screen = Screen()
    with Progress(screen, 1000) as progress:
        progress.tell(1, 0)
        clock(0.3)
        progress.tell(100, 0)
        progress.tell(101, 0)
        clock(0.3)
        progress.tell(1000, 500)
    assert screen.getvalue() == (
        "\rftptls: line 100 of 1000, 0 stored ...\rftptls: line 1000 of 1000, 500 stored ...\n"
    )


def test_a_log_is_told_seldom_and_line_by_line(clock: Callable[[float], None]) -> None:
    log = io.StringIO()
    with Progress(log) as progress:
        for number in range(1, 24):
            clock(1)
            progress.tell(number, 0)
    assert log.getvalue() == ("ftptls: line 10, 0 stored ...\nftptls: line 20, 0 stored ...\n")


def test_nothing_is_told_of_what_is_quick() -> None:
    screen = Screen()
    with Progress(screen) as progress:
        progress.tell(1, 0)
    assert screen.getvalue() == ""


def test_many_users_at_a_terminal(folder: Path) -> None:
    """Hashes that others made are taken as they are."""
    text = "".join(
        json.dumps({"name": f"user{number}", "password": HASH, "home": "/srv/{user}"}) + "\n"
        for number in range(MANY)
    )
    (folder / "users.json").write_text(text)
    with Terminal([*PROGRAM, "user", "import", "users.json"], folder) as terminal:
        assert terminal.end() == 0
        assert f"{MANY} added, 0 replaced.\r\n" in terminal.shown
    with Users.open(STORE) as users:
        assert users.count() == MANY
        assert users.get(f"user{MANY - 1}").password == HASH


def test_an_import_that_is_stopped_leaves_nobody(folder: Path) -> None:
    (folder / "users.json").write_text(
        "".join(lines({"name": f"user{n}", "plain_password": "x"}) for n in range(100_000))
    )
    with Terminal([*PROGRAM, "user", "import", "users.json"], folder) as terminal:
        terminal.wait_for(r"line \d+ of 100000, 0 stored \.\.\.")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert "Traceback" not in terminal.shown
    with Users.open(STORE) as users:
        assert users.count() == 0
