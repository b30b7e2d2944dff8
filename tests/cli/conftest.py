"""The ``ftptls`` command, called in this process, in a folder of its own."""

from __future__ import annotations

import getpass
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftptls.cli import main


@dataclass(frozen=True)
class Result:
    """What a command did: its status, and all that it printed."""

    status: int
    output: str
    errors: str


Command = Callable[..., Result]


class Input(io.StringIO):
    """Standard input, which may be that of a terminal."""

    def __init__(self, text: str, terminal: bool) -> None:
        super().__init__(text)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Call the command.

    ``given`` is on standard input; ``answers`` are typed at a terminal, where there is one.
    """

    def call(*arguments: str, given: str = "", answers: list[str] | None = None) -> Result:
        monkeypatch.setattr(sys, "stdin", Input(given, terminal=answers is not None))
        left = iter(answers or ())
        monkeypatch.setattr(getpass, "getpass", lambda prompt: next(left))
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        assert next(left, None) is None, "not every answer was asked for"
        return Result(status, printed.out, printed.err)

    return call


@pytest.fixture(autouse=True)
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store will be; its variable names it."""
    monkeypatch.setenv("FTPTLS_STORE", "sqlite:users.db")
    return folder / "users.db"


@pytest.fixture
def bob(run: Command) -> None:
    """A user with the password ``secret``."""
    added = run("user", "add", "bob", "--password-file", "-", given="secret\n")
    assert (added.status, added.errors) == (0, "")
