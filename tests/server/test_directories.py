"""The working directory, and what changes directories and names."""

from __future__ import annotations

import errno
from pathlib import PurePosixPath

import pytest

from ftptls.vfs.memory import MemoryFilesystem

CONTENT = {"/a/b/c/deep": b"1", "/a/x": b"2", '/say "hi"/': b"", "/ün/": b"", "/f": b"3"}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("a", "/a"),
        ("a/b/c", "/a/b/c"),
        ("/a//b/", "/a/b"),
        ("a/../a/./b", "/a/b"),
        ("..", "/"),
        ("../../..", "/"),
        ("/../a", "/a"),
        ("ün", "/ün"),
        ('say "hi"', '/say "hi"'),
    ],
)
def test_cwd(enter, name, where):
    client = enter(CONTENT)
    client.ask(f"CWD {name}", 250)
    doubled = where.replace('"', '""')
    assert client.ask("PWD", 257).text == f'"{doubled}" is the current directory.'


def test_cdup_at_the_root_stays_there(enter):
    client = enter(CONTENT)
    client.ask("CWD a/b", 250)
    for where in ("/a", "/", "/"):
        client.ask("CDUP", 250)
        assert client.ask("PWD", 257).text.startswith(f'"{where}" ')


def test_a_failed_cwd_changes_nothing(enter):
    client = enter(CONTENT)
    client.ask("CWD a", 250)
    for name in ("nowhere", "x", "x/..y", "/f"):
        client.ask(f"CWD {name}", 550)
    assert client.ask("PWD", 257).text.startswith('"/a" ')


class Closed(MemoryFilesystem):
    """A directory whose mode says that it cannot be entered; the system may think otherwise."""

    def __init__(self, *, really):
        super().__init__(CONTENT)
        self._really = really

    async def stat(self, path):
        closed = PurePosixPath("/a")
        if self._really and path.parent == closed:
            raise PermissionError(errno.EACCES, "no")
        entry = await super().stat(path)
        return entry._replace(perm=entry.perm.replace("e", "")) if path == closed else entry


def test_a_directory_that_cannot_be_entered(enter):
    client = enter(filesystem=Closed(really=True))
    assert client.ask("CWD a", 550).text == "Permission denied."
    assert client.ask("PWD", 257).text.startswith('"/" ')
    enter(filesystem=Closed(really=False)).ask("CWD a", 250)


def test_make_and_remove_directories(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert client.ask("MKD a/new", 257).text == '"/a/new" created.'
    assert client.ask('MKD "q"', 257).text == '"/""q""" created.'
    client.ask("CWD a/new", 250)
    client.ask("MKD inner", 257)
    client.ask("RMD /a/new", 550)
    client.ask("RMD inner", 250)
    client.ask("CDUP", 250)
    client.ask("RMD new", 250)
    client.ask("CWD new", 550)


def test_rename(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.ask("RNFR f", 350)
    client.ask("RNTO a/g h", 250)
    assert client.server.filesystem.contents()["/a/g h"] == b"3"
    client.ask("RNFR a/b", 350)
    client.ask("RNTO moved", 250)
    assert "/moved/c/deep" in client.server.filesystem.contents()


def test_rnto_comes_right_after_rnfr_and_once(enter):
    client = enter(CONTENT)
    client.ask("RNTO g", 503)
    client.ask("RNFR f", 350)
    client.ask("PWD", 257)
    client.ask("RNTO g", 503)
    client.ask("RNFR f", 350)
    client.ask("NOOP", 200)
    client.ask("RNTO g", 250)
    client.ask("RNTO h", 503)
    client.ask("RNFR g", 350)
    client.ask("RNTO nowhere/g", 550)
    client.ask("RNTO h", 503)


@pytest.mark.parametrize(
    "between", ["CWD a", "USER alice", "XYZZY", "AUTH TLS", "RNFR nowhere", "SITE x"]
)
def test_what_comes_between_rnfr_and_rnto_makes_it_forgotten(enter, between):
    client = enter(CONTENT)
    client.ask("RNFR f", 350)
    client.send(between)
    assert client.answer() is not None
    client.ask("RNTO g", 503, 530)
    assert "/f" in client.server.filesystem.contents()


def test_dele_takes_files_only(enter):
    client = enter(CONTENT)
    client.ask("DELE f", 250)
    client.ask("DELE f", 550)
    client.ask("DELE a", 550)
    assert "/f" not in client.server.filesystem.contents()
    assert "/a/x" in client.server.filesystem.contents()
