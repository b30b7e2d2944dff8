"""Rows: entries that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits, chosen, entry_of, visible

FILES = Traits(Kind.FILE, 0o644, "alice", "staff", 1000, 50, "adfrw", "fd01U")
FOLDERS = Traits(Kind.DIRECTORY, 0o755, "alice", "staff", 1000, 50, "el", "fd01U")
LINKS = Traits(Kind.LINK, 0o777, "alice", "staff", 1000, 50, "df", "fd01U")

ROWS: list[Row] = [
    ("a.txt", FILES, 12, 1.5, 1, 0x2A, ""),
    (".b", FOLDERS, 4096, 2.0, 2, 0x2B, ""),
    ("c", LINKS, 5, 3.0, 1, 0x2C, "a.txt"),
]
OF_ALICE = Entry("", Kind.FILE, owner="alice", group="staff", uid=1000, gid=50)
A_FILE = OF_ALICE._replace(
    name="a.txt", size=12, modified=1.5, mode=0o644, links=1, unique="fd01U2a", perm="adfrw"
)
A_FOLDER = A_FILE._replace(
    name=".b",
    kind=Kind.DIRECTORY,
    size=4096,
    modified=2.0,
    mode=0o755,
    links=2,
    unique="fd01U2b",
    perm="el",
)
A_LINK = A_FILE._replace(
    name="c",
    kind=Kind.LINK,
    size=5,
    modified=3.0,
    mode=0o777,
    unique="fd01U2c",
    perm="df",
    target="a.txt",
)
ENTRIES = [A_FILE, A_FOLDER, A_LINK]


def test_a_row_says_what_an_entry_says():
    assert [entry_of(row) for row in ROWS] == ENTRIES


def test_rows_are_a_sequence_of_entries():
    rows = Rows(ROWS)
    assert list(rows) == list(rows) == ENTRIES
    assert list(reversed(rows)) == ENTRIES[::-1]
    assert (len(rows), rows[0], rows[-1]) == (3, ENTRIES[0], ENTRIES[2])
    assert isinstance(rows[1:], Rows)
    assert list(rows[1:]) == ENTRIES[1:]
    assert ENTRIES[1] in rows
    assert not Rows([])
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize("entries", [Rows(ROWS), ENTRIES], ids=["rows", "entries"])
def test_of_entries_those_that_are_wanted(entries: Sequence[Entry]):
    assert list(visible(entries)) == [ENTRIES[0], ENTRIES[2]]
    assert list(visible(entries[::2])) == ENTRIES[::2]
    assert list(visible(entries[1:2])) == []
    assert list(chosen(entries, lambda name, _: "." in name)) == ENTRIES[:2]
    assert list(chosen(entries, lambda _, kind: kind is Kind.LINK)) == ENTRIES[2:]


@pytest.mark.parametrize(
    ("name", "printable"),
    [("a b", True), ("Grüße", True), ("a\x1b", False), ("\udce4", False), ("a\n", False)],
)
def test_rows_know_whether_their_names_can_be_shown(name: str, printable: bool):
    assert Rows([*ROWS, (name, FILES, 0, 0.0, 1, 1, "")]).printable is printable


def test_rows_with_other_perms():
    rows = Rows(ROWS).with_perms(lambda perm, kind: f"{kind.value}{perm}")
    assert list(rows) == [each._replace(perm=f"{each.kind.value}{each.perm}") for each in ENTRIES]
