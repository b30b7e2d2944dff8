"""Memory against the number of idle sessions."""

from __future__ import annotations

import time

from tests.bench.accounting import pss_kib
from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd, allow_files
from tests.bench.curves.curve import Curve, Limit, Row, Size, served
from tests.bench.curves.plot import Axis, Line, Plot

_NUMBERS = {
    Size.FULL: (0, 100, 500, 1000, 2000, 4000, 6000, 8000, 10_000),
    Size.QUICK: (0, 100, 500, 1000, 2000),
    Size.TINY: (0, 4, 8),
}
_PATIENT = "[limits]\nidle_timeout = 3000.0"
_OTHERS = 100  # files that the server has open besides
_MOST = 60.0  # KiB


def measure(size: Size) -> Curve:
    """Sessions come in and stay; at the end each of them has to answer.

    Raises:
        SystemExit: Some did not.
    """
    numbers = [min(each, allow_files() - _OTHERS) for each in _NUMBERS[size]]
    if numbers[-1] < _NUMBERS[size][-1]:
        print(f"{numbers[-1]} sessions only: the hard limit of open files (ulimit -Hn) is so low.")
    rows: list[Row] = []
    with served(settings=_PATIENT) as (server, target), Crowd(target) as crowd:
        for number in numbers:
            crowd.send(works.idle, number - crowd.counts().ready)
            time.sleep(0.5)  # what is done behind the last reply
            rows.append({"sessions": number, "KiB": pss_kib(server.account.pids())})
        crowd.send(works.answer, crowd.processes)
        answered = crowd.counts().done
    if answered != numbers[-1]:
        raise SystemExit(f"only {answered} of {numbers[-1]} sessions are still there")
    base = rows[0]["KiB"]
    for row in rows[1:]:
        row["KiB each"] = (row["KiB"] - base) / row["sessions"]
    plot = Plot(
        "Memory of idle sessions over TLS",
        Axis("sessions"),
        Axis("MiB (PSS of all processes)"),
        [
            Line("measured", [(row["sessions"], row["KiB"] / 1024) for row in rows]),
            Line(
                f"{_MOST:g} KiB each",
                [(each, (base + each * _MOST) / 1024) for each in (0, numbers[-1])],
                bound=True,
            ),
        ],
    )
    each = rows[-1]["KiB each"]
    return Curve(
        rows, {"sessions": plot}, [Limit(f"Each of {numbers[-1]} sessions", "KiB", _MOST, each)]
    )
