"""What an upload to a local folder costs in each mode; ``python -m tests.bench.uploads FOLDER``.

FOLDER says which disk. One upload is all that the server does with the disk for it, without
the network: check, begin, write in pieces of 256 KiB, commit. Modes take turns in each round;
round 0 warms up and does not count. Told is the median, in milliseconds, and the server's own
processor time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from ftptls.interfaces import Store
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.options import LocalOptions

_PIECE = bytes(256 * 1024)


@dataclass(frozen=True)
class Figure:
    """What uploads of one kind cost.

    Attributes:
        mode: How they were stored.
        fsync: Whether each was on the disk itself.
        size: Octets of each.
        milliseconds: Median time of one.
        cpu: Median processor time of one, in milliseconds.
    """

    mode: str
    fsync: bool
    size: int
    milliseconds: float
    cpu: float


def upload(filesystem: LocalFilesystem, number: int, size: int) -> None:
    """Store one file."""
    path = PurePosixPath(f"/file-{number}")
    one = run_now(filesystem.open_write(path, Store.REPLACE, 0))
    run_now(one.begin())
    for offset in range(0, size, len(_PIECE)):
        run_now(one.write_at(offset, _PIECE[: size - offset]))
    run_now(one.commit())


def measure(folder: Path, sizes: Sequence[int], rounds: int) -> list[Figure]:
    """Figures for every mode and size, with and without fsync."""
    cases = list(itertools.product(UploadMode, (False, True), sizes))
    times: dict[tuple[UploadMode, bool, int], list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        for mode, fsync, size in cases:
            filesystem = LocalFilesystem(
                folder, InlineWorkers(), upload_mode=mode, options=LocalOptions(fsync=fsync)
            )
            began, cpu = time.perf_counter(), time.process_time()
            upload(filesystem, number, size)
            spent = time.perf_counter() - began, time.process_time() - cpu
            run_now(filesystem.remove_file(PurePosixPath(f"/file-{number}")))
            if number:
                times.setdefault((mode, fsync, size), []).append(spent)
    return [
        Figure(
            mode.value,
            fsync,
            size,
            statistics.median(each[0] for each in spent) * 1000,
            statistics.median(each[1] for each in spent) * 1000,
        )
        for (mode, fsync, size), spent in times.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 1_000_000, 50_000_000])
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=told.folder) as folder:
        figures = measure(Path(folder), told.sizes, told.rounds)
    if told.json:
        told.json.write_text(json.dumps([asdict(each) for each in figures]))
    print("| mode | fsync | octets | ms | CPU ms |")
    print("| --- | --- | ---: | ---: | ---: |")
    for each in figures:
        fsync = "yes" if each.fsync else "no"
        numbers = f"{each.milliseconds:.2f} | {each.cpu:.2f}"
        print(f"| {each.mode} | {fsync} | {each.size} | {numbers} |")


if __name__ == "__main__":
    main()
