"""A long listing: seconds, and CPU of both sides; ``python -m tests.bench.listings``.

All servers list one folder. In each round every server in turn sends it by MLSD and by LIST,
over TLS (PROT P) and in clear; round 0 warms up and does not count. Time begins before PASV and
ends behind the 226; the login is not in it. What came is read whole, and every name must be
there. How often one server takes as long as another one is computed within each round, so that
a machine that is busy for a while is so for all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench.clients import Session, Target
from tests.bench.contenders import FIELD, OURS, VERBS, Contender, Server, chosen, running
from tests.bench.figures import Sample, middle, ratio, spread

CONTENDERS = tuple(each for each in FIELD if each.private)
_DAY = 86400
# What comes before the name in a line of either verb.
_BEFORE = {"MLSD": re.compile(rb"[^ ]* "), "LIST": re.compile(rb"(?:[^ ]+ +){8}")}


@dataclass(frozen=True)
class Result:
    """Of one server and one kind of listing: medians over rounds; None where it has none.

    Attributes:
        name: The contender's.
        kind: Verb and protection, such as ``MLSD, TLS``.
        seconds: From before PASV to behind the 226.
        server: CPU seconds of the server's whole process tree.
        client: The same of the client.
        ratio: ``seconds`` by those of ftptls in the same round.
        cpu_ratio: ``server`` by that of ftptls in the same round.
        spread: Largest less smallest ``seconds``, over their median.
    """

    name: str
    kind: str
    seconds: float | None = None
    server: float | None = None
    client: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    spread: float | None = None


def fill(folder: Path, number: int) -> frozenset[bytes]:
    """Make files of many sizes and times, and some folders; returns their names."""
    folder.mkdir()
    names = [f"report-{each:06}.csv" for each in range(number)]
    now = time.time()
    for each, name in enumerate(names):
        path = folder / name
        if each % 100 == 99:
            path.mkdir()
        else:
            path.touch()
            os.truncate(path, each * 7919 % 1_000_000)
        modified = now - each * 977 % (700 * _DAY)
        os.utime(path, (modified, modified))
    return frozenset(name.encode() for name in names)


def names_in(verb: str, listing: bytes) -> list[bytes]:
    """The names of a listing, without the directory itself and the one around it."""
    before = _BEFORE[verb]
    lines = [line for line in listing.split(b"\r\n") if line and not line.startswith(b"total ")]
    names = [before.sub(b"", line, count=1) for line in lines]
    return [name for name in names if name not in (b".", b"..")]


def measure(contenders: Sequence[Contender], rounds: int, number: int) -> list[Result]:
    """Start every server, and go round them.

    Args:
        contenders: The servers.
        rounds: How many count.
        number: Names in the folder.

    Raises:
        SystemExit: A listing was not of these names.
    """
    with tempfile.TemporaryDirectory(prefix="ftptls-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        names = fill(folder / "root", number)
        with running(contenders, Authority(), KeyKind.EC, folder / "root") as servers:
            return [
                result
                for private in (True, False)
                for result in _measured(servers, names, rounds, private=private)
            ]


def _measured(
    servers: Sequence[Server], names: frozenset[bytes], rounds: int, *, private: bool
) -> Iterator[Result]:
    samples: dict[tuple[str, str], list[Sample]] = {}
    for _ in range(rounds + 1):
        for each in servers:
            place, contender = each.place, each.contender
            target = Target("127.0.0.1", place.port, contender.user, trusted=place.authority)
            with Session(target, target.context() if private else None).ready() as session:
                session.ask("TYPE A", 200)  # as RFC 959 has it for listings
                for verb in contender.verbs:
                    sample, listing = _taken(each, session, verb)
                    _compare(contender, verb, names, listing)
                    samples.setdefault((verb, contender.name), []).append(sample)
                session.quit()
    for verb in VERBS:
        taken = {
            each.contender.name: samples.get((verb, each.contender.name), [])[1:]
            for each in servers
        }
        yield from _results(f"{verb}, {'TLS' if private else 'clear'}", taken)


def _taken(server: Server, session: Session, verb: str) -> tuple[Sample, bytes]:
    """What it costs, and what came."""
    processes, before = len(server.account.pids()), server.account.cpu_seconds()
    client, clock = time.process_time(), time.perf_counter()
    listing, _ = session.fetch(verb)
    seconds, client = time.perf_counter() - clock, time.process_time() - client
    server.settle(processes)
    return Sample(server.account.cpu_seconds() - before, client, seconds), listing


def _compare(contender: Contender, verb: str, names: frozenset[bytes], listing: bytes) -> None:
    came = names_in(verb, listing)
    if len(came) != len(names) or set(came) != names:
        raise SystemExit(f"{verb} of {contender.name}: {len(came)} names came, not {len(names)}")


def _results(kind: str, taken: dict[str, list[Sample]]) -> list[Result]:
    ours = taken.get(OURS, [])
    return [_result(name, kind, samples, ours) for name, samples in taken.items()]


def _result(name: str, kind: str, samples: Sequence[Sample], ours: Sequence[Sample]) -> Result:
    if not samples:
        return Result(name, kind)
    return Result(
        name,
        kind,
        middle(samples, "seconds"),
        middle(samples, "server"),
        middle(samples, "client"),
        ratio(samples, ours, "seconds") if ours else None,
        ratio(samples, ours, "server") if ours else None,
        spread([each.seconds for each in samples if each.seconds is not None]),
    )


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        f"| listing | server | seconds | by {OURS} | server CPU, s | by {OURS} "
        "| client CPU, s | spread |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.kind} | {each.name} | {_shown(each.seconds, '.3f')} "
        f"| {_shown(each.ratio, '.2f')} | {_shown(each.server, '.2f')} "
        f"| {_shown(each.cpu_ratio, '.2f')} | {_shown(each.client, '.2f')} "
        f"| {_shown(each.spread, '.0%')} |"
        for each in results
    ]
    return "\n".join(lines)


def _shown(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--names", type=int, default=50_000, help="in the folder")
    parser.add_argument("--only", default="", help="parts of the names of servers, by commas")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    results = measure(chosen(CONTENDERS, given.only), given.rounds, given.names)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
