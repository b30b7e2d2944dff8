"""Logins a second against the number of clients at once."""

from __future__ import annotations

from ftptls.testing.certificates import KeyKind
from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd
from tests.bench.curves.curve import Curve, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot

_NUMBERS = {
    Size.FULL: (1, 2, 4, 8, 16, 32),
    Size.QUICK: (1, 4, 16),
    Size.TINY: (1, 2),
}
_SECONDS = {Size.FULL: 4.0, Size.QUICK: 1.5, Size.TINY: 0.3}
_KEYS = {"P-256": KeyKind.EC, "RSA-2048": KeyKind.RSA}


def measure(size: Size) -> Curve:
    """Full handshakes, with the two kinds of keys."""
    rows: list[Row] = []
    lines = []
    for key, kind in list(_KEYS.items())[: 1 if size is Size.TINY else None]:
        points = []
        with served(kind=kind) as (server, target), Crowd(target) as crowd:
            for number in _NUMBERS[size]:
                crowd.send(works.log_in, number - crowd.counts().ready)
                before = server.account.cpu_seconds()
                rates = crowd.rates(_SECONDS[size])
                cpu = (server.account.cpu_seconds() - before) / rates.seconds
                points.append((number, rates.done))
                rows.append(
                    {
                        "key": key,
                        "clients": number,
                        "logins/s": rates.done,
                        "server CPU, ms": 1000 * cpu / rates.done,
                        "client CPU, ms": 1000 * rates.cpu / rates.done,
                    }
                )
        lines.append(Line(key, points))
    plot = Plot(
        "Logins over TLS with full handshakes, clients on the same machine",
        Axis("clients at once", log=True),
        Axis("logins and logouts a second"),
        lines,
    )
    return Curve(rows, {"logins": plot})
