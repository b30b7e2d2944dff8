"""Which texts can be the name of a user."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.cred.names import LONGEST, flaw, objection

OBJECTIONS = [
    ("", "it is empty"),
    ("a" * (LONGEST + 1), "more than 1024 characters"),
    ("alice\0", "a NUL"),
    ("\0alice", "a NUL"),
    ("alice\r\nbob", "cannot be seen"),
    ("alice\x1b[31m", "cannot be seen"),
    ("a\u200dlice", "cannot be seen"),  # zero width joiner
    ("\u2066alice\u2069", "cannot be seen"),  # isolates, which turn what is between them
    ("alice\ufeff", "cannot be seen"),  # byte order mark
    ("alice\ufe0f", "cannot be seen"),  # variation selector
    ("al\u00adice", "cannot be seen"),  # soft hyphen
    ("\ud800", "cannot be seen"),  # half a pair
    ("alice\U000e0061", "cannot be seen"),  # tag
    ("u\u0308", "form NFC"),
    ("\u212b", "form NFC"),  # Angstrom, which is \u00c5
    ("\uff41\uff42", "form NFKC"),  # full width
    ("\uff41lice", "mixes scripts"),
    ("\u2167", "form NFKC"),  # Roman eight in one character
    ("\ufb01ona", "form NFKC"),
    ("alice\u2019s", "besides letters"),
    ("\U0001f600", "besides letters"),
    ("alice\u2215bob", "besides letters"),  # division slash
    ("\u0430lice", "mixes scripts"),  # Cyrillic a
    ("pa\u0443pal", "mixes scripts"),  # Cyrillic u, which looks like y
    ("\u0391lice", "mixes scripts"),  # Greek Alpha
    ("al\u0456ce", "mixes scripts"),  # Ukrainian i
    ("ali\u0441e", "mixes scripts"),  # Cyrillic es
    ("\u13aalice", "mixes scripts"),  # Cherokee
    ("user\u0661", "mixes scripts"),  # Arabic-Indic one
]


@pytest.mark.parametrize(("text", "why"), OBJECTIONS, ids=[ascii(t)[:30] for t, _ in OBJECTIONS])
def test_no_names(text, why):
    assert why in objection(text)


def test_the_longest_name():
    assert objection("a" * LONGEST) == ""


@pytest.mark.parametrize(
    "text",
    ["Example \u2013 L\u2019Org", "Example \u65e5\u672c", "Caf\u00e9 \u0418\u0432\u0430\u043d"],
)
def test_companies_may_be_called_what_users_may_not(text):
    assert flaw(text) == ""
    assert objection(text)


def test_a_word_of_two_scripts_is_no_company_either():
    assert flaw("Ex\u0430mple Inc") == "a word in it mixes scripts"


@given(st.text(max_size=20))
def test_what_is_a_name_has_one_form_and_can_be_seen(text):
    if objection(text) == "":
        assert unicodedata.normalize("NFKC", text) == text
        assert text.isprintable()
        assert "\0" not in text
        assert flaw(text) == ""


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_reason_quotes_what_it_objects_to(before, after):
    why = objection(f"{before}\u202e{after}")
    assert "\u202e" not in why
    assert why.isascii()
