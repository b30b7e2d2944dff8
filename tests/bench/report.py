"""The tables of a run, from what its JSON file holds; Markdown, and what the documents show.

Nothing is measured here, and nothing of the other modules is needed: the figures of a run that
was recorded are shown just so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Run = Mapping[str, Any]
"""What :func:`tests.bench.field.main` writes as JSON."""
OURS = "ftptls"
NONE = "-"
_ALONE = ("client", "seconds")


@dataclass(frozen=True)
class Table:
    """One of them.

    Attributes:
        name: By which the documents know it.
        title: A sentence above it.
        header: The names of its columns.
        rows: Its cells.
    """

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(run: Run) -> list[Table]:
    """Those that there is something to show in."""
    made = [_costs(run), _clock(run), _both_cores(run), _workers(run), _held(run)]
    return [each for each in made if each.rows]


def markdown(run: Run) -> str:
    """All of a run."""
    return "\n\n".join([*map(_as_markdown, tables(run)), "\n".join(_about(run))])


def about(run: Run) -> list[str]:
    """A sentence for each part of the machine, and each server."""
    return [line.removeprefix("- ") for line in _about(run)]


def _about(run: Run) -> Iterator[str]:
    for name, sentence in [*run["machine"].items(), *run["servers"].items()]:
        yield f"- {name}: {sentence}"
    yield f"- rounds: {run['rounds']} that count."
    for name, sentence in run["negotiated"].items():
        yield f"- {name} encrypted large files with {sentence}."
    for name, number in run.get("lost", {}).items():
        yield f"- {name} lost octets of {number} uploads that it had confirmed; they were repeated."
    for row, sentence in run["refused"].items():
        yield f"- {row} is left out: {sentence}"


def _costs(run: Run) -> Table:
    """Without a server that runs here, what the client needs is all that can be told."""
    servers = list(run["servers"])
    if all(_of(row, name, "server") is None for row in run["rows"] for name in servers):
        return Table(
            "costs",
            "CPU of the client, and time by the clock; less is better.",
            ["row", "unit", "CPU", "time"],
            [
                [row["name"], row["unit"], *(_shown(_of(row, name, each)) for each in _ALONE)]
                for row in run["rows"]
                for name in servers
            ],
        )
    header = ["row", "unit", *servers, "floor", "to the best", "both CPUs", "to the best in C"]
    return Table(
        "costs",
        "CPU of the server (with the client's, in brackets), or memory; less is better. An r "
        "marks sessions of TLS that were resumed.",
        [*header, "to pyftpdlib", "spread"],
        [_cost(row, servers) for row in run["rows"]],
    )


def _cost(row: Mapping[str, Any], servers: Sequence[str]) -> list[str]:
    return [
        row["name"],
        row["unit"],
        *(_cell(row, name) for name in servers),
        _shown(row["floor"]),
        _compared(row, "server", row["best"]["server"]),
        _compared(row, "both", row["best"]["both"]),
        _compared(row, "server", row["best"]["server in C"]),
        _times(row["ratios"]["server"].get("pyftpdlib")),
        _percent(_of(row, OURS, "spread")),
    ]


def _clock(run: Run) -> Table:
    servers = list(run["servers"])
    rows = [
        [
            row["name"],
            *(_throughput(row, name) for name in servers),
            _compared(row, "seconds", row["best"]["seconds"], upside_down=True),
        ]
        for row in run["rows"]
        if row["unit"] == "s/GiB"
    ]
    return Table(
        "clock",
        "Throughput by the clock in MiB/s, of all transfers together; more is better.",
        ["row", *servers, "to the best"],
        rows,
    )


def _both_cores(run: Run) -> Table:
    by_name = {row["name"]: row for row in run["rows"]}
    rows = []
    for way in ("download", "upload"):
        one, two = by_name.get(f"{way}, TLS"), by_name.get(f"two {way}s, TLS")
        if one and two:
            shown = [_cores(one, two, name) for name in run["servers"]]
            rows.append([f"two {way}s, TLS", *shown])
    return Table(
        "cores",
        "Throughput of two transfers at once by that of one; and in brackets how many cores "
        "server and client kept busy, with one and with two.",
        ["row", *run["servers"]],
        rows,
    )


def _workers(run: Run) -> Table:
    return Table(
        "workers",
        "Rates in a second, of one worker and of two, and CPU milliseconds for one; the clients "
        "share the processors, which bounds what is possible.",
        ["row", "1 worker", "2 workers", "ratio", "possible", "server CPU", "clients' CPU"],
        [
            [
                row["name"],
                *(_shown(row[each]) for each in ("one", "two")),
                *(_times(row[each]) for each in ("ratio", "possible")),
                *(_shown(1000 * row[each]) for each in ("server", "client")),
            ]
            for row in run["workers"]
        ],
    )


def _held(run: Run) -> Table:
    return Table(
        "shares",
        "The same where each process of the server has a share of a processor, and no more.",
        ["row", "1 worker", "2 workers", "ratio"],
        [
            [row["name"], _shown(held["one"]), _shown(held["two"]), _times(held["ratio"])]
            for row in run["workers"]
            if (held := row.get("held"))
        ],
    )


def _cores(one: Mapping[str, Any], two: Mapping[str, Any], name: str) -> str:
    alone, together = _of(one, name, "seconds"), _of(two, name, "seconds")
    if not alone or not together:
        return NONE
    busy = [
        f"{_of(row, name, 'both') / seconds:.1f}"
        for row, seconds in ((one, alone), (two, together))
        if _of(row, name, "both") is not None
    ]
    return f"{alone / together:.2f}" + (f" ({', '.join(busy)})" if busy else "")


def _of(row: Mapping[str, Any], name: str, figure: str) -> Any:
    return row["figures"].get(name, {}).get(figure)


def _cell(row: Mapping[str, Any], name: str) -> str:
    server, both = _of(row, name, "server"), _of(row, name, "both")
    if server is None:
        return NONE
    mark = " r" if _of(row, name, "resumed") else ""
    return _shown(server) + (f" ({_shown(both)})" if both is not None else "") + mark


def _throughput(row: Mapping[str, Any], name: str) -> str:
    seconds = _of(row, name, "seconds")
    return f"{1024 / seconds:.0f}" if seconds else NONE


def _compared(
    row: Mapping[str, Any], aspect: str, name: str | None, *, upside_down: bool = False
) -> str:
    ratio = row["ratios"][aspect].get(name)
    if not ratio:
        return NONE
    return f"{_times(1 / ratio if upside_down else ratio)} {name}"


def _times(ratio: float | None) -> str:
    return NONE if ratio is None else f"{ratio:.2f}"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{share:.0%}"


def _shown(figure: float | None) -> str:
    if figure is None:
        return NONE
    return f"{figure:.0f}" if figure >= 20 else f"{figure:.3g}"


def _as_markdown(table: Table) -> str:
    lines = [table.title, "", f"| {' | '.join(table.header)} |"]
    lines.append(f"| --- |{' ---: |' * (len(table.header) - 1)}")
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    return "\n".join(lines)
