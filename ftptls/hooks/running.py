"""One run of a program: no shell, bounded in time, and with it ends what it started."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

_MOST_SAID = 4096
# Of the server's own environment, what programs need to run at all.
_PASSED_ON = (b"HOME", b"LANG", b"LC_ALL", b"PATH", b"TMPDIR", b"TZ")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        status: Its exit status; negative for a signal.
        said: The beginning of what it wrote to standard output.
        complained: The same of standard error.
    """

    status: int
    said: str
    complained: str


class RunError(Exception):
    """A program did not come to its end; the text says why, to go behind its name."""


class Run:
    """One run.

    What it writes goes to files, not pipes: so it can wait for nobody, and a program that it
    leaves running holds nothing up.

    Args:
        program: The program and its arguments.
        environment: Variables besides a few of the server's own.
        timeout: Seconds until it is killed, with all that it started and that is in its
            process group.
        stdin: What it reads as standard input: octets, or a descriptor, of which the run has
            a copy.

    Raises:
        OSError: There is no descriptor left for that.
    """

    def __init__(
        self,
        program: Sequence[str],
        environment: Mapping[bytes, bytes],
        timeout: float,
        stdin: bytes | int,
    ) -> None:
        self._stdin = -1
        self._program = tuple(program)
        own = {name: os.environb[name] for name in _PASSED_ON if name in os.environb}
        self._environment = {**own, **environment}
        self._timeout = timeout
        self._content = stdin if isinstance(stdin, bytes) else b""
        if not isinstance(stdin, bytes):
            self._stdin = os.dup(stdin)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = ""  # why it was

    def __del__(self) -> None:
        self._forget_stdin()  # where it was never carried out

    def carry_out(self) -> Outcome:
        """Run it to its end; blocks.

        Raises:
            RunError: It cannot be run, took too long, or was ended.
            OSError: There is no room for what it reads and writes.
        """
        with ExitStack() as files:
            said, complained, content = (
                files.enter_context(tempfile.TemporaryFile(buffering=0)).fileno() for _ in range(3)
            )
            if self._content:
                os.write(content, self._content)
                os.lseek(content, 0, os.SEEK_SET)
            timer = threading.Timer(
                self._timeout, self.end, [f"took longer than {self._timeout:g} s"]
            )
            timer.daemon = True
            try:
                stdin = content if self._stdin < 0 else self._stdin
                process = self._start(stdin, said, complained)
                timer.start()
                # It stays a zombie until nobody can kill it any more: its number may be
                # another's behind that.
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            finally:
                timer.cancel()
                self._forget_stdin()
            with self._lock:
                status = process.wait()
                if self._ended:
                    raise RunError(self._ended)
            return Outcome(status, _beginning(said), _beginning(complained))

    def end(self, why: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End it if it runs, and do not begin it if it does not; from any thread."""
        with self._lock:
            self._ended = self._ended or why
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, how)

    def _start(self, stdin: int, said: int, complained: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise RunError(self._ended)
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the operator's, without a shell
                    self._program,
                    stdin=stdin,
                    stdout=said,
                    stderr=complained,
                    cwd="/",
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise RunError(f"cannot be run: {error.strerror}") from None
            return self._process

    def _forget_stdin(self) -> None:
        stdin, self._stdin = self._stdin, -1
        if stdin >= 0:
            os.close(stdin)


def _beginning(descriptor: int) -> str:
    return os.pread(descriptor, _MOST_SAID, 0).decode("utf-8", "replace")
