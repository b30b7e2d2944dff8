"""A program at a terminal of its own, which it can ask and draw on as it likes."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import CHECKOUT

# The leader of a session gets the first terminal that it opens.
_LAUNCH = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A running program, and what its terminal shows.

    Args:
        command: Program and arguments.
        folder: Where it works, which is also its home.
        environment: Further variables.
    """

    def __init__(self, command: Sequence[str], folder: Path, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), "PYTHONPATH": path, **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait until something new is shown, and forget all up to its end."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.shown)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} on the terminal: {self.shown!r}"
            assert self._read(left), f"it ended before {pattern!r}: {self.shown!r}"
        self.shown = self.shown[found.end() :]
        return found

    def end(self, seconds: float = 60) -> int:
        """The exit status, once the program ends by itself; ``shown`` is all that was left."""
        while self._read(seconds):
            pass
        return self._process.wait(seconds)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: nobody has the other side any more
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
