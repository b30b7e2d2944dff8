"""The table of guarantees: each row is tested, and the page shows what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ftptls.vfs import guarantees
from ftptls.vfs.guarantees import PROVIDERS, WRAPPERS
from tests.conftest import CHECKOUT

TESTS = Path(__file__).resolve().parent.parent


def named() -> set[str]:
    """The rows that test classes name, by their names in the module."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text()
        for row in re.findall(r"^class Test.*:\n    guarantees = (.*)$", text, re.MULTILINE):
            found |= set(re.findall(r"\b[A-Z_0-9]+\b", row))
    return found


@pytest.mark.parametrize("row", [*PROVIDERS, *WRAPPERS], ids=lambda row: row.name)
def test_each_row_is_that_of_a_test_class(row):
    (name,) = (name for name, value in vars(guarantees).items() if value is row)
    assert name in named()


@pytest.mark.parametrize("changes", WRAPPERS, ids=lambda row: row.name)
def test_what_is_around_one_keeps_what_it_does_not_change(changes):
    for row in PROVIDERS:
        both = changes.of(row)
        assert both.provides == (row.provides | changes.adds) - changes.loses
        for name in ("atomic", "resumes", "lasts", "renames_at_once", "scans_lazily"):
            assert getattr(both, name) == changes.facts.get(name, getattr(row, name))


def test_the_page_has_each_row(tmp_path):
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "text", "-d", tmp_path / "trees"]
    page = CHECKOUT / "docs" / "howto" / "filesystems.rst"
    subprocess.run(
        [*build, CHECKOUT / "docs", tmp_path / "text", page],
        check=True,
        capture_output=True,
        timeout=300,
    )
    text = (tmp_path / "text" / "howto" / "filesystems.txt").read_text()
    for aspect in ("A new file", "HASH", "Case counts"):
        assert aspect in text
    for row in WRAPPERS:
        assert row.name.strip("`") in text
