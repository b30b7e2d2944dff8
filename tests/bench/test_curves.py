"""Every curve is measured with a few points, and recorded. No figure is asserted."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.clients import Target
from tests.bench.curves import __main__ as curves
from tests.bench.curves import works
from tests.bench.curves.crowd import Crowd
from tests.bench.curves.curve import Limit
from tests.bench.curves.plot import Axis, Line, Plot

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> dict[str, list[list[float]]]:
    """The points of each line, by its colour."""
    return {
        line.attrib["stroke"]: [
            [float(each) for each in point.split(",")] for point in line.attrib["points"].split()
        ]
        for line in ElementTree.fromstring(svg).iter(f"{_SVG}polyline")
    }


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{_SVG}text")]


@pytest.mark.parametrize("name", curves.CURVES)
def test_a_curve_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    curves.main([name, "--size", "tiny", "--folder", str(tmp_path)])
    told = json.loads((tmp_path / f"{name}.json").read_text())
    assert told["curve"] == name
    assert len(told["rows"]) > 1
    assert told["machine"]["kernel"]
    assert {each.stem for each in tmp_path.glob("*.svg")} == set(told["plots"])
    for stem, title in told["plots"].items():
        svg = (tmp_path / f"{stem}.svg").read_text()
        assert title in texts(svg)
        assert all(len(points) > 1 for points in drawn(svg).values())
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{name} (")
    assert len(shown) == 1 + len(told["rows"]) + len(told["limits"])


def test_only_curves_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        curves.main(["roundabout"])
    assert "there is no curve roundabout" in capsys.readouterr().err


def test_a_plot_has_its_points_where_its_axes_say() -> None:
    lines = [
        Line("a < b", [(1, 10), (10, 30), (1000, 60)]),
        Line("most", [(1, 30)] * 2, bound=True),
    ]
    plot = Plot("Growth & decay", Axis("sessions", log=True), Axis("MiB"), lines)
    svg = plot.svg()
    found = texts(svg)
    assert {"Growth & decay", "sessions", "MiB", "a < b", "most", "1,000", "60"} <= set(found)
    (first, second, third), (bound, _) = drawn(svg).values()
    assert second[0] - first[0] == pytest.approx((third[0] - second[0]) / 2, abs=0.2)
    assert first[1] - second[1] == pytest.approx((second[1] - third[1]) / 1.5, abs=0.2)
    assert bound[1] == second[1]


@pytest.mark.parametrize(
    ("measured", "least", "kept"), [(20, False, True), (21, False, False), (19, True, False)]
)
def test_a_limit_is_kept_or_missed(measured: float, least: bool, kept: bool) -> None:
    limit = Limit("Speed", "ms", 20, measured, least=least)
    assert limit.kept is kept
    assert ("(kept)" if kept else "(missed)") in str(limit)


def test_what_goes_wrong_in_a_session_ends_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Crowd(Target("127.0.0.1", port), processes=1) as crowd,
        pytest.raises(SystemExit, match="1 sessions failed; the first: ConnectionRefusedError"),
    ):
        crowd.send(works.idle, 1)
