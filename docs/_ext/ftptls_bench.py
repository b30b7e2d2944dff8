"""The tables of a recorded run, drawn from what ``make bench`` wrote as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftptls_reference import Generated
from sphinx.application import Sphinx

from tests.bench import report


class Bench(Generated):
    """One table of a file, by its name; or ``about``: the machine and the servers."""

    required_arguments = 2

    def lines(self) -> Iterator[str]:
        relative, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        run = json.loads(Path(path).read_text())
        if self.arguments[1] == "about":
            yield from (f"* {sentence}" for sentence in report.about(run))
            return
        found = [each for each in report.tables(run) if each.name == self.arguments[1]]
        if not found:
            raise self.error(f"{relative} has nothing for a table {self.arguments[1]}")
        yield from (found[0].title, "", ".. list-table::", "   :header-rows: 1", "")
        for row in (found[0].header, *found[0].rows):
            for number, cell in enumerate(row):
                yield f"     - {cell}" if number else f"   * - {cell}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-bench", Bench)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
