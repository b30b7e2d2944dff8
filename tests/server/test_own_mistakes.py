"""A filesystem or a command that fails as nobody foresaw: told, logged, and survived."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest
from zope.interface import implementer

from ftptls.commands import Command, standard_commands
from ftptls.interfaces import IFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.arguments import anything
from ftptls.wire.entries import Entry

pytestmark = pytest.mark.both_paths


@implementer(IFilesystem)
class Fragile:
    """Passes everything on, and fails at one call."""

    def __init__(self, inner: Any, fails_at: str, calls: list[str]) -> None:
        self._inner, self._fails_at, self._calls = inner, fails_at, calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        async def call(*args: Any) -> Any:
            self._calls.append(name)
            if name == self._fails_at:
                raise RuntimeError("nobody foresaw this")
            result = await found(*args)
            return Fragile(result, self._fails_at, self._calls) if "open" in name else result

        return call

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        async for batch in self._inner.scan(path):
            yield batch
            if self._fails_at == "scan":
                raise RuntimeError("nobody foresaw this")


CONTENT = {"/f": b"0123", "/big": bytes(2**20)}


@pytest.fixture
def fragile(enter):
    """A client of a server whose filesystem fails at one call, and the calls it gets."""

    def make(fails_at: str):
        calls: list[str] = []
        filesystem = MemoryFilesystem(CONTENT)
        client = enter(filesystem=filesystem)
        client.server.filesystem = Fragile(filesystem, fails_at, calls)
        client.log_in()
        return client, filesystem, calls

    return make


def told_once(log) -> None:
    """One alarm, with its traceback; it is taken off the log."""
    assert len(log.alarms) == 1
    assert "nobody foresaw this" in log.alarms[0]
    log.events.clear()


@pytest.mark.parametrize(
    ("fails_at", "line"),
    [
        ("stat", "CWD f"),
        ("stat", "SIZE f"),
        ("make_directory", "MKD d"),
        ("remove_file", "DELE f"),
        ("rename", "RNTO g"),
        ("open_read", "RETR f"),
        ("open_write", "STOR g"),
    ],
)
def test_commands(fragile, log, fails_at, line):
    client, filesystem, _ = fragile(fails_at)
    client.open()
    if line == "RNTO g":
        client.ask("RNFR f", 350)
    assert "foresaw" not in client.ask(line, 451).text
    told_once(log)
    assert filesystem.contents() == CONTENT
    client.server.filesystem = filesystem
    client.log_in()
    assert client.download("RETR f") == b"0123"


@pytest.mark.parametrize("fails_at", ["begin", "write_at", "commit"])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_uploads_are_abandoned(fragile, log, fails_at, verb):
    client, filesystem, calls = fragile(fails_at)
    wire = client.begin(f"{verb} f")
    wire.send(b"new")
    wire.stop()
    client.expect(451)
    told_once(log)
    assert calls[-1] == "abandon"
    if verb == "STOR":
        assert filesystem.contents() == CONTENT
    client.server.filesystem = filesystem
    client.log_in()
    client.upload("STOR f", b"newer")


@pytest.mark.parametrize(("fails_at", "line"), [("read_at", "RETR f"), ("scan", "LIST")])
def test_downloads_have_no_proper_end(fragile, log, fails_at, line):
    client, filesystem, calls = fragile(fails_at)
    wire = client.begin(line)
    wire.take()
    client.expect(451)
    told_once(log)
    assert wire.end is not None
    assert not wire.notified
    assert fails_at == "scan" or calls[-1] == "close"
    client.server.filesystem = filesystem
    client.log_in()
    assert client.download("RETR f") == b"0123"


def test_a_command_of_somebody_elses(serve, log):
    def fail(_context, _argument):
        raise RuntimeError("nobody foresaw this")

    mine = Command("TRY", "RFC 0", "TRY", "Fails.", anything, fail, login=False)
    client = serve(commands=standard_commands().replace(mine)).connect()
    client.ask("TRY", 451)
    told_once(log)
    client.ask("NOOP", 200)


def test_a_logout_that_fails(enter, log):
    client = enter()
    (pi,) = client.server.factory._sessions
    honest = pi.session.login.logout

    def fail() -> None:
        honest()
        raise RuntimeError("nobody foresaw this")

    pi.session.login.logout = fail
    client.ask("QUIT", 221)
    client.leave()
    assert client.server.factory._sessions == set()
    told_once(log)
