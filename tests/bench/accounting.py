"""What a server costs: CPU seconds of its whole process tree, from the kernel's accounting."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


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


def _own(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK  # utime, stime, cutime, cstime
