"""Line plots as SVG: axes, linear or logarithmic, their labels, and a legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 70, 55
_ACROSS, _DOWN = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
# Told apart by everybody (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


@dataclass(frozen=True)
class Axis:
    """One of two.

    Attributes:
        label: What it shows, and its unit.
        log: Whether it is logarithmic.
    """

    label: str
    log: bool = False


@dataclass(frozen=True)
class Line:
    """Points, from left to right.

    Attributes:
        name: In the legend.
        points: Their x and y.
        bound: Whether it is a limit, and no measurement.
    """

    name: str
    points: Sequence[tuple[float, float]]
    bound: bool = False


@dataclass(frozen=True)
class Plot:
    """What is drawn.

    Attributes:
        title: Above it.
        x: The axis below.
        y: The axis on the left.
        lines: What was measured.
    """

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]

    def svg(self) -> str:
        """As a file of its own."""
        return "\n".join(self._elements()) + "\n"

    def _elements(self) -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="13">'
        )
        yield f"<title>{escape(self.title)}</title>"
        yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        yield _text(_WIDTH / 2, 22, self.title, 'text-anchor="middle" font-size="16"')
        points = [point for line in self.lines for point in line.points]
        across = _Scale([x for x, _ in points], self.x.log, _LEFT, _ACROSS)
        up = _Scale([y for _, y in points], self.y.log, _TOP + _DOWN, -_DOWN)
        for tick in across.ticks:
            yield _rule(across(tick), _TOP, across(tick), _TOP + _DOWN)
            yield _text(across(tick), _TOP + _DOWN + 18, _shown(tick), 'text-anchor="middle"')
        for tick in up.ticks:
            yield _rule(_LEFT, up(tick), _LEFT + _ACROSS, up(tick))
            yield _text(_LEFT - 8, up(tick) + 4, _shown(tick), 'text-anchor="end"')
        middle = _TOP + _DOWN / 2
        yield _text(_LEFT + _ACROSS / 2, _HEIGHT - 12, self.x.label, 'text-anchor="middle"')
        turned = f'text-anchor="middle" transform="rotate(-90 18 {middle})"'
        yield _text(18, middle, self.y.label, turned)
        for number, line in enumerate(self.lines):
            colour = "#555555" if line.bound else _COLOURS[number % len(_COLOURS)]
            yield from _drawn(line, colour, [(across(x), up(y)) for x, y in line.points])
            yield from _named(line, colour, _LEFT + _ACROSS * number / len(self.lines))
        yield "</svg>"


class _Scale:
    """Values to positions.

    Args:
        values: All that are to fit in.
        log: Whether equal ratios are as long as each other, and not equal differences.
        origin: Where the lowest is.
        length: From there to the highest.
    """

    def __init__(self, values: Sequence[float], log: bool, origin: float, length: float) -> None:
        self._log = log
        self._origin, self._length = origin, length
        self.ticks = _powers(min(values), max(values)) if log else _steps(max(values))
        lowest, highest = self.ticks[0], self.ticks[-1]
        if log:
            lowest, highest = min(min(values), lowest), max(max(values), highest)
        self._lowest, self._highest = self._moved(lowest), self._moved(highest)

    def __call__(self, value: float) -> float:
        share = (self._moved(value) - self._lowest) / (self._highest - self._lowest)
        return round(self._origin + share * self._length, 1)

    def _moved(self, value: float) -> float:
        return math.log10(value) if self._log else value


def _steps(most: float) -> list[float]:
    """From 0, at most seven round ones, the last not below the highest value."""
    rough = max(most, 1e-9) / 6
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step * 0.999) + 1)]


def _powers(least: float, most: float) -> list[float]:
    """Of ten; of two for small numbers of things."""
    base = 2 if least >= 1 and most < 100 else 10
    first = math.floor(math.log(least, base) + 1e-9)
    last = max(first + 1, math.ceil(math.log(most, base) - 1e-9))
    return [float(base) ** each for each in range(first, last + 1)]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {more}>{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#dddddd"/>'


def _drawn(line: Line, colour: str, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    dashes = ' stroke-dasharray="6 4"' if line.bound else ""
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for x, y in () if line.bound else places:
        yield f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{colour}"/>'


def _named(line: Line, colour: str, x: float) -> Iterator[str]:
    dashes = ' stroke-dasharray="6 4"' if line.bound else ""
    yield (
        f'<line x1="{x:g}" y1="46" x2="{x + 24:g}" y2="46" stroke="{colour}" '
        f'stroke-width="2"{dashes}/>'
    )
    yield _text(x + 30, 50, line.name)
