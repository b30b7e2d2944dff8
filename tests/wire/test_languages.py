"""Language tags, and what serves whom (RFC 2640 §4)."""

from __future__ import annotations

import pytest

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.languages import as_it_is, best_match, language, translated
from ftptls.wire.replies import Reply


@pytest.mark.parametrize(("text", "tag"), [("", ""), ("en", "en"), ("EN-au", "en-au")])
def test_tags(text, tag):
    assert language(text) == tag


@pytest.mark.parametrize("text", ["en_GB", "1", "en-", "-en", "e n", "abcdefghi", "en-GB "])
def test_what_is_no_tag(text):
    with pytest.raises(ArgumentError) as caught:
        language(text)
    assert caught.value.code == 501


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("en", "en"),
        ("en-au", "en"),
        ("fr-ca", "fr-CA"),
        ("fr-ca-quebec", "fr-CA"),
        ("fr", "fr-CA"),
        ("fr-fr", ""),
        ("de", ""),
        ("e", ""),
    ],
)
def test_the_best_on_offer(asked, found):
    assert best_match(asked, ["en", "fr-CA"]) == found


def test_the_code_is_no_matter_of_language():
    said = Reply(550, "No such file.", ("a", "b"))
    assert translated(said, as_it_is) == said
    assert translated(said, lambda reply: Reply(226, "Ja.")) == Reply(550, "Ja.")
