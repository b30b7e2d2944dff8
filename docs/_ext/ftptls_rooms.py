"""``.. rooms::`` draws the layers of the package, as the import contract has them.

Its body has a note for a layer in each line: one of its rooms, a colon, and the note.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
_WIDTH, _HEIGHT, _GAP = 560, 40, 8  # of a layer; and between rooms
_STYLE = (
    "rect{fill:#eef3f8;stroke:#4a6785}text{fill:#1d2b3a}"
    ".note{font-size:12px;fill:#5b6b7b}path{stroke:#4a6785;fill:none;stroke-width:2}"
)


def layers() -> list[list[str]]:
    """The rooms, layer by layer from the top."""
    contracts = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["type"] == "layers")
    return [
        [room for room in re.split(r"\s*[:|]\s*", layer) if not room.startswith("__")]
        for layer in contract["layers"]
        if not layer.startswith("__")
    ]


def drawn(rooms: Sequence[Sequence[str]], notes: Mapping[str, str]) -> str:
    """The picture, as SVG."""
    height = len(rooms) * (_HEIGHT + _GAP) + _GAP
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" width="100%" '
            'font-family="sans-serif" font-size="14" role="img" aria-label="The layers of the '
            f'package, from {rooms[-1][0]} at the bottom to {rooms[0][0]} at the top">',
            f"<style>{_STYLE}</style>",
            *(
                part
                for number, layer in enumerate(rooms)
                for part in _layer(layer, notes, _GAP + number * (_HEIGHT + _GAP))
            ),
            f'<path d="M590 12V{height - 20}m-5 -8l5 9l5 -9"/></svg>',
        ]
    )


def _layer(rooms: Sequence[str], notes: Mapping[str, str], top: int) -> Iterator[str]:
    width = (_WIDTH - _GAP * (len(rooms) - 1)) / len(rooms)
    for number, room in enumerate(rooms):
        left = _GAP + number * (width + _GAP)
        yield f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{_HEIGHT}" rx="5"/>'
        middle = left + width / 2
        yield f'<text x="{middle:.0f}" y="{top + 25}" text-anchor="middle">{escape(room)}</text>'
    for note in (notes[room] for room in rooms if room in notes):
        yield f'<text class="note" x="610" y="{top + 24}">{escape(note)}</text>'


class Rooms(Directive):
    """The picture."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """The nodes that it stands for."""
        rooms = layers()
        notes = dict(re.split(r":\s+", line, maxsplit=1) for line in self.content if line.strip())
        unknown = notes.keys() - {room for layer in rooms for room in layer}
        if unknown:
            raise self.error(f"There is no room called {', '.join(sorted(unknown))}.")
        self.state.document.settings.record_dependencies.add(str(PROJECT))
        return [nodes.raw("", drawn(rooms, notes), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("rooms", Rooms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
