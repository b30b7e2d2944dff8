"""The compliance page: each of its rows is spoken over a live session, and must be true."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator

import pytest

from ftptls.commands import Command, standard_commands
from ftptls.settings import FXP, Host, Policy, Settings
from ftptls.testing.dialogue import Client
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.workers import InlineWorkers
from tests.conftest import CHECKOUT

from .dialogues import lower

TABLE = standard_commands()
CONTENT = {"/a.txt": b"text\n", "/dir/b": b"b", "/empty/": b""}


@pytest.fixture(scope="module")
def page() -> Iterator[object]:
    """The module behind the page, which is not on the path outside of Sphinx."""
    extensions = str(CHECKOUT / "docs" / "_ext")
    sys.path.insert(0, extensions)
    try:
        yield importlib.import_module("ftptls_compliance")
    finally:
        sys.path.remove(extensions)


@pytest.fixture
def enter_all(serve, tmp_path):
    """A client of a server that has all that can be had; its files are in memory or on disk."""

    def make(filesystem):
        settings = Settings(
            policy=Policy(ccc=True, auth_after_login=True),
            hosts=(Host(names=("a.example",)),),
            fxp=FXP(peers=("192.0.2.0/24",), pins=("0" * 64,)),
        )
        client = serve(None, settings, filesystem=filesystem).connect()
        client.secure()
        client.log_in()
        return client

    return make


@pytest.fixture
def filesystems(tmp_path):
    """One in memory and one on the disk: together they can do all there is."""
    for name, data in CONTENT.items():
        path = tmp_path / name.strip("/")
        path.parent.mkdir(exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_bytes(data)
    return MemoryFilesystem(CONTENT), LocalFilesystem(tmp_path, InlineWorkers())


def final_code(client: Client, command: Command, line: str) -> int:
    """Carry a line out, with whatever data it moves; the code of its final reply."""
    if not command.opens_data:
        client.send(line)
        answer = client.answer()
        assert answer is not None
        return answer.code
    wire = client.begin(line)
    if line.startswith(("STOR", "STOU", "APPE")):
        wire.send(b"data")
        wire.stop()
    else:
        wire.take()
    return client.expect(*range(200, 600)).code


@pytest.mark.parametrize("verb", list(TABLE))
def test_each_row_of_a_command(page, enter_all, filesystems, verb):
    command = TABLE[verb]
    able = [each for each in filesystems if command.needs is None or command.needs.providedBy(each)]
    everything = enter_all(able[0])
    example = page.EXAMPLES.get(verb)
    assert (example is None) is (command.refusal is not None)
    if example is None:
        assert everything.ask(f"{verb} x", *range(200, 600)).code == page.code(command)
        return
    for line in example.before:
        everything.send(line)
        assert everything.answer().code // 100 in (2, 3)
        if line == "REIN":
            lower(everything)
    line = example.line.format(group=os.getgid())
    assert final_code(everything, command, line) == example.code == page.code(command)


def test_the_examples_are_of_the_table(page):
    assert set(page.EXAMPLES) == {each.verb for each in TABLE.values() if each.implemented}
    for verb, example in page.EXAMPLES.items():
        assert example.line.startswith(verb) or verb == "SITE"


def test_every_registered_command_is_known(page):
    registered = " ".join(page.REGISTERED.values()).split()
    assert len(registered) == len(set(registered))
    assert set(registered) <= set(TABLE)


def test_every_extension_that_is_told_of_has_a_row(page, enter_all, filesystems):
    """And every row is told of, or says why not."""
    answers = [enter_all(each).ask("FEAT", 211) for each in filesystems]
    told = [line.removeprefix(" ") for answer in answers for line in answer.lines[1:-1]]
    names = [feature.name for feature in page.FEATURES]
    assert len(names) == len(set(names))
    offered = {feature.name for feature in page.FEATURES if feature.verb}
    assert {_named(line, names) for line in told} == offered
    for feature in page.FEATURES:
        assert bool(feature.verb) is not bool(feature.why), feature
        assert not feature.verb or feature.verb in TABLE, feature


def _named(line: str, names: list[str]) -> str:
    """The row that a line of FEAT belongs to: the one with the longest fitting name."""
    fitting = [name for name in names if f"{line} ".startswith(f"{name} ")]
    assert fitting, line
    return max(fitting, key=len)
