"""What a server costs, from the kernel's accounting: CPU seconds and memory of all its processes.

A control group is best: who is in it stays in it, whoever is his parent by now, and the kernel
counts in microseconds. Where none can be made (that takes rights), the tree of processes is
gone through; there the kernel counts in hundredths of a second.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_TICK = os.sysconf("SC_CLK_TCK")
_NUMBERS = itertools.count()


class Account(Protocol):
    """Of one server."""

    kind: str

    def entering(self, command: Sequence[str]) -> list[str]:
        """The command that is started instead, so that it is accounted for."""
        ...

    def begin(self, pid: int) -> None:
        """The server was started, and this is its process."""
        ...

    def pids(self) -> list[int]:
        """Its processes that are alive."""
        ...

    def cpu_seconds(self) -> float:
        """What they, and those that have ended, have used so far."""
        ...

    def close(self) -> None:
        """The server has ended."""
        ...


class Group:
    """A control group (version 2) of one server.

    Args:
        folder: Its folder, which exists.

    Attributes:
        folder: The same.
    """

    kind = "control group"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entering(self, command: Sequence[str]) -> list[str]:
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', f"{self.folder}/cgroup.procs", *command]

    def begin(self, pid: int) -> None:
        """It has entered by itself."""

    def pids(self) -> list[int]:
        return [int(each) for each in (self.folder / "cgroup.procs").read_text().split()]

    def cpu_seconds(self) -> float:
        text = (self.folder / "cpu.stat").read_text()
        return int(text.split()[1]) / 1e6  # usage_usec comes first

    def close(self) -> None:
        """End what the server left running, and remove the group."""
        for _ in range(100):
            left = self.pids()
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.02)
        self.folder.rmdir()


class Tree:
    """A process, its descendants, and those of them that have ended and were waited for."""

    kind = "process tree"

    def __init__(self) -> None:
        self._pid = 0

    def entering(self, command: Sequence[str]) -> list[str]:
        return list(command)

    def begin(self, pid: int) -> None:
        self._pid = pid

    def pids(self) -> list[int]:
        return tree(self._pid)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._pid)

    def close(self) -> None:
        """Its own process was ended."""


def account() -> Account:
    """The best that this machine lets us have."""
    mount = re.search(r"^\S+ (\S+) cgroup2 ", Path("/proc/self/mounts").read_text(), re.MULTILINE)
    own = re.search(r"^0::(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    if mount and own:
        folder = Path(mount[1]) / own[1].lstrip("/") / f"ftptls-bench-{os.getpid()}"
        folder = folder.with_name(f"{folder.name}-{next(_NUMBERS)}")
        try:
            folder.mkdir()
        except OSError:
            return Tree()
        if os.access(folder / "cgroup.procs", os.W_OK) and (folder / "cpu.stat").exists():
            return Group(folder)
        folder.rmdir()
    return Tree()


def cpu_seconds(pid: int) -> float:
    """Of a process, its descendants, and those of them that have ended and were waited for."""
    return sum(_own(each) for each in tree(pid))


def tree(pid: int) -> list[int]:
    """A process and its descendants that are alive."""
    found = [pid]
    for each in found:
        folder = Path(f"/proc/{each}/task")
        for task in folder.iterdir() if folder.is_dir() else ():
            try:
                found += map(int, (task / "children").read_text().split())
            except FileNotFoundError:
                continue
    return found


def pss_kib(pids: Iterable[int]) -> int:
    """Memory of processes in KiB: what several share counts for each by its share of it."""
    return sum(_told(pid, "smaps_rollup", "Pss") for pid in pids)


def peak_kib(pids: Iterable[int]) -> int:
    """The most that processes ever had resident, in KiB, or since :func:`forget_peaks`."""
    return sum(_told(pid, "status", "VmHWM") for pid in pids)


def forget_peaks(pids: Iterable[int]) -> None:
    """Count the peaks of processes anew."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def threads(pids: Iterable[int]) -> int:
    """How many threads processes have."""
    return sum(_told(pid, "status", "Threads") for pid in pids)


def _told(pid: int, file: str, name: str) -> int:
    """A figure that the system tells of a process; 0 once that is gone."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _own(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK  # utime, stime, cutime, cstime
