"""What the documents tell is run, command by command, as it is written.

Only ports change, and the folder: a fresh one, with ``.state``, ``.venv`` and ``public`` as a
checkout has them once ``make serve`` ran. Where a PostgreSQL is named, one is started. A block
of commands is one shell script. What takes ``sudo`` is done where the tests have the rights of
root; elsewhere it is refused, and the rest of the document has nothing to be tried on.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path

import pytest
from twisted.scripts.twistd import ServerOptions

from ftptls import config
from ftptls.cli import state
from ftptls.cli.shape import program
from ftptls.commands import standard_commands
from ftptls.hooks.events import described
from ftptls.settings import EVENT_KINDS
from ftptls.vfs.owners import objection
from tests.bench import field
from tests.conftest import CHECKOUT, Process, Spawn
from tests.interop.server import eventually
from tests.postgresql import Cluster
from tests.unix import reachable_folder

DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.rst"))]
DATABASE = "postgresql://ftptls@db.example/users"
NAMES = {"toml": "ftptls.toml", "python": "embed.py"}

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DIRECTIVE = re.compile(r"^\.\. code-block:: (\w+)\n((?: .*\n|\n)+)", re.MULTILINE)
SERVES = re.compile(r"make serve|twistd -n|embed\.py")


def blocks(path: Path) -> list[tuple[str, str]]:
    """Language and text of every block of code."""
    text = path.read_text()
    if path.suffix == ".md":
        return FENCED.findall(text)
    found = DIRECTIVE.findall(text)
    return [(lang, re.sub(r"^:.*\n", "", textwrap.dedent(body)).strip()) for lang, body in found]


def commands(text: str) -> list[str]:
    """The lines behind a prompt; there are no others."""
    lines = [line for line in text.splitlines() if line]
    assert all(line.startswith("$ ") for line in lines), text
    return [line.removeprefix("$ ") for line in lines]


WITH_COMMANDS = [path for path in DOCUMENTS if any(lang == "console" for lang, _ in blocks(path))]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Reader:
    """Somebody who follows a document to the letter.

    Args:
        folder: Where he works.
        spawn: Starts a server.
        cluster: Starts a PostgreSQL.
    """

    def __init__(self, folder: Path, spawn: Spawn, cluster: Callable[[], Cluster]) -> None:
        self._folder = folder
        self._spawn = spawn
        self._cluster = cluster
        self._ports = {name: str(free_port()) for name in ("2121", "2990", "2200")}
        self._server: Process | None = None
        self._refused = False
        self.outputs: list[str] = []

    def follow(self, language: str, text: str) -> None:
        """Write the block to its file, or run it."""
        if self._refused:
            return
        if language in NAMES:
            (self._folder / NAMES[language]).write_text(self._adapted(text))
        elif language == "console":
            lines = commands(text)
            if any(SERVES.search(line) for line in lines):
                (line,) = lines
                self._serve_as_root(line) if line.startswith("sudo ") else self._serve(line)
            elif lines == ["make test"]:
                dry = ["make", "--dry-run", "test"]
                subprocess.run(dry, cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
            else:
                self.outputs.append(self.run("\n".join(lines)))

    def _adapted(self, text: str) -> str:
        for told, port in self._ports.items():
            text = re.sub(
                rf"(tcp:|FTPTLS_PORT=){told}\b", rf"\g<1>{port}:interface=127.0.0.1", text
            )
            text = re.sub(rf"\b{told}\b", port, text)
        if DATABASE in text:
            text = text.replace(DATABASE, self._database)
        return text.replace("/srv/drop", f"{self._folder}/srv/drop")

    @cached_property
    def _database(self) -> str:
        return self._cluster().make_database()

    def _serve(self, line: str) -> None:
        if self._server:
            self._server.end()
        port = self._ports["2200" if "2200" in line else "2121"]
        if line.startswith("make serve"):
            given = {
                "ROOT": f"{self._folder}/public",
                "STATE": f"{self._folder}/.state",
                "PORT": port,
                "IMPLICIT_PORT": self._ports["2990"],
                "PYTHON": os.environ.get("PYTHON", "python3"),
            }
            settings = " ".join(f"{name}={value}" for name, value in given.items())
            line = line.replace("make serve", f"make -C {CHECKOUT} serve {settings}")
        self._server = self._spawn(
            "bash", "-c", f"exec env {self._adapted(line)}", folder=self._folder
        )
        self._wait_for_greeting(int(port))

    def _serve_as_root(self, line: str) -> None:
        line, why = line.removeprefix("sudo "), objection()
        if not why:
            self._serve(line)
            return
        self._refused = True
        refused = self._spawn("bash", "-c", f"exec env {self._adapted(line)}", folder=self._folder)
        assert refused.wait() == 1
        assert why in refused.output

    def end(self) -> None:
        """Leave nothing running."""
        if self._server:
            self._server.end()

    def _wait_for_greeting(self, port: int) -> None:
        assert self._server
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and self._server.running:
            try:
                with socket.create_connection(("127.0.0.1", port), 30) as client:
                    assert client.recv(100).startswith(b"220 ")
                    return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError(self._server.output)

    def run(self, script: str) -> str:
        """Run it as it would be run in the folder; what it prints."""
        script = re.sub("^sudo ", "", script, flags=re.MULTILINE)
        done = subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", self._adapted(script)],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Reader]:
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
        monkeypatch.delenv(name, raising=False)
    with reachable_folder() as folder:
        for name in ("public", "srv/drop"):
            (folder / name).mkdir(parents=True)
            (folder / name / "welcome.txt").write_text("Welcome.\n")
        state.prepare(folder / ".state")
        (folder / ".venv").symlink_to(Path(sys.prefix))
        (folder / "tac").symlink_to(CHECKOUT / "tac")
        shutil.copy(CHECKOUT / "LICENSE", folder)
        made = Reader(folder, spawn, partial(request.getfixturevalue, "cluster"))
        yield made
        made.end()


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: path.name)
def test_every_command_works(path: Path, reader: Reader) -> None:
    for language, text in blocks(path):
        reader.follow(language, text)


def test_the_session_in_the_readme_prints_what_it_says(reader: Reader) -> None:
    found = blocks(CHECKOUT / "README.md")
    for language, text in found:
        reader.follow(language, text)
    (told,) = (text for language, text in found if language == "text")
    (printed,) = reader.outputs
    shape = re.compile(r"-rw-r--r-- +1 \S+ +\S+ +\d+ \w{3} \d\d \d\d:\d\d (\S+)$")
    expected = [shape.match(line) for line in told.splitlines()]
    actual = [shape.match(line) for line in printed.splitlines()[-len(expected) :]]
    assert {match and match[1] for match in expected} == {"LICENSE", "welcome.txt"}
    assert {match and match[1] for match in actual} == {"LICENSE", "welcome.txt"}


def test_the_tutorial_shows_a_refusal(reader: Reader) -> None:
    for language, text in blocks(CHECKOUT / "docs" / "tutorial.rst"):
        reader.follow(language, text)
    assert "refused\n" in reader.outputs
    assert "Hello.\n" in reader.outputs[1]


def test_a_partner_comes_in_and_is_kept_out(reader: Reader) -> None:
    for language, text in blocks(CHECKOUT / "docs" / "howto" / "partners.rst"):
        reader.follow(language, text)
    told = "".join(reader.outputs).splitlines()
    assert [line for line in told if line.startswith("refused")] == [
        "refused without it",
        "refused as alice",
        "refused with the old key",
        "refused as disabled",
    ]
    assert told.count("LICENSE") == 1  # as lftp lists it, which has stored it there
    assert sum(line.endswith(" LICENSE") for line in told) == 3  # as curl does, afterwards
    bob = "--cacert ca/ca.pem --cert bob.pem --key bob.key --user bob: ftp://localhost:2121/"
    eventually(lambda: "certificate revoked" in reader.run(f"curl --ssl-reqd {bob} 2>&1 || true"))


def test_documents_with_commands_are_found() -> None:
    names = {path.name for path in WITH_COMMANDS}
    assert {"README.md", "tutorial.rst", "twistd.rst", "toml.rst", "embedding.rst"} <= names


def test_embedding_takes_less_than_ten_lines() -> None:
    (program,) = (text for lang, text in blocks(CHECKOUT / "README.md") if lang == "python")
    assert len([line for line in program.splitlines() if line]) < 10


def test_flags_in_the_documents_exist() -> None:
    known = {f"--{option.about.flag}" for option in config.options().values()}
    known |= {"--config", "--help-auth", "--help-auth-type"}
    known |= {flag for each in program().walk() for one in each.flags for flag in one.flags}
    known |= set(re.findall("--[a-z-]+", field.parser().format_help()))
    known |= {f"--{flag.rstrip('=')}" for flag in ServerOptions().longOpt}  # of twistd itself
    for path in DOCUMENTS:
        told = set(re.findall(r"`(--[a-z][a-z-]*)", path.read_text())) - {"--ssl-reqd", "--cacert"}
        assert told <= known, path


def test_settings_in_the_documents_exist() -> None:
    known = {option.name for option in config.options().values()} | {*config.hook_options()}
    for path in DOCUMENTS:
        told = set(re.findall(r"``(\w+) = ", path.read_text()))
        assert told <= known, path


def test_the_reference_has_every_setting_and_command(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "text", "-d", tmp_path / "trees"]
    done = subprocess.run(
        [*build, CHECKOUT / "docs", tmp_path / "text"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    settings = (tmp_path / "text/reference/settings.txt").read_text()
    every = [config.options(), config.rule_options(), config.hook_options()]
    for option in [option for options in every for option in options.values()]:
        assert re.search(rf"^{option.name}$", settings, re.MULTILINE), option.key
    commands_page = (tmp_path / "text/reference/commands.txt").read_text()
    for verb in standard_commands():
        assert re.search(rf'"{verb}\b', commands_page), verb
    events = (tmp_path / "text/reference/events.txt").read_text()
    for name in [*EVENT_KINDS, *described()]:
        assert f'"{name}"' in events, name
    cli = (tmp_path / "text/reference/cli.txt").read_text()
    for command in program().commands:
        for each in command.walk():
            assert f'\n"{" ".join(each.words)}"\n' in cli or each.commands, each.words


def test_links_between_pages_lead_somewhere() -> None:
    for path in CHECKOUT.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            assert (CHECKOUT / target).exists(), f"{path.name}: {target}"
