"""The examples of the documentation are filesystems as good as others."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sqlite3
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from ftplib import FTP_TLS
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from ftptls.cli import state
from ftptls.errors import TransientError
from ftptls.interfaces import IFilesystem, Store
from ftptls.testing.filesystem import FilesystemContract, InlineWorkers, run_now
from ftptls.vfs.guarantees import TABLES
from ftptls.vfs.pieces import PIECE
from tests.conftest import CHECKOUT, Spawn

EXAMPLES = CHECKOUT / "docs" / "examples"


@cache
def example(name: str) -> Any:
    """The module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TableContract(FilesystemContract):
    keeps_what_is_opened = False  # the pieces of a file go with its name


class TestDict(TableContract):
    lasts = False

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        return self.fill(example("dict_filesystem").DictFilesystem(), content)


class TestSQL(TableContract):
    guarantees = TABLES

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_filesystem(self, content: Mapping[str, bytes]) -> IFilesystem:
        self.database = str(self.folder / secrets.token_hex(8))
        return self.fill(self.open(), content)

    def open(self) -> IFilesystem:
        return example("sql_filesystem").SQLFilesystem(self.database, self.workers)

    def restart(self, filesystem: IFilesystem) -> IFilesystem:
        return self.open()

    def left_over(self, filesystem: Any) -> int:
        """Pieces of no file."""
        lost = "SELECT count(*) FROM pieces WHERE file NOT IN (SELECT number FROM names)"
        return filesystem._db.execute(lost).fetchone()[0]


@pytest.fixture(params=["dict", "sql"])
def files(request) -> Any:
    if request.param == "dict":
        return example("dict_filesystem").DictFilesystem()
    return example("sql_filesystem").SQLFilesystem(":memory:", InlineWorkers())


A = PurePosixPath("/a")


def begin(files: Any, how: Store = Store.REPLACE, offset: int = 0) -> Any:
    upload = run_now(files.open_write(A, how, offset))
    run_now(upload.begin())
    return upload


def content(files: Any) -> bytes:
    reader, data = run_now(files.open_read(A)), b""
    while piece := run_now(reader.read_at(len(data), 1 << 30)):
        data += piece
    return data


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
@pytest.mark.parametrize("step", [1000, PIECE, 2 * PIECE + 1])
def test_files_of_several_pieces(files, size, step):
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    upload = begin(files)
    for at in range(0, size, step):
        run_now(upload.write_at(at, data[at : at + step]))
    run_now(upload.commit())
    assert content(files) == data
    at = size // 2
    upload = begin(files, Store.RESUME, at)
    run_now(upload.write_at(at, b"changed"))
    run_now(upload.abandon())
    data = data[:at] + b"changed" + data[at + 7 :]
    assert content(files) == data
    upload = begin(files, Store.APPEND)
    run_now(upload.write_at(upload.offset, data))
    assert content(files) == 2 * data
    run_now(upload.commit())
    assert content(files) == 2 * data


def test_octets_come_in_order(files):
    upload = begin(files)
    run_now(upload.write_at(0, b"12"))
    with pytest.raises(OSError, match="Illegal seek"):
        run_now(upload.write_at(4, b"56"))


def test_a_file_that_is_removed_takes_no_more(files):
    begin(files, Store.APPEND)
    upload = begin(files, Store.APPEND)
    run_now(upload.write_at(0, b"12"))
    run_now(files.remove_file(A))
    with pytest.raises(TransientError, match="changed meanwhile"):
        run_now(upload.write_at(2, b"34"))
    run_now(upload.abandon())
    with pytest.raises(FileNotFoundError):
        run_now(files.stat(A))


def test_what_a_crash_leaves_of_an_upload_goes_at_the_next_start(tmp_path):
    def pieces() -> int:
        with sqlite3.connect(database) as db:
            return db.execute("SELECT count(*) FROM pieces").fetchone()[0]

    database = str(tmp_path / "files.db")
    make = example("sql_filesystem").SQLFilesystem
    files = make(database, InlineWorkers())
    upload = begin(files)
    run_now(upload.write_at(0, bytes(PIECE)))
    run_now(upload.commit())
    run_now(begin(files).write_at(0, bytes(2 * PIECE)))
    assert pieces() == 3
    files = make(database, InlineWorkers())
    assert pieces() == 1
    assert content(files) == bytes(PIECE)


def test_nothing_stays_of_an_upload_that_cannot_become_the_file():
    files = example("sql_filesystem").SQLFilesystem(":memory:", InlineWorkers())
    upload = begin(files)
    run_now(upload.write_at(0, bytes(2 * PIECE)))
    run_now(files.make_directory(A))
    with pytest.raises(IsADirectoryError):
        run_now(upload.commit())
    run_now(upload.abandon())
    assert files._db.execute("SELECT count(*) FROM pieces").fetchone() == (0,)


def test_a_full_database_is_a_full_disk(tmp_path):
    files = example("sql_filesystem").SQLFilesystem(":memory:", InlineWorkers())
    with files.turn():
        files._db.execute("PRAGMA max_page_count = 300")
    upload = begin(files)
    with pytest.raises(OSError, match="No space left"):
        run_now(upload.write_at(0, bytes(20 * PIECE)))
    run_now(upload.abandon())
    run_now(begin(files).commit())
    assert content(files) == b""


@pytest.mark.parametrize("name", ["dict_filesystem", "sql_filesystem"])
def test_they_are_short_and_can_be_run(name, spawn: Spawn, tmp_path):
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text().splitlines()) < 80
    state.prepare(tmp_path / ".state")
    port = spawn(sys.executable, str(path), "0").wait_for(r"^Port (\d+)$")
    trust = ssl.create_default_context(cafile=tmp_path / ".state" / "certificate.pem")
    trust.check_hostname = False
    client, back = FTP_TLS(context=trust), BytesIO()
    client.connect("127.0.0.1", int(port.group(1)))
    client.login("alice", "secret")
    client.prot_p()
    client.storbinary("STOR a", BytesIO(b"hello"))
    client.retrbinary("RETR a", back.write)
    assert (client.nlst(), back.getvalue()) == (["a"], b"hello")
    client.quit()


MINE = """
from ftptls.testing.filesystem import OnWorkers
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.vfs.wrapping import ABILITIES, Wrapper


class MyFilesystem(Wrapper):
    lost = frozenset(ABILITIES)

    def __init__(self, workers):
        super().__init__(OnWorkers(MemoryFilesystem(), workers))
"""


def test_the_suite_is_used_as_the_documents_say(tmp_path):
    page = (CHECKOUT / "docs" / "howto" / "filesystems.rst").read_text()
    block = page.partition(":caption: test_mine.py\n")[2].partition("\nIt tries")[0]
    (tmp_path / "test_mine.py").write_text(textwrap.dedent(block))
    (tmp_path / "mine.py").write_text(MINE)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    done = subprocess.run(
        [*run, "test_mine.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
