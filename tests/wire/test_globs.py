"""Patterns for names: what shells do, and never more than one step for each character."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.arguments import ArgumentError
from ftptls.wire.globs import Pattern, path_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["", "a", "a.txt", "*"], []),
        ("**", ["", "a/b", "abc"], []),
        ("*.txt", [".txt", "a.txt", "a.txt.txt"], ["a.TXT", "a.txt ", "txt", "a.txt\n"]),
        ("a*b*c", ["abc", "aXbYc", "abcbc"], ["ab", "acb", "abcd", "xabc"]),
        ("?", ["a", "ü", "漢", "?", "\udcff", "\n"], ["", "ab"]),
        ("a?c", ["abc", "a?c"], ["ac", "abbc"]),
        ("[abc]", ["a", "c"], ["d", "", "ab", "[abc]"]),
        ("[a-c0-9_]x", ["ax", "5x", "_x"], ["dx", "-x"]),
        ("[!a-c]", ["d", "!"], ["a", "b", ""]),
        ("[^a-c]", ["d", "!"], ["a", "b", ""]),
        ("[]]", ["]"], ["["]),
        ("[!]]", ["a"], ["]"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[z-a]", [], ["a", "z", "m", "-"]),
        ("[*]", ["*"], ["a"]),
        ("[", ["["], ["a"]),
        ("a[1", ["a[1"], ["a1"]),
        ("[]", ["[]"], ["", "]"]),
        ("[!]", ["[!]"], ["a"]),
        ("x[ab]y", ["xay", "xby"], ["xy", "xaby"]),
        ("{a,b}", ["{a,b}"], ["a", "b"]),
        ("a\\*", ["a\\", "a\\b"], ["a*"]),
        ("plain", ["plain"], ["plain2", "Plain", ""]),
        ("", [""], ["a"]),
    ],
)
def test_patterns(pattern, matching, others):
    assert [name for name in matching + others if Pattern(pattern).matches(name)] == matching


# fnmatch knows neither ^ nor, in some versions, sets that are odd.
SANE = st.lists(
    st.sampled_from(["*", "**", "?", "[ab]", "[!ab]", "[a-c]", "[!b-c]", "a", "b", "c", "."]),
    max_size=12,
).map("".join)


@given(SANE, st.text("abc.\n", max_size=12))
def test_shells_agree(pattern, name):
    assert Pattern(pattern).matches(name) is fnmatch.fnmatchcase(name, pattern)


@given(st.text("ab[]!^-*?", max_size=20), st.text("ab[]!^-*?", max_size=8))
def test_nothing_is_malformed(pattern, name):
    assert isinstance(Pattern(pattern).matches(name), bool)


@given(st.text(st.characters(exclude_characters="*?[")))
def test_a_name_without_magic_is_its_own_pattern(name):
    assert Pattern(name).matches(name)
    assert path_pattern(name) is None


class Counted(str):
    """A name that counts how often somebody looks at one of its characters."""

    looks = 0

    def __iter__(self):
        for character in str(self):
            type(self).looks += 1
            yield character


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 50 + "*b", "a" * 250),
        ("*" * 900 + "b", "a" * 250),
        ("*?" * 100 + "*b", "a" * 250),
        ("*[a-z]" * 100 + "b", "a" * 250),
        ("*a" * 100, "a" * 250),
    ],
)
def test_explosive_patterns_take_one_step_for_each_character(pattern, name):
    Counted.looks = 0
    Pattern(pattern).matches(Counted(name))
    assert Counted.looks <= len(name)


def test_what_is_remembered_of_a_pattern_is_bounded():
    pattern = Pattern("*[!a]?x")
    assert not any(pattern.matches(chr(0x4E00 + at)) for at in range(5000))
    assert len(pattern._accepting) <= 1000
    assert pattern.matches("\u4e00\u4e01x")


@pytest.mark.parametrize(
    ("text", "base", "count", "directories_only"),
    [
        ("*.txt", "", 1, False),
        ("/*.txt", "/", 1, False),
        ("dir/*.txt", "dir/", 1, False),
        ("../a b//*", "../a b//", 1, False),
        ("20*/x*.csv", "", 2, False),
        ("/in/20*/data/./x?", "/in/", 3, False),
        ("*/", "", 1, True),
        ("a/*//", "a/", 1, True),
        ("*/.", "", 1, True),
        ("**/x", "", 2, False),
    ],
)
def test_paths_with_patterns(text, base, count, directories_only):
    found = path_pattern(text)
    assert (found.base, len(found.parts), found.directories_only) == (base, count, directories_only)


@pytest.mark.parametrize("text", ["", "a", "/a/b", "a[1", "a]", "x/..", "{a}", "~"])
def test_paths_without(text):
    assert path_pattern(text) is None


@pytest.mark.parametrize("text", ["*/..", "*/../*/../*", "a/[bc]/../d", "*" * 1001])
def test_patterns_that_are_refused(text):
    with pytest.raises(ArgumentError) as caught:
        path_pattern(text)
    assert caught.value.code == 501


def test_hidden_names_are_meant_by_patterns_that_begin_with_a_dot():
    assert Pattern(".*").names_hidden
    assert not Pattern("*").names_hidden
    assert not Pattern("[.]*").names_hidden
