"""What a curve is: how it is measured, what it is held against, and what is recorded of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders, machine, peers
from tests.bench.clients import Target
from tests.bench.contenders import OURS, Contender, Server
from tests.bench.curves.plot import Plot

# One point: its figures, each with its unit in its name.
Row = dict[str, Any]
_MEMORY = Path("/dev/shm")


class Size(StrEnum):
    """How much is measured: for good, for a glance, or to see whether it works at all."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"


@dataclass(frozen=True)
class Limit:
    """What was promised.

    Attributes:
        text: Of what.
        unit: Of both figures.
        bound: What it should not be above, or below.
        measured: What it is.
        least: Whether more is better.
    """

    text: str
    unit: str
    bound: float
    measured: float
    least: bool = False

    @property
    def kept(self) -> bool:
        """Whether it is as promised."""
        return self.measured >= self.bound if self.least else self.measured <= self.bound

    def __str__(self) -> str:
        demand = "at least" if self.least else "at most"
        verdict = "kept" if self.kept else "missed"
        return (
            f"{self.text}: {self.measured:.3g} {self.unit}, "
            f"{demand} {self.bound:g} {self.unit} ({verdict})"
        )


@dataclass(frozen=True)
class Curve:
    """What was measured.

    Attributes:
        rows: All figures, one row for each point.
        plots: What is drawn of them, by the names of their files.
        limits: What of it was promised.
    """

    rows: Sequence[Row]
    plots: Mapping[str, Plot]
    limits: Sequence[Limit] = ()

    def record(self, name: str, folder: Path, size: Size) -> None:
        """Write ``name.json``, and a file for each plot."""
        limits = [{**asdict(each), "kept": each.kept, "told": str(each)} for each in self.limits]
        told = {
            "curve": name,
            "size": size,
            "machine": machine.described(),
            "limits": limits,
            "plots": {stem: plot.title for stem, plot in self.plots.items()},
            "rows": list(self.rows),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")
        for stem, plot in self.plots.items():
            (folder / f"{stem}.svg").write_text(plot.svg())


Measure = Callable[[Size], Curve]


def in_memory() -> str | None:
    """Where files go that are not to wait for a disk; None for where others go."""
    return str(_MEMORY) if _MEMORY.is_dir() else None


@contextmanager
def served(
    fill: Callable[[Path], None] = lambda _root: None,
    *,
    settings: str = "",
    kind: KeyKind = KeyKind.EC,
) -> Iterator[tuple[Server, Target]]:
    """This server, and where to find it.

    Args:
        fill: Puts files into the folder that it serves, which is in memory.
        settings: More TOML.
        kind: Of its key.
    """
    with tempfile.TemporaryDirectory(prefix="ftptls-curves-", dir=in_memory()) as folder:
        root = Path(folder)
        fill(root)
        auth = f"memory:{peers.USER}:{peers.PASSWORD}"
        own = Contender(OURS, peers.ftptls(auth, settings=settings))
        with contenders.running([own], Authority(), kind, root) as (server,):
            place = server.place
            yield server, Target("127.0.0.1", place.port, trusted=place.authority)
