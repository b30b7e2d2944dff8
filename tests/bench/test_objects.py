"""The harness for S3: it moves a file both ways, and makes a table. No figure is asserted."""

from __future__ import annotations

import json

from tests.bench import objects


def test_a_table_of_both_ways(tmp_path, capsys):
    written = tmp_path / "figures.json"
    objects.main(["--rounds", "1", "--mebibytes", "9", "--json", str(written)])
    figures = json.loads(written.read_text())
    assert [each["way"] for each in figures] == ["upload", "download"]
    assert all(each["ours"] > 0 and each["boto3"] > 0 for each in figures)
    assert len(capsys.readouterr().out.splitlines()) == 4
