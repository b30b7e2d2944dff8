"""The whole field in one run: every row for every server; ``python -m tests.bench.field``.

vsftpd, ProFTPD, Pure-FTPd, pyftpdlib, the server of ``twistd ftp`` and ftptls run at once, and
serve one folder. Each round goes through the rows, and each row through the servers, one after
the other; round 0 warms up, compares what was moved octet by octet, and does not count. With
``--host``, one server that runs elsewhere is asked for what can be told from here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders, machine
from tests.bench.clients import BenchError, Target
from tests.bench.contenders import FIELD, OURS, Contender
from tests.bench.figures import ASPECTS, Sample, best, figures, ratio
from tests.bench.floors import Floors
from tests.bench.report import markdown
from tests.bench.rows import ROWS, Row
from tests.bench.subjects import QUICK, Content, Load, Subject

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]
"""By the names of row and server."""


def measure(
    rows: Sequence[Row],
    subjects: Mapping[KeyKind, Sequence[Subject]],
    load: Load,
    rounds: int,
    floors: Floors,
) -> dict[str, dict[str, list[Sample]]]:
    """Go round.

    Args:
        rows: What is measured.
        subjects: The servers, by the kind of their keys.
        load: How much of it.
        rounds: How many count.
        floors: Are taken in each round, too.

    Raises:
        SystemExit: A server did something else than it was asked for.
    """
    taken: dict[str, dict[str, list[Sample]]] = {row.name: {} for row in rows}
    for number in range(rounds + 1):
        for row in [each for each in rows if number or each.warmed]:
            if number:
                floors.take(row.name)
            for subject in subjects[row.kind]:
                if not _can(subject, row):
                    continue
                subject.first = not number
                _tell(f"round {number} of {rounds}: {row.name}, {subject.name}")
                try:
                    sample = row.take(subject, load if number else load.brief())
                except (BenchError, OSError) as error:
                    raise SystemExit(f"{row.name}, {subject.name}: {error}") from error
                if number:
                    taken[row.name].setdefault(subject.name, []).append(sample)
    _tell("")
    return taken


def _can(subject: Subject, row: Row) -> bool:
    if subject.server is None:
        return row.anywhere
    contender = subject.server.contender
    return (contender.private or not row.private) and row.verb in ("", *contender.verbs)


def _tell(what: str) -> None:
    """On one line of a terminal, or on a line of its own."""
    begin, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{begin}{what}", end=end, file=sys.stderr, flush=True)


@contextmanager
def here(
    field: Sequence[Contender], kinds: set[KeyKind], load: Load
) -> Iterator[dict[KeyKind, list[Subject]]]:
    """Start every server, once for each kind of key."""
    authority = Authority()
    with tempfile.TemporaryDirectory(prefix="ftptls-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        content = Content.make(folder / "root", load)
        with (
            _started(field, authority, content, kinds & {KeyKind.RSA}) as rsa,
            _started(field, authority, content, kinds & {KeyKind.EC}) as ec,
        ):
            yield {**rsa, **ec}


@contextmanager
def _started(
    field: Sequence[Contender], authority: Authority, content: Content, kinds: set[KeyKind]
) -> Iterator[dict[KeyKind, list[Subject]]]:
    if not kinds:
        yield {}
        return
    (kind,) = kinds
    with contenders.running(field, authority, kind, content.folder) as servers:
        subjects = []
        for each in servers:
            place, user = each.place, each.contender.user
            target = Target("127.0.0.1", place.port, user, trusted=place.authority)
            subjects.append(
                Subject(each.contender.name, target, content, each, authority=authority)
            )
        yield {kind: subjects}


def result(row: Row, taken: Mapping[str, Sequence[Sample]], floor: float | None) -> dict[str, Any]:
    """A row of what is written as JSON: figures in its unit, and ours by those of each server."""
    scaled = {name: [each.times(row.factor) for each in some] for name, some in taken.items()}
    peers = {name: some for name, some in scaled.items() if name != OURS}
    in_c = {each.name for each in FIELD if each.in_c}
    ours = scaled.get(OURS, [])
    return {
        "name": row.name,
        "unit": row.unit,
        "floor": None if floor is None else floor * row.factor,
        "figures": {name: asdict(figures(some)) for name, some in scaled.items()},
        "ratios": {
            aspect: {name: ratio(ours, some, aspect) for name, some in peers.items() if ours}
            for aspect in ASPECTS
        },
        "best": {
            **{aspect: best(peers, aspect) for aspect in ASPECTS},
            "server in C": best({n: some for n, some in peers.items() if n in in_c}, "server"),
        },
    }


def run(field: Sequence[Contender], rows: Sequence[Row], load: Load, rounds: int) -> dict[str, Any]:
    """Everything of a run on this machine, as it is written as JSON."""
    told = {each.name: f"{each.version()}. {each.about}" for each in field}
    with here(field, {row.kind for row in rows}, load) as subjects:
        everybody = [each for some in subjects.values() for each in some]
        floors = Floors(everybody[0].content)
        taken = measure(rows, subjects, load, rounds, floors)
        accounting = {each.server.account.kind for each in everybody if each.server}
        return {
            "machine": machine.described() | {"accounting": f"by {' and '.join(accounting)}."},
            "servers": told,
            "rounds": rounds,
            "load": asdict(load),
            "negotiated": {each.name: each.negotiated for each in everybody if each.negotiated},
            "rows": [result(row, taken[row.name], floors.of(row.name)) for row in rows],
        }


def _checkout(text: str) -> Contender:
    name, _, folder = text.partition("=")
    return contenders.another(name, Path(folder).resolve(strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in two minutes")
    parser.add_argument("--rounds", type=int, help="that count; by default 5, or 3 if quick")
    parser.add_argument("--only", default="", help="parts of the names of servers, by commas")
    parser.add_argument("--rows", default="", help="beginnings of the names of rows, by semicolons")
    parser.add_argument(
        "--checkout",
        type=_checkout,
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="another checkout of ftptls, which takes part by this name",
    )
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    parser.add_argument("--markdown", type=Path, help="where to write the tables, too")
    given = parser.parse_args(arguments)
    rows = [row for row in ROWS if any(map(row.name.startswith, given.rows.split(";")))]
    field = [*contenders.chosen(FIELD, given.only), *given.checkout]
    if not rows or not field:
        names = "; ".join(row.name for row in ROWS) if not rows else [each.name for each in FIELD]
        raise SystemExit(f"nothing is called so; there are: {names}")
    made = run(field, rows, QUICK if given.quick else Load(), given.rounds or 5 - 2 * given.quick)
    text = markdown(made)
    for path, content in ((given.json, json.dumps(made, indent=2)), (given.markdown, text)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
    print(text)


if __name__ == "__main__":
    main()
