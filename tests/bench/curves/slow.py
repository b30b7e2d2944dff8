"""The speed of one fast download against the number of slow readers beside it."""

from __future__ import annotations

import statistics
import time

from tests.bench.accounting import pss_kib, threads
from tests.bench.contenders import Server
from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd
from tests.bench.curves.curve import Curve, Limit, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot
from tests.bench.curves.throughput import fill

_NUMBERS = {Size.FULL: (250, 500, 1000), Size.QUICK: (1000,), Size.TINY: (4,)}
_SECONDS = {Size.FULL: 5.0, Size.QUICK: 3.0, Size.TINY: 0.3}
_LEAST = 80.0  # per cent


def measure(size: Size) -> Curve:
    """The fast one is alone at first, and again at the end; the mean of both is its solo speed."""
    seconds = _SECONDS[size]
    with served(fill) as (server, target), Crowd(target, processes=1) as fast:
        fast.send(works.download, 1)
        alone = [_row(server, fast, seconds)]
        beside = []
        with Crowd(target) as slow:
            for number in _NUMBERS[size]:
                slow.send(works.crawl, number - slow.counts().ready)
                beside.append(_row(server, fast, seconds, slow))
        time.sleep(seconds / 3)  # until the server has noticed that they are gone
        alone.append(_row(server, fast, seconds))
    solo = statistics.mean(each["fast one, MiB/s"] for each in alone)
    rows = [*alone, *beside]
    for row in rows:
        row["per cent of solo"] = 100 * row["fast one, MiB/s"] / solo
    points = [(0.0, 100.0), *((row["slow readers"], row["per cent of solo"]) for row in beside)]
    most = points[-1][0]
    plot = Plot(
        f"One fast download over TLS beside slow readers at {works.SLOW // 1000} KB/s each",
        Axis("slow readers"),
        Axis("per cent of its speed alone"),
        [
            Line("fast download", points),
            Line(f"{_LEAST:g} per cent", [(0, _LEAST), (most, _LEAST)], bound=True),
        ],
    )
    text = f"Speed of one fast download beside {most:g} slow readers, of its speed alone"
    return Curve(rows, {"slow": plot}, [Limit(text, "%", _LEAST, points[-1][1], least=True)])


def _row(server: Server, fast: Crowd, seconds: float, slow: Crowd | None = None) -> Row:
    """What happens within the next ``seconds``."""
    crawled, cpu = slow.counts() if slow else None, server.account.cpu_seconds()
    rates = fast.rates(seconds)
    cpu = (server.account.cpu_seconds() - cpu) / rates.seconds
    row: Row = {
        "slow readers": 0,
        "fast one, MiB/s": rates.octets / 2**20,
        "server CPU, cores": cpu,
        "server threads": threads(server.account.pids()),
        "KiB": pss_kib(server.account.pids()),
    }
    if slow and crawled:
        octets = slow.counts().octets - crawled.octets
        row["slow readers"] = crawled.ready
        row["each slow one, B/s"] = octets / crawled.ready / rates.seconds
    return row
