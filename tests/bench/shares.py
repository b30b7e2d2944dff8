"""Shares of a processor, one for each process of a server, by control groups.

Who measures on the machine that serves takes processors away from the server. Where each of its
processes has the same share of a processor, and all shares together leave room for the clients,
it is as on a machine with more processors, each of which is slower.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench.accounting import Account, Group

SHARE = 0.25
"""Of one processor, for each process."""
PERIOD = 10_000
"""Microseconds for which a share is counted: who has used his up waits until they are over."""
_WEIGHT = 50  # times that of others, while there are shares
_NUMBERS = itertools.count()


class NoSharesError(Exception):
    """This machine lets us give none, in a sentence."""


class Shares:
    """A control group for each process of a server, without a bound so far.

    Args:
        parent: The folder in which groups are made.
        unified: Whether that is of version 2 of control groups, and has these processes.
        pids: The processes.

    Raises:
        OSError: It takes rights, or a controller, that are not there.
    """

    def __init__(self, parent: Path, pids: list[int], *, unified: bool) -> None:
        self._parent = parent
        self._unified = unified
        self._groups: list[Path] = []
        try:
            for pid in pids:
                self._give(pid)
            self._control("+cpu")
            self._bound(None, 1)
        except OSError:
            self.close()
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """Each process has its share meanwhile, before everybody else, and no more."""
        self._bound(round(SHARE * PERIOD), _WEIGHT)
        try:
            yield
        finally:
            self._bound(None, 1)

    def close(self) -> None:
        """Let the processes go back, and remove the groups."""
        with suppress(OSError):  # it had none
            self._control("-cpu")
        for group in self._groups:
            for pid in (group / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    (self._parent / "cgroup.procs").write_text(pid)
            group.rmdir()

    def _give(self, pid: int) -> None:
        group = self._parent / f"ftptls-share-{os.getpid()}-{next(_NUMBERS)}"
        group.mkdir()
        self._groups.append(group)
        (group / "cgroup.procs").write_text(str(pid))

    def _control(self, controller: str) -> None:
        """Version 2 has that for groups below one whose own processes are all in them."""
        if self._unified:
            (self._parent / "cgroup.subtree_control").write_text(controller)

    def _bound(self, quota: int | None, weight: int) -> None:
        """So many microseconds of each period, and so many times the weight of others."""
        for group in self._groups:
            if self._unified:
                files: dict[str, object] = {
                    "cpu.max": f"{'max' if quota is None else quota} {PERIOD}",
                    "cpu.weight": 100 * weight,
                }
            else:
                files = {
                    "cpu.cfs_period_us": PERIOD,
                    "cpu.cfs_quota_us": -1 if quota is None else quota,
                    "cpu.shares": 1024 * weight,
                }
            for file, value in files.items():
                (group / file).write_text(str(value))


@contextmanager
def shares(account: Account) -> Iterator[Shares]:
    """Those of the processes that a server has now.

    Raises:
        NoSharesError: This machine has none for us.
    """
    first = _version_1()
    try:
        if first is not None:
            made = Shares(first, account.pids(), unified=False)
        elif isinstance(account, Group):
            made = Shares(account.folder, account.pids(), unified=True)
        else:
            raise NoSharesError("no control groups are to be had")
    except OSError as error:
        raise NoSharesError(f"{error.filename}: {error.strerror}") from error
    try:
        yield made
    finally:
        made.close()


def _version_1() -> Path | None:
    """Our own group, if the controller of processors is one of version 1."""
    mounts, own = (Path(f"/proc/self/{each}").read_text() for each in ("mounts", "cgroup"))
    mount = re.search(r"^\S+ (\S+) cgroup \S*\bcpu\b", mounts, re.MULTILINE)
    group = re.search(r"^\d+:(?:\S*,)?cpu(?:,[^:]*)?:(.*)$", own, re.MULTILINE)
    return Path(mount[1]) / group[1].lstrip("/") if mount and group else None
