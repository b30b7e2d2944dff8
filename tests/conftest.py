"""Real processes for the tests: started here, waited for with a bound, ended by their own pid."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgresql
from tests.postgresql import Cluster

CHECKOUT = Path(__file__).resolve().parent.parent

# No test asserts a time: a busy machine is no reason to fail.
settings.register_profile("ftptls", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ftptls")


@pytest.fixture(scope="module", autouse=True)
def unwatched() -> None:
    """Let the garbage collector pass over what there was before a module of tests.

    The tests alone are half a million objects, and many ask it to look at all there is.
    """
    gc.collect()
    gc.freeze()


class Process:
    """A running program whose output, both streams, is read while it runs."""

    def __init__(self, command: Sequence[str], log: Path, folder: Path, **environment: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, pattern: str, seconds: float = 60, behind: int = 0) -> re.Match[str]:
        """The first match of ``pattern`` in the output, behind so many characters."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = self._process.poll() is not None
            if found := re.search(pattern, self.output[behind:], re.MULTILINE):
                return found
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the output:\n{self.output}")

    def wait(self, seconds: float = 60) -> int:
        """The exit status, once it ends by itself."""
        return self._process.wait(seconds)

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal and return the exit status."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self._process.wait(seconds)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()


Spawn = Callable[..., Process]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start a program, in the test's own folder unless told otherwise."""
    running: list[Process] = []

    def start(*command: str, folder: Path = tmp_path, **environment: str) -> Process:
        log = tmp_path / f"output-{len(running)}.log"
        running.append(Process(command, log, folder, **environment))
        return running[-1]

    yield start
    for process in running:
        process.end()


@pytest.fixture
def twistd() -> list[str]:
    """The beginning of a ``twistd`` command, as this Python runs it, in the foreground."""
    code = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
    return [sys.executable, "-c", code, "--nodaemon", "--pidfile="]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that all tests share; each makes a database of its own there."""
    with postgresql.running() as made:
        yield made
