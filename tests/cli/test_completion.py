"""``ftptls completion``: real shells at a terminal, and the Tab key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ftptls.cli.shape import Command as Shape
from ftptls.cli.shape import program
from tests.cli.conftest import Command
from tests.cli.terminal import Terminal

# "ftptls" tells how it was called.
_TELL = "ftptls() { printf '{%s}' \"$@\"; echo .; }"
_FISH_TELL = "function ftptls; printf '{%s}' $argv; echo .; end"
# How each shell is started, and what it runs first.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"{_TELL}; . ./_ftptls"),
    "zsh": (
        ["zsh", "-f", "-i"],
        f"{_TELL}; autoload -U compinit; compinit -D; . ./_ftptls",
    ),
    "zsh, by itself": (
        ["zsh", "-f", "-i"],
        f"{_TELL}; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D",
    ),
    "fish": (["fish", "--no-config", "-i"], f"{_FISH_TELL}; . ./_ftptls"),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, run: Command, folder: Path) -> Iterator[Terminal]:
    """A shell that has the script."""
    made = run("completion", request.param.partition(",")[0])
    assert (made.status, made.errors) == (0, "")
    (folder / "_ftptls").write_text(made.output)
    (folder / "partner.pem").touch()
    (folder / "a folder").mkdir()
    command, prelude = SHELLS[request.param]
    with Terminal(command, folder, TERM="xterm", PS1="> ", LC_ALL="C.UTF-8") as terminal:
        terminal.type(f"{prelude}\nexport PATH=/nowhere\necho rea''dy\n")
        terminal.wait_for(r"ready")
        yield terminal
        terminal.type("\nexit\n")
        assert terminal.end() == 0


def called(shell: Terminal, keys: str) -> list[str]:
    """How ``ftptls`` is called when somebody types this."""
    shell.type(f"ftptls {keys}\n")
    found = shell.wait_for(r"(\{.*\})\.\r?\n")
    return found[1][1:-1].split("}{")


def prefix(word: str, others: Iterable[str]) -> str:
    """As few letters as can mean nothing else; all, where others begin with the word."""
    rivals = [each for each in others if each != word]
    for length in range(1, len(word) + 1):
        if not any(each.startswith(word[:length]) for each in rivals):
            return word[:length]
    return word


def leaves() -> list[Shape]:
    return [each for each in program().walk() if not each.commands]


def test_every_command(shell: Terminal) -> None:
    for command in leaves():
        keys, siblings = [], program().commands
        for word in command.words[1:]:
            keys.append(prefix(word, (each.words[-1] for each in siblings)) + "\t")
            siblings = next(each.commands for each in siblings if each.words[-1] == word)
        assert called(shell, "".join(keys)) == list(command.words[1:])


def test_every_flag(shell: Terminal) -> None:
    for command in leaves():
        words = command.words[1:]
        flags = [flag for each in command.flags for flag in each.flags if flag.startswith("--")]
        for flag in flags:
            if not any(other.startswith(flag) for other in flags if other != flag):
                said = called(shell, f"{' '.join(words)} {prefix(flag, [*flags, '--'])}\t")
                # Some shells put an equals sign behind a flag that takes a value.
                assert [each.rstrip("=") for each in said] == [*words, flag]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("user add bob --login cert\t", ["user", "add", "bob", "--login", "certificate"]),
        ("user add bob --login=ei\t", ["user", "add", "bob", "--login=either"]),
        (
            "user add bob --login either --ho\t /x",
            ["user", "add", "bob", "--login", "either", "--home", "/x"],
        ),
        (
            "user add --no-\tbob --data-protection fo\t",
            ["user", "add", "--no-password", "bob", "--data-protection", "forbidden"],
        ),
        ("user cert add bob par\t", ["user", "cert", "add", "bob", "partner.pem"]),
        ("user import par\t", ["user", "import", "partner.pem"]),
        ("cert client --ca a\t", ["cert", "client", "--ca", "a folder"]),
        ("completion ba\t", ["completion", "bash"]),
    ],
)
def test_what_flags_and_places_take(shell: Terminal, keys: str, said: list[str]) -> None:
    # Some shells take a slash away again that somebody might not want.
    assert [each.rstrip("/") for each in called(shell, keys)] == said


def test_a_name_of_a_user_can_be_that_of_a_command(shell: Terminal) -> None:
    assert called(shell, "user add user --log\t") == ["user", "add", "user", "--login"]


@pytest.mark.parametrize("arguments", [[], ["csh"]])
def test_other_shells(run: Command, arguments: list[str]) -> None:
    refused = run("completion", *arguments)
    assert refused.status == 2
    assert refused.errors.startswith("ftptls completion: ")
