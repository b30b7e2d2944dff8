"""pyftpdlib's own benchmark script, run against this server and pyftpdlib by turns.

``python -m tests.bench.ftpbench`` fetches pyftpdlib's source distribution, for ``ftpbench`` is in
nothing else, and leaves the script as it is. Its uploads over TLS end without close_notify, which
this server refuses by default: it is told to accept them. Where the script itself gives up, with
any of the servers, its last row stays empty, and its own words are recorded.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders, machine, peers
from tests.bench.contenders import FIELD, OPEN, OURS, Contender, Server
from tests.bench.curves.curve import in_memory

_FETCHED = Path(__file__).parent / ".ftpbench"
_FOLDER = Path("build", "bench")
_SETTINGS = f'{OPEN}\nupload_end = "accept_fin"'
CONTENDERS = (
    Contender(OURS, peers.ftptls(f"memory:{peers.USER}:{peers.PASSWORD}", settings=_SETTINGS)),
    *(each for each in FIELD if each.name == "pyftpdlib"),
)
_KINDS = {"clear": (), "TLS": ("--ssl",)}
_LINE = re.compile(r"^(.+?) +([0-9.]+) (MB/sec|secs)\b", re.MULTILINE)
_SECONDS = 300


@dataclass(frozen=True)
class Row:
    """One line of the script's table.

    Attributes:
        kind: ``clear`` or ``TLS``.
        what: As the script calls it.
        unit: ``MB/sec``, of which more is better, or ``secs``.
        figures: The medians over rounds, by server; without those for which there are none.
        ratio: The median of ours by pyftpdlib's of the same round, if there is one.
    """

    kind: str
    what: str
    unit: str
    figures: Mapping[str, float]
    ratio: float | None


@dataclass(frozen=True)
class Run:
    """One run of the script.

    Attributes:
        figures: What it printed, by the name of the line and its unit.
        complaint: Its last words, if it gave up.
    """

    figures: Mapping[tuple[str, str], float]
    complaint: str


def script() -> Path:
    """The script of the version that is installed; fetched once."""
    name = f"pyftpdlib-{version('pyftpdlib')}"
    path = _FETCHED / name / "scripts" / "ftpbench"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            wanted = name.replace("-", "==")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--no-binary", "pyftpdlib", "--dest", folder, wanted]
            subprocess.run(command, check=True)
            (archive,) = Path(folder).glob("*.tar.gz")
            with tarfile.open(archive) as opened:
                opened.extractall(_FETCHED, filter="data")
    return path


def parsed(output: str) -> dict[tuple[str, str], float]:
    """The lines of the script's table, in their order."""
    return {(what.strip(), unit): float(figure) for what, figure, unit in _LINE.findall(output)}


def run(server: Server, flags: Sequence[str], clients: int) -> Run:
    """Once, against one server.

    Raises:
        SystemExit: It measured nothing at all.
    """
    command = [sys.executable, "-W", "ignore", str(script()), "--benchmark", "all"]
    command += ["--host", "127.0.0.1", "--port", str(server.place.port), "--timeout", "60"]
    command += ["--user", peers.USER, "--pass", peers.PASSWORD, "--clients", str(clients), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    figures = parsed(done.stdout)
    said = done.stderr.strip().splitlines()
    if not figures:
        raise SystemExit(f"ftpbench measured nothing of {server.contender.name}: {said[-1:]}")
    server.settle(processes=1)
    return Run(figures, said[-1] if done.returncode and said else "")


def measure(rounds: int, clients: int) -> tuple[list[Row], list[str]]:
    """Rows, and what the script complained of.

    Args:
        rounds: How many count; one more comes before them.
        clients: Of its rows with many.
    """
    runs: dict[tuple[str, str], list[Run]] = {}
    complaints: dict[str, None] = {}
    with (
        tempfile.TemporaryDirectory(prefix="ftptls-ftpbench-", dir=in_memory()) as root,
        contenders.running(CONTENDERS, Authority(), KeyKind.EC, Path(root)) as servers,
    ):
        for number in range(rounds + 1):
            for kind, flags in _KINDS.items():
                for server in servers:
                    made = run(server, flags, clients)
                    name = server.contender.name
                    if made.complaint:
                        complaints[f"{kind}, {name}: {made.complaint}"] = None
                    if number:
                        runs.setdefault((kind, name), []).append(made)
    return [row for kind in _KINDS for row in rows(kind, runs)], list(complaints)


def rows(kind: str, runs: Mapping[tuple[str, str], Sequence[Run]]) -> list[Row]:
    """Medians over the rounds; a line is left out where not every round of a server has it."""
    names = [name for each, name in runs if each == kind]
    found = {name: [each.figures for each in runs[kind, name]] for name in names}
    lines = dict.fromkeys(line for name in names for line in found[name][0])
    return [_row(kind, line, found) for line in lines]


def _row(
    kind: str, line: tuple[str, str], found: Mapping[str, Sequence[Mapping[tuple[str, str], float]]]
) -> Row:
    taken = {
        name: [each[line] for each in rounds]
        for name, rounds in found.items()
        if all(line in each for each in rounds)
    }
    pairs = list(zip(*taken.values(), strict=True)) if len(taken) == len(found) else []
    whole = pairs and all(other for _, other in pairs)  # the script's seconds have two decimals
    ratio = statistics.median(our / other for our, other in pairs) if whole else None
    medians = {name: statistics.median(each) for name, each in taken.items()}
    return Row(kind, *line, medians, ratio)


def table(found: Sequence[Row]) -> list[list[str]]:
    """Its cells, the head first."""
    names = [each.name for each in CONTENDERS]
    cells = [["", "", *names, f"{names[0]} : {names[1]}", ""]]
    for row in found:
        figures = [_shown(row.figures.get(name), row.unit) for name in names]
        better = "more is better" if row.unit == "MB/sec" else "less is better"
        cells.append([row.kind, row.what, *figures, _shown(row.ratio), better])
    return cells


def _shown(figure: float | None, unit: str = "") -> str:
    return "-" if figure is None else f"{figure:,.2f} {unit}".strip()


def markdown(found: Sequence[Row]) -> str:
    """The table."""
    head, *others = (f"| {' | '.join(cells)} |" for cells in table(found))
    return "\n".join([head, "| --- | --- | ---: | ---: | ---: | --- |", *others]) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=50, help="of rows with many clients")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="default: %(default)s")
    given = parser.parse_args(arguments)
    found, complaints = measure(given.rounds, given.clients)
    told = {
        "script": script().parent.parent.name,
        "rounds": given.rounds,
        "machine": machine.described(),
        "complaints": complaints,
        "rows": [asdict(each) for each in found],
        "table": table(found),
    }
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "ftpbench.json").write_text(json.dumps(told, indent=1) + "\n")
    (given.folder / "ftpbench.md").write_text(markdown(found))
    print(markdown(found), *complaints, sep="\n")


if __name__ == "__main__":
    main()
