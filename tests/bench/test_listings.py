"""The harness: every server lists one folder, and the names are counted. No figure is asserted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.bench import listings
from tests.bench.contenders import Contender
from tests.bench.listings import CONTENDERS

_KINDS = ("MLSD, TLS", "LIST, TLS", "MLSD, clear", "LIST, clear")


def one_of(name: str) -> Contender:
    (found,) = [each for each in CONTENDERS if each.name == name]
    return found


def test_a_table_of_two_servers(tmp_path, capsys):
    written = tmp_path / "figures.json"
    arguments = ["--rounds", "1", "--names", "120", "--only", "pyftpdlib,ftptls"]
    listings.main([*arguments, "--json", str(written)])
    figures = json.loads(written.read_text())
    assert [(each["kind"], each["name"]) for each in figures] == [
        (kind, name) for kind in _KINDS for name in ("pyftpdlib", "ftptls")
    ]
    assert all(each["seconds"] > 0 for each in figures)
    assert all(each["ratio"] == 1 for each in figures if each["name"] == "ftptls")
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2 + len(figures)
    assert shown[2].startswith("| MLSD, TLS | pyftpdlib |")


def test_who_has_no_mlsd_is_shown_with_dashes():
    results = listings.measure([replace(one_of("ftptls"), verbs=("LIST",))], 1, 3)
    assert [each.kind for each in results] == list(_KINDS)
    lines = listings.table(results).splitlines()[2:]
    assert lines[0] == "| MLSD, TLS | ftptls | - | - | - | - | - | - |"
    assert "-" not in lines[1].split("|")[3:]


def test_a_listing_that_is_not_whole_counts_for_nothing(monkeypatch):
    monkeypatch.setattr(listings, "names_in", lambda verb, listing: [b"report-000000.csv"])
    with pytest.raises(SystemExit, match="MLSD of ftptls: 1 names came, not 2"):
        listings.measure([one_of("ftptls")], 1, 2)


@pytest.mark.parametrize(
    ("verb", "listing"),
    [
        ("MLSD", b"type=cdir; .\r\ntype=pdir; ..\r\ntype=file;size=1; a b\r\ntype=dir; c\r\n"),
        (
            "LIST",
            b"total 8\r\n-rw-r--r--   1 root  root   12 Jan 01 10:00 a b\r\n"
            b"drwxr-xr-x    2 0   0     4096 Dec 31  2020 c\r\n",
        ),
    ],
)
def test_names_are_what_comes_last(verb, listing):
    assert listings.names_in(verb, listing) == [b"a b", b"c"]
