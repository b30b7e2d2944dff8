r"""Map files: ``field /expression/ name``, in the manner of pg_ident."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ftptls.cred.fields import UnusableError
from ftptls.cred.mapfile import MapFile, parse
from ftptls.errors import MissingExtraError

from .conftest import called, certificate

pytestmark = pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")

ALICE = certificate(
    [(NameOID.ORGANIZATION_NAME, "Example"), (NameOID.COMMON_NAME, "Ann Lee")],
    [
        x509.RFC822Name("ann@partner.example"),
        x509.RFC822Name("lee@other.example"),
        x509.UniformResourceIdentifier("spiffe://example/backup"),
    ],
)


@pytest.fixture
def mapped(tmp_path: Path):
    """The names that lines make of a certificate."""

    def make(lines: str, shown: x509.Certificate = ALICE) -> list[str]:
        file = tmp_path / "map"
        file.write_text(f"{lines}\n")
        return list(MapFile(str(file)).names(shown))

    return make


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (r"email /(.*)@partner\.example/ \1", ["ann"]),
        (r"EMAIL	/(.*)@partner\.example/	\1", ["ann"]),
        (r"email /(.*)@(.*)\.example/ \2-\1", ["partner-ann", "other-lee"]),
        (r"email /.*/ \0", ["ann@partner.example", "lee@other.example"]),
        (r"uri /spiffe:\/\/example\/(\w+)/ svc-\1", ["svc-backup"]),
        (r"uri /spiffe://example/(\w+)/ \1", ["backup"]),
        (r"dn /CN=(Ann|Bob) \w+,O=Example/ readers", ["readers"]),
        (r"cn /Ann Lee/ ann.lee", ["ann.lee"]),
        (r"2.5.4.10 /Example/ company", ["company"]),
        (r"cn /ann lee/ ann", []),
        (r"cn /(?i)ann lee/ ann", ["ann"]),
        (r"cn /Ann/ ann", []),
        (r"cn /Lee/ ann", []),
        (r"cn /Ann Lee|Bob/ ann", ["ann"]),
        (r"cn /Ann|Lee/ ann", []),
        (r"uid /.*/ ann", []),
        (r"cn /(x)?Ann Lee/ ann\1", ["ann"]),
        (r"cn /(Ann) (Lee)/ \2\1\g<1>\x", [r"LeeAnn\g<1>\x"]),
        ("# cn /Ann Lee/ ann", []),
        ("", []),
    ],
)
def test_one_line(mapped, line, names):
    assert mapped(line) == names


def test_every_line_counts(mapped):
    assert mapped("cn /Ann Lee/ a\n\n  # no\ncn /Bob/ b\ndn /.*/ c\n") == ["a", "c"]


def test_a_comma_in_a_value_makes_no_other_subject(mapped):
    """An authority that lets people choose their common name has not given away O=Example."""
    forged = certificate([(NameOID.COMMON_NAME, "Ann Lee,O=Example")])
    assert mapped(r"dn /CN=(Ann|Bob) \w+,O=Example/ readers", forged) == []
    assert mapped(r"dn /CN=Ann Lee,O=Example/ readers", forged) == []
    assert mapped(r"dn /CN=Ann Lee\\,O=Example/ readers", forged) == ["readers"]


HOSTILE = [
    called("Ann Lee", "Ann Lee"),
    called("Ann Lee\0"),
    called("Ann Lee\n"),
    called("Ann L\u0435e"),  # Cyrillic ie
    certificate(),
]


@pytest.mark.parametrize("shown", HOSTILE, ids=["two", "NUL", "lines", "script", "empty"])
def test_what_the_field_objects_to_is_not_matched(mapped, shown):
    for line in ("cn /(?s).*/ ann", "cn /Ann Lee/ ann", "2.5.4.3 /Ann.*/ ann"):
        with pytest.raises(UnusableError):
            mapped(line, shown)


def test_an_objection_to_one_field_is_no_matter_to_others(mapped):
    shown = certificate(
        [(NameOID.COMMON_NAME, "a"), (NameOID.COMMON_NAME, "b")], [x509.RFC822Name("a@example.org")]
    )
    lines = "cn /.*/ x\nemail /(.*)@example.org/ \\1\ncn /.*/ y"
    assert mapped(lines, shown) == ["a"]
    with pytest.raises(UnusableError, match="more than one cn"):
        mapped(lines.replace("(.*)", "(b)"), shown)


@pytest.mark.parametrize(
    "line",
    [r"email /(x)?ann@partner.example/ \1", "cn /(Ann) Lee/ \\1\u0430", "cn /Ann Lee/ a\u2019"],
    ids=["nothing", "scripts", "sign"],
)
def test_a_name_that_nobody_can_have_is_not_made(mapped, line):
    with pytest.raises(UnusableError, match="a name from the map file"):
        mapped(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cn", "it is not of the form: field /expression/ name"),
        ("cn /a/", "it is not of the form"),
        ("cn a b", "it is not of the form"),
        ("cn // a", "it is not of the form"),
        ("cn /a b/ c d", "it is not of the form"),
        ("/a/ b", "it is not of the form"),
        ("zork /a/ b", "'zork' is no field of a certificate"),
        ("9.9.9 /a/ b", "'9.9.9' is no field"),
        (r"cn /a/ \1", "a group that the expression does not have"),
        (r"cn /(a)/ \1\2", "a group that the expression does not have"),
        ("cn /(a/ b", "the expression is not accepted: missing \\)"),
        (r"cn /(a)\1/ b", "the expression is not accepted: invalid escape"),
        ("cn /(?=a)/ b", "the expression is not accepted: invalid perl operator"),
        ("cn /a{9999}/ b", "the expression is not accepted: invalid repetition"),
        (r"cn /\C/ b", "half a character"),
        ("cn /" + "a" * 1001 + "/ b", "more than 1000 characters"),
        ("cn /((\\pL{100}){9}){9}/ b", "the expression is not accepted"),
    ],
)
def test_lines_that_are_wrong(line, why):
    with pytest.raises(ValueError, match=f"^line 3: .*{why}"):
        parse(f"# one\n\n{line}\n")


def test_a_file_that_is_too_long_or_not_whole():
    with pytest.raises(ValueError, match="more than 10000 lines"):
        parse("\n" * 10_001)
    with pytest.raises(ValueError, match="line 2: it does not end"):
        parse("cn /alice/ alice\ncn /bob/ bo")


def test_it_is_read_again_and_a_mistake_changes_nothing(tmp_path, log):
    file = tmp_path / "map"
    file.write_text("cn /Ann Lee/ ann\n")
    mapper = MapFile(str(file))
    assert list(mapper.names(ALICE)) == ["ann"]
    file.write_text("cn /Ann Lee/ lee\n")
    assert list(mapper.names(ALICE)) == ["lee"]
    file.write_text("cn /(Ann Lee/ ann\n")
    assert list(mapper.names(ALICE)) == ["lee"]
    assert "line 1: the expression is not accepted" in log.text


def test_expressions_that_take_others_for_ever(mapped):
    """RE2 takes time in proportion to the text, whatever the expression."""
    shown = called("a" * 1000 + "!")
    for expression in (r"(a+)+", r"(a|aa)+", r"(.*a){20}", r"(a?){100}a{100}"):
        assert mapped(f"cn /{expression}/ x", shown) == []


def test_without_re2_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "re2", None)
    (tmp_path / "map").write_text("")
    with pytest.raises(MissingExtraError, match=r"install the extra: pip install 'ftptls\[maps\]'"):
        MapFile(str(tmp_path / "map"))


@given(
    st.text(r"a1()[]\*+?|.{}^$/ ", min_size=1, max_size=12),
    st.text(r"a\0123", min_size=1, max_size=5),
)
def test_whatever_is_written_makes_names_or_is_refused(expression, name):
    try:
        (line,) = parse(f"cn /{expression}/ {name}\n")
    except ValueError:
        return
    for text in ("a", "1", "a1", "\u00e9"):
        try:
            found = list(line.names([text]))
        except UnusableError:
            continue
        assert all(found)
