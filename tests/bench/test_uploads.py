"""The harness makes a table of every mode. No figure is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import uploads


def test_a_table_of_every_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "figures.json"
    uploads.main([str(tmp_path), "--rounds", "1", "--sizes", "10", "--json", str(written)])
    figures = json.loads(written.read_text())
    kinds = {(each["mode"], each["fsync"]) for each in figures}
    assert len(kinds) == len(figures) == 6
    assert all(each["milliseconds"] > 0 for each in figures)
    assert len(capsys.readouterr().out.splitlines()) == 8
    assert list(tmp_path.iterdir()) == [written]
