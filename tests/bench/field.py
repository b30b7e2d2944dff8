"""The whole field in one run: every row for every server; ``python -m tests.bench.field``.

vsftpd, ProFTPD, Pure-FTPd, pyftpdlib, the server of ``twistd ftp`` and ftptls run at once, and
serve one folder. Each round goes through the rows, and each row through the servers, one after
the other in an order of its own; round 0 warms up, compares what was moved octet by octet, and does
not count. With ``--host``, one server that runs elsewhere is asked for what can be told from here.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

from ftptls.testing.certificates import KeyKind
from tests.bench import contenders, machine, peers, workers
from tests.bench.clients import BenchError, Target
from tests.bench.contenders import FIELD, OURS, Contender
from tests.bench.figures import ASPECTS, Sample, best, figures, ratio
from tests.bench.floors import Floors
from tests.bench.gathering import Subjects, elsewhere, here
from tests.bench.report import markdown
from tests.bench.rows import ROWS, Row
from tests.bench.subjects import QUICK, Load, Subject

Taken = dict[str, dict[str, list[Sample]]]
"""Samples of rounds, by the names of row and server."""


def measure(
    rows: Sequence[Row],
    subjects: Subjects,
    load: Load,
    rounds: int,
    floors: Floors | None,
    taken: Taken,
) -> None:
    """Go round.

    Args:
        rows: What is measured.
        subjects: The servers, by the kind of their keys.
        load: How much of it.
        rounds: How many count.
        floors: Are taken in each round, too; None on another host.
        taken: Where samples are put.

    Raises:
        SystemExit: A server did something else than it was asked for.
    """
    for number in range(rounds + 1):
        for row in [each for each in rows if number or each.warmed]:
            if number and floors:
                floors.take(row.name)
            for subject in _drawn(subjects[row.kind], f"{number} {row.name}"):
                if not _can(subject, row):
                    continue
                subject.first = not number
                _tell(f"round {number} of {rounds}: {row.name}, {subject.name}")
                sample = _sample(row, subject, load if number else load.brief())
                if number and sample:
                    taken.setdefault(row.name, {}).setdefault(subject.name, []).append(sample)
    _tell("")


def _drawn(subjects: Sequence[Subject], lot: str) -> list[Subject]:
    """In an order of their own, the same in each run: what one leaves behind costs the next."""
    return Random(lot).sample(subjects, len(subjects))


def _sample(row: Row, subject: Subject, load: Load) -> Sample | None:
    """None, from then on, of what another host refuses."""
    if row.name in subject.refused:
        return None
    try:
        return row.take(subject, load)
    except (BenchError, OSError) as error:
        if subject.server is None:
            subject.refused[row.name] = str(error)
            return None
        raise SystemExit(f"{row.name}, {subject.name}: {error}") from error


def _can(subject: Subject, row: Row) -> bool:
    if subject.server is None:
        return row.anywhere
    contender = subject.server.contender
    return (contender.private or not row.private) and row.verb in ("", *contender.verbs)


def _tell(what: str) -> None:
    """On one line of a terminal, or on a line of its own."""
    begin, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{begin}{what}", end=end, file=sys.stderr, flush=True)


def result(row: Row, taken: Mapping[str, Sequence[Sample]], floor: float | None) -> dict[str, Any]:
    """A row of what is written as JSON: figures in its unit, and ours by those of each server."""
    rounds = min(map(len, taken.values()))  # the last one may not be whole
    scaled = {
        name: [each.times(row.factor) for each in some[:rounds]] for name, some in taken.items()
    }
    others = {name: some for name, some in scaled.items() if name != OURS}
    in_c = {each.name for each in FIELD if each.in_c}
    ours = scaled.get(OURS, [])
    return {
        "name": row.name,
        "unit": row.unit,
        "floor": None if floor is None else floor * row.factor,
        "figures": {name: asdict(figures(some)) for name, some in scaled.items()},
        "ratios": {
            aspect: {name: ratio(ours, some, aspect) for name, some in others.items() if ours}
            for aspect in ASPECTS
        },
        "best": {
            **{aspect: best(others, aspect) for aspect in ASPECTS},
            "server in C": best({n: some for n, some in others.items() if n in in_c}, "server"),
        },
    }


def run(
    field: Sequence[Contender],
    rows: Sequence[Row],
    rates: Sequence[str],
    load: Load,
    rounds: int,
) -> dict[str, Any]:
    """Everything of a run on this machine, as it is written as JSON.

    Args:
        field: The servers.
        rows: What is measured of each.
        rates: What is measured of workers of this server.
        load: How much of it.
        rounds: How many count.
    """
    if not any(row.verb for row in rows):
        load = replace(load, entries=0)  # they take their time to be made
    with here(field, {row.kind for row in rows}, load) as (subjects, content):
        told = {each.name: f"{each.version()}. {each.about}" for each in field}
        made = _run(subjects, told, rows, load, rounds)
        if rates and not made["ended"]:
            _tell(" and ".join(rates))
            try:
                made["workers"], told = workers.measure(rates, content.folder, rounds, load.seconds)
                made["machine"]["shares"] = told
            except SystemExit as error:
                made["ended"] = str(error)
        return made


def run_elsewhere(
    target: Target, folder: str, rows: Sequence[Row], load: Load, rounds: int
) -> dict[str, Any]:
    """The same of one server on another host: what can be told from here."""
    asked = [row for row in rows if row.anywhere and row.kind is KeyKind.RSA]
    asked = [replace(row, name=row.name.removesuffix(", RSA-2048")) for row in asked]
    told = {target.host: f"port {target.port}; the figures are those of the client alone."}
    with elsewhere(target, folder, load) as subjects:
        return _run(subjects, told, asked, load, rounds)


def _run(
    subjects: Subjects, told: Mapping[str, str], rows: Sequence[Row], load: Load, rounds: int
) -> dict[str, Any]:
    everybody = [each for some in subjects.values() for each in some]
    servers = [each.server for each in everybody if each.server]
    floors = Floors(everybody[0].content) if servers else None
    taken: Taken = {}
    ended, began = "", time.monotonic()
    try:
        measure(rows, subjects, load, rounds, floors, taken)
    except SystemExit as error:
        ended = str(error)  # what was measured before is told, too
    about = machine.described()
    about["duration"] = f"{(time.monotonic() - began) / 60:.1f} minutes."
    if servers:
        about["accounting"] = f"By {servers[0].account.kind}."
    return {
        "machine": about,
        "servers": told,
        "rounds": rounds,
        "load": asdict(load),
        "negotiated": {each.name: each.negotiated for each in everybody if each.negotiated},
        "refused": {name: why for each in everybody for name, why in each.refused.items()},
        "lost": {each.name: each.lost for each in everybody if each.lost},
        "rows": [
            result(row, taken[row.name], floors.of(row.name) if floors else None)
            for row in rows
            if row.name in taken
        ],
        "workers": [],
        "ended": ended,
    }


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--quick", action="store_true", help="less of everything, in two minutes")
    made.add_argument("--rounds", type=int, help="that count; by default 5, or 3 if quick")
    made.add_argument("--only", default="", help="parts of the names of servers, by commas")
    made.add_argument("--rows", default="", help="beginnings of the names of rows, by semicolons")
    made.add_argument("--json", type=Path, help="where to write the figures, too")
    made.add_argument("--markdown", type=Path, help="where to write the tables, too")
    made.add_argument(
        "--checkout",
        type=_checkout,
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="another checkout of ftptls, which takes part by this name",
    )
    host = made.add_argument_group("a server that runs elsewhere, instead of all of these")
    host.add_argument("--host", help="its name or address")
    host.add_argument("--port", type=int, default=21, help="with explicit TLS")
    host.add_argument("--user", default=peers.USER)
    host.add_argument("--password", default="")
    host.add_argument("--cacert", type=Path, help="PEM file of whom to trust; by default anybody")
    host.add_argument("--folder", default="", help="where its user may upload and delete")
    return made


def _checkout(text: str) -> Contender:
    name, _, folder = text.partition("=")
    return contenders.another(name, Path(folder).resolve(strict=True))


def _end(*_: object) -> None:
    raise SystemExit("terminated")


def _wanted(name: str, beginnings: str) -> bool:
    return any(map(name.startswith, beginnings.split(";")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)  # with all servers
    field = [*contenders.chosen(FIELD, given.only), *given.checkout]
    rows = [row for row in ROWS if _wanted(row.name, given.rows)]
    ours = any(each.name == OURS for each in field)
    rates = [name for name in workers.ROWS if ours and _wanted(name, given.rows)]
    if not rows and not rates:
        names = [*(row.name for row in ROWS), *workers.ROWS]
        raise SystemExit(f"no row begins so; there are: {'; '.join(names)}")
    if len({each.name for each in field}) < len(field):
        raise SystemExit("two are called the same: name a checkout otherwise, or leave one out.")
    if not field:
        raise SystemExit(f"no server is called so; there are: {', '.join(e.name for e in FIELD)}")
    load, rounds = QUICK if given.quick else Load(), given.rounds or 5 - 2 * given.quick
    if given.host:
        target = Target(given.host, given.port, given.user, given.password, given.cacert)
        made = run_elsewhere(target, given.folder, rows, load, rounds)
    else:
        made = run(field, rows, rates, load, rounds)
    text = markdown(made)
    for path, content in ((given.json, json.dumps(made, indent=2)), (given.markdown, text)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
    print(text)
    if made["ended"]:
        raise SystemExit(made["ended"])


if __name__ == "__main__":
    main()
