"""What ``make curves`` and ``tests.bench.ftpbench`` recorded, as plots and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftptls_reference import Generated
from sphinx.application import Sphinx


class Recorded(Generated):
    """Shows something of a JSON file."""

    required_arguments = 1

    def recorded(self, name: str) -> dict[str, Any]:
        relative, path = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        found: dict[str, Any] = json.loads(Path(path).read_text())
        return found


class Curve(Recorded):
    """The plots of a curve, and how it stands with what was promised."""

    def lines(self) -> Iterator[str]:
        folder = self.arguments[0].rpartition("/")[0]
        curve = self.recorded(f"{self.arguments[0]}.json")
        for plot, title in curve["plots"].items():
            yield from (f".. image:: {folder}/{plot}.svg", f"   :alt: {title}", "")
        yield from (f"* {limit['told']}." for limit in curve["limits"])


class Machine(Recorded):
    """What it was measured on."""

    def lines(self) -> Iterator[str]:
        for name, sentence in self.recorded(self.arguments[0])["machine"].items():
            yield f"* {name}: {sentence}"


class FTPBench(Recorded):
    """The table, and what the script complained of."""

    def lines(self) -> Iterator[str]:
        recorded = self.recorded(self.arguments[0])
        yield from (".. list-table::", "   :header-rows: 1", "")
        for row in recorded["table"]:
            for number, cell in enumerate(row):
                yield f"     - {cell}" if number else f"   * - {cell}"
        yield ""
        yield from (f"* {complaint}" for complaint in recorded["complaints"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-curve", Curve)
    app.add_directive("ftptls-ftpbench", FTPBench)
    app.add_directive("ftptls-machine", Machine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
