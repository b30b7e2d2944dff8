"""Time and memory of a listing against the number of its entries."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.bench.accounting import forget_peaks, peak_kib
from tests.bench.clients import Session
from tests.bench.contenders import VERBS
from tests.bench.curves.curve import Curve, Limit, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot
from tests.bench.listings import fill, names_in

_NUMBERS = {
    Size.FULL: (1000, 5000, 20_000, 50_000, 100_000, 200_000),
    Size.QUICK: (1000, 20_000, 50_000),
    Size.TINY: (10, 100),
}
_ROUNDS = 3
_FLAT = 110.0  # per cent


def measure(size: Size) -> Curve:
    """MLSD and LIST over TLS; every name has to come.

    Raises:
        SystemExit: Some did not.
    """
    numbers = _NUMBERS[size]
    rows: list[Row] = []

    def fill_all(root: Path) -> None:
        for number in numbers:
            fill(root / str(number), number)

    with served(fill_all) as (server, target):
        for number in numbers:
            for verb in VERBS:
                seconds, cpu = [], []
                for _ in range(_ROUNDS):
                    with Session(target, target.context()).ready() as session:
                        session.ask("TYPE A", 200)
                        forget_peaks(server.account.pids())
                        before, began = server.account.cpu_seconds(), time.perf_counter()
                        listing, _ = session.fetch(f"{verb} /{number}")
                        seconds.append(time.perf_counter() - began)
                        cpu.append(server.account.cpu_seconds() - before)
                if len(names_in(verb, listing)) != number:
                    raise SystemExit(f"{verb} of {number} entries was not whole")
                rows.append(
                    {
                        "verb": verb,
                        "entries": number,
                        "seconds": statistics.median(seconds),
                        "server CPU, s": statistics.median(cpu),
                        "microseconds of CPU each": statistics.median(cpu) / number * 1e6,
                        "KiB at the peak": peak_kib(server.account.pids()),
                    }
                )
    return Curve(
        rows,
        {
            "listing": Plot(
                "Listings over TLS",
                Axis("entries", log=True),
                Axis("seconds", log=True),
                _lines(rows, "seconds", 1),
            ),
            "listing-memory": Plot(
                "Memory of the server during listings",
                Axis("entries", log=True),
                Axis("MiB (peak of what is resident)"),
                _lines(rows, "KiB at the peak", 1024),
            ),
        },
        [_flat(rows, verb) for verb in VERBS],
    )


def _flat(rows: list[Row], verb: str) -> Limit:
    """The peak of the longest, over that of the shortest."""
    peaks = [row["KiB at the peak"] for row in rows if row["verb"] == verb]
    longest = rows[-1]["entries"]
    text = f"Memory at the peak of {verb} of {longest} entries, of that of {rows[0]['entries']}"
    return Limit(text, "%", _FLAT, 100 * peaks[-1] / peaks[0])


def _lines(rows: list[Row], figure: str, unit: float) -> list[Line]:
    return [
        Line(verb, [(row["entries"], row[figure] / unit) for row in rows if row["verb"] == verb])
        for verb in VERBS
    ]
