"""A real server process: ``twistd ftptls`` on free loopback ports, ended by its own pid."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.conftest import CHECKOUT, Process
from tests.interop.certificates import Certificates

USER, PASSWORD = "alice", "correct horse"

# What no client may bring about, whatever it does.
_BAD = re.compile(r"Traceback|Unhandled|critical|Exception ignored|unforeseen")

_TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
_LISTENERS = (
    ("--explicit", r"tcp:0:interface=127.0.0.1"),
    ("--explicit", r"tcp6:0:interface=\:\:1"),
    ("--implicit", r"tcp:0:interface=127.0.0.1"),
    ("--implicit", r"tcp6:0:interface=\:\:1"),
)


class Server:
    """A running server.

    Args:
        folder: For its log; an empty one of its own, or that of one that ended.
        certificates: What it shows, and what clients trust.
        flags: More flags for ``twistd ftptls``.
        limits: Settings of the ``limits`` section.
        guard: Settings of the ``guard`` section.
        anonymous: Settings of the ``anonymous`` section.
        hooks: The lines of each of ``[[hooks]]``.
        files: Settings of the ``files`` section.
        program: What the interpreter runs in place of ``twistd``.

    Attributes:
        root: The folder it serves.
        authority: PEM file of whom to trust.
    """

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        flags: Sequence[str] = (),
        limits: Sequence[str] = (),
        guard: Sequence[str] = (),
        anonymous: Sequence[str] = (),
        hooks: Sequence[Sequence[str]] = (),
        files: Sequence[str] = (),
        program: Sequence[str] = ("-c", _TWISTD),
    ) -> None:
        self.root = folder / "root"
        self.root.mkdir(exist_ok=True)
        self.authority = certificates.authority
        config = folder / "server.toml"
        sections = [
            "[log]",
            "debug = true",
            "[limits]",
            *limits,
            "[guard]",
            *guard,
            "[anonymous]",
            *anonymous,
        ]
        sections += ["[files]", *files, ""]
        for each in hooks:
            sections += ["[[hooks]]", *each, ""]
        config.write_text("\n".join(sections))
        command = [sys.executable, *program, "--nodaemon", "--pidfile=", "ftptls"]
        command += ["--config", str(config), "--root", str(self.root)]
        command += ["--certificate", str(certificates.chain), "--key", str(certificates.key)]
        command += ["--auth", f"memory:{USER}:{PASSWORD}"]
        command += [each for pair in _LISTENERS for each in pair]
        path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        # Warnings of the server are mistakes of it, and show in its log.
        self._process = Process(
            [*command, *flags], folder / "server.log", folder, PYTHONPATH=path, PYTHONWARNINGS=""
        )
        self.pid = self._process.pid
        self._ports = {
            (kind, family): int(self._process.wait_for(_where(kind, host))[1])
            for kind in ("explicit", "implicit")
            for family, host in ((4, "127.0.0.1"), (6, "[::1]"))
        }
        self._stopped = False
        self._listening: list[str] = []
        self._listening = [each for each in self.descriptors() if each.startswith("socket:")]

    @property
    def log(self) -> str:
        """What it said so far; of the last moment, perhaps not all is there."""
        return self._process.output

    def whole_log(self) -> str:
        """What it said until now: up to the line of a connection that comes now."""
        with socket.create_connection(("127.0.0.1", self.port())) as knocking:
            self.wait_for(f":{knocking.getsockname()[1]} connected")
        return self.log

    def port(self, kind: str = "explicit", family: int = 4) -> int:
        """Where it listens."""
        return self._ports[kind, family]

    def wait_for(self, pattern: str, behind: int = 0) -> re.Match[str]:
        """The first match of ``pattern`` in the log, behind so many characters."""
        return self._process.wait_for(pattern, behind=behind)

    def stop(self) -> None:
        """End it, once, and see that it ends as it should and never stumbled on the way."""
        if self._stopped:
            return
        self._stopped = True
        status = self._process.end()
        log = self.log
        assert status in (0, -signal.SIGTERM), f"ended with {status}:\n{log[-4000:]}"
        found = _BAD.search(log)
        assert found is None, log[max(0, found.start() - 2000) : found.end() + 4000]
        assert "Server Shut Down." in log

    def kill(self) -> None:
        """End it at once, whatever it does, as a crash would."""
        self._stopped = True
        self._process.end(signal.SIGKILL)

    def descriptors(self) -> list[str]:
        """What it holds open for clients: everything but its listeners, its log and its reactor."""
        folder = Path(f"/proc/{self.pid}/fd")
        held = []
        for each in folder.iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                held.append(os.readlink(each))
        own = ("pipe:", "anon_inode:", "/dev/null", str(self.root.parent / "server.log"))
        held = sorted(each for each in held if not each.startswith(own))
        for inode in self._listening:
            held.remove(inode)
        return held

    def memory(self) -> int:
        """Resident memory now, in octets."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """The most resident memory since :meth:`forget_peak`, in octets."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Start anew with :meth:`peak_memory`."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


def _where(kind: str, host: str) -> str:
    return rf"ftptls: {kind} TLS on {re.escape(host)}:(\d+)$"


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def scale() -> float:
    """How much more than usual the long run does."""
    return float(os.environ.get("FTPTLS_SCALE", "1"))
