"""Pathnames: nothing leads above the root, nothing forges a line."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire.paths import quoted, resolve, shown

HOME = PurePosixPath("/home/alice")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("", "/home/alice"),
        (".", "/home/alice"),
        ("a", "/home/alice/a"),
        ("a/", "/home/alice/a"),
        ("a//b", "/home/alice/a/b"),
        ("./a/./b/.", "/home/alice/a/b"),
        ("..", "/home"),
        ("../..", "/"),
        ("../../..", "/"),
        ("../../../etc", "/etc"),
        ("a/../../bob", "/home/bob"),
        ("/", "/"),
        ("//", "/"),
        ("///", "/"),
        ("//a", "/a"),
        ("/..", "/"),
        ("/../a", "/a"),
        ("/a/b/../c", "/a/c"),
        ("...", "/home/alice/..."),
        ("..a", "/home/alice/..a"),
        (" .. ", "/home/alice/ .. "),
        ("..\\..\\a", "/home/alice/..\\..\\a"),
        ("~", "/home/alice/~"),
        (" a ", "/home/alice/ a "),
        ("Grüße", "/home/alice/Grüße"),
        ("\udce4", "/home/alice/\udce4"),
    ],
)
def test_names_resolve(name, path):
    resolved = resolve(HOME, name)
    assert resolved == PurePosixPath(path)
    assert str(resolved) == path


@pytest.mark.parametrize("cwd", ["/", "//", "//a/..", "/a/../.."])
def test_an_unclean_start_does_not_matter(cwd):
    assert str(resolve(PurePosixPath(cwd), "x")) == "/x"


SPICY = st.lists(
    st.sampled_from(["..", ".", "/", "//", "a", "...", "\\", "\0", "~", "\udce4", " ", "%2e"])
).map("".join)


@given(st.one_of(SPICY, st.text()), st.one_of(SPICY, st.text()))
def test_nothing_leads_above_the_root(start, name):
    cwd = resolve(PurePosixPath("/"), start)
    path = resolve(cwd, name)
    text = str(path)
    assert text.startswith("/")
    assert not text.startswith("//")
    assert not {"", ".", ".."} & set(path.parts[1:])
    assert resolve(cwd, text) == path
    assert resolve(path, "") == path


def test_a_very_long_name_resolves():
    assert resolve(HOME, "../" * 2000 + "a") == PurePosixPath("/a")
    assert len(resolve(HOME, "b/" * 4000).parts) == 4003


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", '"/"'),
        ("/a b", '"/a b"'),
        ('/foo"bar', '"/foo""bar"'),  # RFC 959 Appendix II
        ('/"', '"/"""'),
        ("/a\r\n230 in", '"/a??230 in"'),
    ],
)
def test_quotes_are_doubled(path, text):
    assert quoted(PurePosixPath(path)) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "plain"),
        ("a\rb\nc\0d", "a?b?c?d"),
        ("\x1b[2J\x7f\t", "?[2J??"),
        ("Grüße\u3000東京", "Grüße\u3000東京"),
        ("\udce4", "\udce4"),
    ],
)
def test_control_characters_are_not_shown(name, text):
    assert shown(name) == text


@given(st.text())
def test_a_shown_name_is_one_line_of_the_same_length(name):
    text = shown(name)
    assert len(text) == len(name)
    assert not any(c < " " or c == "\x7f" for c in text)
    assert shown(text) == text
