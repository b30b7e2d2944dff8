"""The table of guarantees: each row is tested, and the page shows what it says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ftptls.vfs import guarantees
from ftptls.vfs.guarantees import PROVIDERS, WRAPPERS

TESTS = Path(__file__).resolve().parent.parent


def named() -> set[str]:
    """The rows that test classes name, by their names in the module."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        if "guarantees = " not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                for line in node.body:
                    if (
                        isinstance(line, ast.Assign)
                        and ast.unparse(line.targets[0]) == "guarantees"
                    ):
                        found |= {
                            each.id for each in ast.walk(line.value) if isinstance(each, ast.Name)
                        }
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
