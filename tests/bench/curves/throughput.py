"""Throughput against the number of transfers at once."""

from __future__ import annotations

import os
from pathlib import Path

from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd, Work
from tests.bench.curves.curve import Curve, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot

_NUMBERS = {
    Size.FULL: (1, 2, 4, 8, 16, 32, 64),
    Size.QUICK: (1, 4, 16, 64),
    Size.TINY: (1, 2),
}
_SECONDS = {Size.FULL: 5.0, Size.QUICK: 1.5, Size.TINY: 0.2}
_WAYS: dict[str, Work] = {"download": works.download, "upload": works.upload}
_FILE = 64 * 2**20


def fill(root: Path) -> None:
    """A file to download."""
    (root / works.BIG).write_bytes(os.urandom(2**20) * (_FILE // 2**20))


def measure(size: Size) -> Curve:
    """Both ways, over TLS."""
    rows: list[Row] = []
    for way, work in _WAYS.items():
        with served(fill) as (server, target), Crowd(target) as crowd:
            for number in _NUMBERS[size]:
                crowd.send(work, number - crowd.counts().ready)
                before = server.account.cpu_seconds()
                rates = crowd.rates(_SECONDS[size])
                cpu = (server.account.cpu_seconds() - before) / rates.seconds
                gib = rates.octets / 2**30
                rows.append(
                    {
                        "way": way,
                        "transfers": number,
                        "MiB/s": rates.octets / 2**20,
                        "server CPU, s/GiB": cpu / gib,
                        "client CPU, s/GiB": rates.cpu / gib,
                    }
                )
    lines = [
        Line(way, [(row["transfers"], row["MiB/s"]) for row in rows if row["way"] == way])
        for way in _WAYS
    ]
    plot = Plot(
        "Throughput over TLS, clients on the same machine",
        Axis("transfers at once", log=True),
        Axis("MiB/s, of all"),
        lines,
    )
    return Curve(rows, {"throughput": plot})
