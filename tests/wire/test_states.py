"""Which commands keep RNFR and REST standing, and which make them void."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.states import SEQUENCES, forgotten_by, used_up_by

ALL = {"RNFR", "REST", "RANG", "SITE CPFR"}
PAIRS = {"RNFR", "SITE CPFR"}  # one right after the other, or not at all


@pytest.mark.parametrize(
    ("verb", "forgotten"),
    [
        ("NOOP", set()),
        ("STAT", set()),
        ("RNTO", ALL - {"RNFR"}),
        ("HASH", ALL - {"RANG"}),
        ("OPTS HASH", ALL - {"RANG"}),
        ("OPTS", ALL),
        ("SITE CPTO", ALL - {"SITE CPFR"}),
        ("SITE COPY", ALL),
        ("SITE", ALL),
        ("XCRC", ALL),
        ("RANG", ALL),
        ("RETR", PAIRS),
        ("STOR", PAIRS),
        ("APPE", PAIRS),
        ("STOU", ALL),
        ("PASV", PAIRS),
        ("EPSV", PAIRS),
        ("PORT", PAIRS),
        ("EPRT", PAIRS),
        ("TYPE", PAIRS),
        ("PROT", PAIRS),
        ("SIZE", PAIRS),
        ("RNFR", ALL),
        ("REST", ALL),
        ("LIST", ALL),
        ("CWD", ALL),
        ("ABOR", ALL),
        ("USER", ALL),
        ("REIN", ALL),
        ("AUTH", ALL),
        ("NONSENSE", ALL),
    ],
)
def test_what_a_verb_makes_void(verb, forgotten):
    assert forgotten_by(verb) == forgotten


def test_what_a_verb_uses_up():
    assert used_up_by("RETR") == {"REST", "RANG"}
    assert used_up_by("RNTO") == {"RNFR"}
    assert used_up_by("NOOP") == used_up_by("NONSENSE") == set()


# What stands between REST and the transfer in real clients' dialogues.
@pytest.mark.parametrize(
    "between",
    [
        [],  # ftplib: PASV, REST, RETR
        ["PASV"],
        ["EPSV", "PASV"],  # curl, when EPSV is refused
        ["TYPE", "EPSV", "SIZE"],
        ["PROT", "EPSV"],  # lftp
        ["PBSZ", "PROT", "ALLO", "PORT"],
    ],
)
def test_clients_prepare_a_restart_in_their_own_order(between):
    assert not any({"REST", "RANG"} & forgotten_by(verb) for verb in between)


def test_the_table_is_consistent():
    for opener, sequence in SEQUENCES.items():
        assert opener not in sequence.completed_by | sequence.through
        assert not sequence.completed_by & sequence.through
        assert sequence.completed_by
        assert sequence.hint.endswith(".")


@given(st.text())
def test_only_openers_are_forgotten(verb):
    assert forgotten_by(verb) <= set(SEQUENCES)
