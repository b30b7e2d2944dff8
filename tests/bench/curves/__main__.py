"""Measure curves, and record each as JSON and as a plot; ``--help`` tells which there are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.curves import latency, listing, logins, sessions, slow, throughput
from tests.bench.curves.curve import Measure, Size

CURVES: Mapping[str, Measure] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "sessions": sessions.measure,
    "logins": logins.measure,
    "listing": listing.measure,
    "slow": slow.measure,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Go through them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.curves", description=__doc__)
    parser.add_argument("curves", nargs="*", metavar="CURVE", help=f"of {', '.join(CURVES)}; all")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    parser.add_argument(
        "--quick", dest="size", action="store_const", const=Size.QUICK, help="in about a minute"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build", "bench", "curves"),
        help="where JSON and SVG go (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    for name in given.curves:
        if name not in CURVES:
            parser.error(f"there is no curve {name}")
    for name in given.curves or CURVES:
        began = time.monotonic()
        curve = CURVES[name](given.size)
        curve.record(name, given.folder, given.size)
        print(f"{name} ({time.monotonic() - began:.0f} s)")
        for row in curve.rows:
            print("  " + "; ".join(f"{label}: {_shown(value)}" for label, value in row.items()))
        for limit in curve.limits:
            print(f"  {limit}")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.4g}"


if __name__ == "__main__":
    main()
