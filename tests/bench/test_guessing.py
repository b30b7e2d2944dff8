"""The harness: it guesses, and compares. No time is asserted."""

from __future__ import annotations

import json

import pytest

from tests.bench import guessing


def test_a_table_of_names(tmp_path, capsys):
    written = tmp_path / "figures.json"
    guessing.main(["--guesses", "3", "--json", str(written)])
    figures = json.loads(written.read_text())
    found = [(each["name"], each["who"]) for each in figures]
    assert found == [("htpasswd", "known"), ("store", "known"), ("store", "disabled")]
    assert all(each["known_ms"] > 0 and each["unknown_ms"] > 0 for each in figures)
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize(
    ("ones", "others", "share"),
    [([2, 2], [1, 1], 1), ([1], [2], 0), ([1, 2], [1, 2], 0.5), ([1, 3], [2], 0.5)],
)
def test_how_often_one_takes_longer(ones, others, share):
    assert guessing.longer(ones, others) == share


def test_what_chance_does():
    assert guessing.chance(10, 10) > 3 * guessing.chance(500, 500) > 0
