"""How long a NOOP takes on one session, against the number of transfers that others have."""

from __future__ import annotations

import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.bench.clients import Session
from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd
from tests.bench.curves.curve import Curve, Limit, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot
from tests.bench.curves.throughput import fill

_NUMBERS = {Size.FULL: (0, 1, 2, 4, 8, 16), Size.QUICK: (0, 8), Size.TINY: (0, 2)}
_SECONDS = {Size.FULL: 8.0, Size.QUICK: 4.0, Size.TINY: 0.3}
_PAUSE = 0.002
_SATURATED, _MOST = 8, 20.0  # transfers, milliseconds


def measure(size: Size) -> Curve:
    """Downloads saturate the machine, and one session asks for nothing at all.

    A plain echo by another process, at the same time, tells how much of it is the machine's.
    """
    rows: list[Row] = []
    with (
        served(fill) as (_, target),
        Crowd(target) as crowd,
        _echo() as echo,
        Session(target, target.context()).ready() as session,
    ):
        for number in _NUMBERS[size]:
            crowd.send(works.download, number - crowd.counts().ready)
            asked = _asked(lambda: session.ask("NOOP", 200), echo, _SECONDS[size])
            rows.append({"transfers": number, "asked": len(asked[0]), **_told(*asked)})
    plot = Plot(
        "NOOP over TLS beside downloads, clients on the same machine",
        Axis("transfers at once"),
        Axis("milliseconds"),
        [
            *(
                Line(name, [(row["transfers"], row[name]) for row in rows])
                for name in ("NOOP p50", "NOOP p99", "echo p50", "echo p99")
            ),
            Line(f"{_MOST:g} ms", [(0, _MOST), (rows[-1]["transfers"], _MOST)], bound=True),
        ],
    )
    limits = [
        Limit(f"NOOP p99 beside {_SATURATED} downloads", "ms", _MOST, row["NOOP p99"])
        for row in rows
        if row["transfers"] == _SATURATED
    ]
    return Curve(rows, {"latency": plot}, limits)


def _asked(
    noop: Callable[[], object], echo: Callable[[], object], seconds: float
) -> tuple[list[float], list[float]]:
    """Milliseconds of both, by turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for ask, into in zip((noop, echo), taken, strict=True):
            began = time.perf_counter()
            ask()
            into.append(1000 * (time.perf_counter() - began))
            time.sleep(_PAUSE)
    return taken


def _told(noop: list[float], echo: list[float]) -> dict[str, float]:
    told = {}
    for name, taken in (("NOOP", noop), ("echo", echo)):
        told[f"{name} p50"] = statistics.median(taken)
        told[f"{name} p99"] = statistics.quantiles(taken, n=100)[98]
    return told


@contextmanager
def _echo() -> Iterator[Callable[[], object]]:
    """A process that sends an octet back, and what asks it to."""
    ours, theirs = socket.socketpair()
    with ours:
        process = multiprocessing.get_context("spawn").Process(target=_reply, args=(theirs,))
        process.start()
        theirs.close()

        def ask() -> object:
            ours.sendall(b"?")
            return ours.recv(1)

        ask()
        yield ask
    process.join()


def _reply(asked: socket.socket) -> None:
    while data := asked.recv(1):
        asked.sendall(data)
