"""A PostgreSQL of our own: in a folder, on a socket there, ended by its own process id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

_MISSING = "PostgreSQL is needed for this test: install the package postgresql."


def _program(name: str) -> str:
    """Debian keeps the server's programs where PATH does not lead."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.fail(_MISSING)
    return found


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if os.getuid() != 0:
        return {}
    names = {each.pw_name for each in pwd.getpwall()}
    owner = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


@contextmanager
def running() -> Iterator[Cluster]:
    """A server that runs meanwhile, and leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="ftptls-"))
    try:
        folder.chmod(0o755)
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


class Cluster:
    """A server with databases.

    Args:
        folder: An empty one, which anybody may enter; short, for there is a socket in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as_user = _unprivileged()
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        if self._as_user:
            os.chown(folder, self._as_user["user"], self._as_user["group"])
        subprocess.run(
            [
                *(_program("initdb"), "--pgdata", folder / "data", "--username", "ftptls"),
                *("--auth", "trust", "--encoding", "UTF8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **self._as_user,
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(_program("postgres"), "-D", self._folder / "data", "-F"),
                    *("-k", self._folder, "-c", "listen_addresses="),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._as_user,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self._dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """End it at once, with every connection."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)  # a "fast shutdown"
            process.wait(60)

    def make_database(self) -> str:
        """An empty database; its URL."""
        name = f"users{next(self._numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://ftptls@/{name}?host={quote(str(self._folder))}"

    def _dsn(self, name: str) -> str:
        return f"host={self._folder} user=ftptls dbname={name}"
