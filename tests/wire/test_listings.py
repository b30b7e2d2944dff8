"""Listings: what clients parse, whatever is on the disk."""

from __future__ import annotations

import calendar
import locale
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.settings.zones import seconds_east
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.dates import time_value
from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits
from ftptls.wire.facts import (
    DEFAULT_FACTS,
    FACTS,
    FactLines,
    facts_line,
    mlst_feature,
    select_facts,
)
from ftptls.wire.listings import ListLines, heading_line, list_line, name_lines, type_mark


def utc(*fields: int) -> int:
    """Seconds since the epoch for year, month, day, hour, minute, second."""
    return calendar.timegm((*fields, 0, 0, 0))


NOW = utc(2026, 7, 1, 12, 0, 0)

FILE = Entry(
    name="report.txt",
    kind=Kind.FILE,
    size=1234,
    modified=utc(2026, 3, 5, 7, 8, 9),
    mode=0o644,
    links=1,
    owner="alice",
    group="staff",
    uid=1000,
    gid=50,
    unique="fd01g2a",
    perm="adfrw",
)
FOLDER = FILE._replace(name="pub", kind=Kind.DIRECTORY, size=4096, mode=0o2755, perm="el")
LINK = FILE._replace(name="latest", kind=Kind.LINK, size=10, mode=0o777, target="report.txt")
OTHER = FILE._replace(name="fifo", kind=Kind.OTHER, size=0)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (FILE, "-rw-r--r--   1 alice    staff            1234 Mar 05 07:08 report.txt\r\n"),
        (FOLDER, "drwxr-sr-x   1 alice    staff            4096 Mar 05 07:08 pub\r\n"),
        (
            LINK,
            "lrwxrwxrwx   1 alice    staff              10 Mar 05 07:08 latest -> report.txt\r\n",
        ),
        (OTHER, "srw-r--r--   1 alice    staff               0 Mar 05 07:08 fifo\r\n"),
        (
            FILE._replace(mode=0o107777, links=1000, size=2**40),
            "-rwsrwsrwt 1000 alice    staff    1099511627776 Mar 05 07:08 report.txt\r\n",
        ),
        (
            FILE._replace(owner="Domain Users", group="", mode=0),
            "----------   1 Domain_Users -                1234 Mar 05 07:08 report.txt\r\n",
        ),
        (
            FILE._replace(name=" two  spaces "),
            "-rw-r--r--   1 alice    staff            1234 Mar 05 07:08  two  spaces \r\n",
        ),
    ],
)
def test_list_lines(entry, line):
    assert list_line(entry, NOW) == line.encode()


@pytest.mark.parametrize(
    ("modified", "shown"),
    [
        (NOW, "Jul 01 12:00"),
        (NOW + 0.9, "Jul 01 12:00"),
        (NOW + 86400, "Jul 02 12:00"),
        (NOW + 86401, "Jul 02  2026"),
        (NOW - 180 * 86400, "Jan 02 12:00"),
        (NOW - 184 * 86400, "Dec 29  2025"),
        (0, "Jan 01  1970"),
        (-1, "Dec 31  1969"),
        (utc(2024, 2, 29, 0, 0, 0), "Feb 29  2024"),
        (1e300, "Dec 31  9999"),
        (-1e300, "Jan 01  1000"),
        (float("inf"), "Dec 31  9999"),
        (float("-inf"), "Jan 01  1000"),
        (float("nan"), "Jan 01  1970"),
    ],
)
def test_list_dates(modified, shown):
    assert f" {shown} report.txt\r\n".encode() in list_line(FILE._replace(modified=modified), NOW)


@pytest.mark.parametrize("line_of", [lambda e: list_line(e, NOW), lambda e: name_lines([e])])
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Grüße", "Grüße".encode()),
        ("\udce4", b"\xe4"),
        ("a\r\nb", b"a??b"),
        ("a\0\x1b[2J", b"a??[2J"),
        ("\ud800", b"?"),
    ],
)
def test_names_are_sent_as_they_are_but_for_controls(line_of, name, sent):
    line = line_of(FILE._replace(name=name))
    assert line.endswith(sent + b"\r\n")
    assert line.count(b"\r\n") == 1


def east(shift: int):
    """A zone that never changes."""
    return lambda _seconds: shift


def test_list_dates_are_of_the_zone():
    line = list_line(FILE, NOW, east(7200))
    assert line == list_line(FILE._replace(modified=FILE.modified + 7200), NOW)
    assert b" Mar 05 09:08 " in line
    assert b" Mar 04 20:08 " in list_line(FILE, NOW, east(-11 * 3600))


@pytest.mark.parametrize(
    ("modified", "shown"), [(float("inf"), "Dec 31  9999"), (float("-inf"), "Jan 01  1000")]
)
def test_zones_lead_out_of_no_year(modified, shown):
    for shift in (-86400, 86400):
        line = list_line(FILE._replace(modified=modified), NOW, east(shift))
        assert shown.encode()[-4:] in line


def test_the_zone_is_asked_for_every_time_on_the_days_on_which_it_changes_only():
    asked = []
    change = utc(2026, 3, 29, 1, 0, 0)

    def berlin(seconds: int) -> int:
        asked.append(seconds)
        return 7200 if seconds >= change else 3600

    for minutes in range(-1440, 1440):
        modified = change + 60 * minutes
        local = FILE._replace(modified=modified + (7200 if minutes >= 0 else 3600))
        changed = FILE._replace(modified=modified)
        assert list_line(changed, NOW, berlin) == list_line(local, NOW)
    assert len(asked) == 2 * 3 + 1440


def test_lines_of_names_below():
    assert list_line(FILE, NOW, prefix="2026/").endswith(b" Mar 05 07:08 2026/report.txt\r\n")
    assert list_line(FOLDER, NOW, mark="/").endswith(b" pub/\r\n")
    assert list_line(FILE, NOW, prefix="a\r\nb/").endswith(b" a??b/report.txt\r\n")


@pytest.mark.parametrize(
    ("entry", "mark"),
    [
        (FILE, ""),
        (FILE._replace(mode=0o754), "*"),
        (FOLDER, "/"),
        (LINK, "@"),
        (OTHER, ""),
    ],
)
def test_type_marks(entry, mark):
    assert type_mark(entry) == mark


@pytest.mark.parametrize(
    ("root", "prefix", "line"),
    [
        (".", "", ".:"),
        (".", "a/", "./a:"),
        ("x", "a/b/", "x/a/b:"),
        ("x/", "", "x:"),
        ("/", "", "/:"),
        ("/", "a/", "/a:"),
        ("x", "a\r\nb/", "x/a??b:"),
    ],
)
def test_headings(root, prefix, line):
    assert heading_line(root, prefix) == f"{line}\r\n".encode()


def test_the_target_of_a_link_forges_nothing():
    line = list_line(LINK._replace(target="a\r\n-rw-r--r--"), NOW)
    assert line.endswith(b" latest -> a??-rw-r--r--\r\n")


def test_month_names_do_not_depend_on_the_locale():
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            for month, text in ((5, b" May 01 "), (10, b" Oct 01 "), (12, b" Dec 01 ")):
                entry = FILE._replace(modified=utc(2020, month, 1, 0, 0, 0))
                assert text in list_line(entry, NOW)
    finally:
        locale.setlocale(locale.LC_TIME, before)


UNIX = "UNIX.mode=0644;UNIX.owner=alice;UNIX.group=staff;UNIX.uid=1000;UNIX.gid=50;"


@pytest.mark.parametrize(
    ("entry", "facts", "line"),
    [
        (
            FILE,
            DEFAULT_FACTS,
            "type=file;size=1234;modify=20260305070809;perm=adfrw;unique=fd01g2a;"
            f"{UNIX} report.txt",
        ),
        (
            FOLDER,
            {"type", "size", "modify", "perm"},
            "type=dir;modify=20260305070809;perm=el; pub",
        ),
        (FILE, {"size"}, "size=1234; report.txt"),
        (FILE, set(), " report.txt"),  # RFC 3659 §7.9: the space stays
        (FILE, {"UNIX.uid", "UNIX.mode"}, "UNIX.mode=0644;UNIX.uid=1000; report.txt"),
        (FILE._replace(unique="", perm=""), {"unique", "perm"}, "perm=; report.txt"),
        (LINK, {"type", "size"}, "type=OS.unix=slink:report.txt; latest"),
        (LINK._replace(target="a;b c"), {"type"}, "type=OS.unix=slink; latest"),
        (LINK._replace(target="a\r\nb"), {"type"}, "type=OS.unix=slink; latest"),
        (LINK._replace(target=""), {"type"}, "type=OS.unix=slink; latest"),
        (OTHER, {"type", "size"}, "type=OS.unix=other; fifo"),
        (
            FILE._replace(owner="a b;c", group="Größe"),
            {"UNIX.owner", "UNIX.group"},
            "UNIX.owner=a_b_c;UNIX.group=Gr__e; report.txt",
        ),
        (FILE._replace(unique="a;b"), {"unique"}, "unique=a_b; report.txt"),
        (
            LINK._replace(target="%s", perm="%d", owner="100%", name="%%"),
            {"type", "perm", "UNIX.owner"},
            "type=OS.unix=slink:%s;perm=%d;UNIX.owner=100%; %%",
        ),
        (FILE._replace(name=" a;b\r\n"), {"size"}, "size=1234;  a;b??"),
    ],
)
def test_facts_lines(entry, facts, line):
    assert facts_line(entry, frozenset(facts)) == line


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        (FILE, ""),  # nothing was said of txt
        (FILE._replace(name="a.csv"), "media-type=text/csv;"),
        (FILE._replace(name="A.B.CSV"), "media-type=text/csv;"),
        (FILE._replace(name="csv"), ""),
        (FOLDER._replace(name="a.csv"), ""),
        (LINK._replace(name="a.csv"), ""),
    ],
)
def test_media_types_are_what_was_said(entry, value):
    line = facts_line(entry, frozenset({"media-type"}), None, {"csv": "text/csv"})
    assert line == f"{value} {entry.name}"


def test_facts_of_creation_and_character_set():
    chosen = frozenset({"create", "charset"})
    assert facts_line(FILE, chosen) == "charset=UTF-8; report.txt"
    made = FILE._replace(created=utc(2026, 1, 2, 3, 4, 5) + 0.5, name="Grüße")
    assert facts_line(made, chosen) == "create=20260102030405;charset=UTF-8; Grüße"
    assert facts_line(FILE._replace(name="\udce4"), chosen) == " \udce4"


@pytest.mark.parametrize("name", ["cdir", "pdir"])
def test_the_type_can_be_told(name):
    assert facts_line(FOLDER, frozenset({"type"}), name) == f"type={name}; pub"
    assert facts_line(FOLDER, frozenset({"perm"}), name) == "perm=el; pub"


@pytest.mark.parametrize(
    ("modified", "text"),
    [
        (0, "19700101000000"),
        (0.999, "19700101000000"),
        (-0.5, "19691231235959"),
        (utc(2024, 2, 29, 23, 59, 59), "20240229235959"),
        (2**31, "20380119031408"),
        (-1e20, "10000101000000"),
        (1e20, "99991231235959"),
        (float("nan"), "19700101000000"),
    ],
)
def test_time_values(modified, text):
    assert time_value(modified) == text


@given(st.integers(utc(1000, 1, 1, 0, 0, 0), utc(9999, 12, 31, 23, 59, 59)))
def test_time_values_come_back(seconds):
    parsed = time.strptime(time_value(seconds), "%Y%m%d%H%M%S")
    assert calendar.timegm(parsed) == seconds


TRAITS = st.builds(
    Traits,
    st.sampled_from(Kind),
    st.integers(0, 0o7777),
    st.text(max_size=4),
    st.text("ab %;", max_size=4),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.text("adfrw", max_size=3),
    st.integers(0, 2**32).map(lambda number: f"{number:x}U"),
)
# Of a disk are octets, of which some are no UTF-8.
NAMES = st.one_of(
    st.text("ab.%- ", min_size=1, max_size=5),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
    st.binary(min_size=1, max_size=4).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
).filter(lambda name: "/" not in name)
TIMES = st.one_of(
    st.integers(NOW - 2**25, NOW + 2**17).map(float),
    st.floats(-(2.0**62), 2.0**62),
    st.floats(NOW - 1, NOW + 1),
)


@st.composite
def some_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of a folder; most names are usual, and a link may say where it points."""
    traits = draw(st.lists(TRAITS, min_size=1, max_size=4))
    rows = draw(
        st.lists(
            st.tuples(
                NAMES,
                st.sampled_from(traits),
                st.integers(0, 2**63 - 1),
                TIMES,
                st.integers(1, 3),
                st.integers(0, 2**64 - 1),
                NAMES,
            ),
            max_size=6,
        )
    )
    return [(*row[:6], row[6] if row[1].kind is Kind.LINK else "") for row in rows]


@given(some_rows(), st.sampled_from([None, 3600, -43200]), NAMES, st.booleans())
def test_rows_are_listed_as_entries_are(rows, shift, prefix, marked):
    lines = ListLines(NOW, None if shift is None else east(shift), marked=marked)
    for before in ("", prefix):
        assert lines.render(Rows(rows), before) == lines.render(list(Rows(rows)), before)


@given(some_rows(), NAMES, st.booleans())
def test_names_of_rows_are_those_of_entries(rows, lead, marked):
    for before in ("", lead):
        named = name_lines(Rows(rows), before, marked=marked)
        assert named == name_lines(list(Rows(rows)), before, marked=marked)


def test_names_have_their_lead_and_perhaps_a_mark():
    assert name_lines([FILE, FOLDER], "in/") == b"in/report.txt\r\nin/pub\r\n"
    assert name_lines([FILE, FOLDER], "in/", marked=True) == b"in/report.txt\r\nin/pub/\r\n"


@given(some_rows(), st.frozensets(st.sampled_from(FACTS)))
def test_facts_of_rows_are_those_of_entries(rows, facts):
    lines = FactLines(facts, {"a": "text/a"})
    assert lines.render(Rows(rows)) == lines.render(list(Rows(rows)))


@pytest.mark.parametrize("modified", [-62135596800.0, -30610224001.0, 253402300800.0, 2.0**62])
def test_the_time_of_one_row_may_be_odd(modified):
    traits = Traits(Kind.FILE, 0o644, "alice", "staff", 1000, 50, "adfrw", "fd01U")
    rows = Rows([(name, traits, 1, time, 1, 1, "") for name, time in (("a", 0.0), ("b", modified))])
    shown = time_value(modified)
    assert shown in ("10000101000000", "99991231235959")
    assert FactLines(frozenset({"modify"})).render(rows) == (
        f"modify=19700101000000; a\r\nmodify={shown}; b\r\n".encode()
    )
    assert ListLines(NOW).render(rows) == b"".join(list_line(each, NOW) for each in rows)


def test_marks_are_behind_all_names_but_those_of_links():
    lines = ListLines(NOW, marked=True).render([FOLDER, LINK, FILE._replace(mode=0o755)])
    first, second, third, _ = lines.split(b"\r\n")
    assert first.endswith(b" pub/")
    assert second.endswith(b" latest -> report.txt")
    assert third.endswith(b" report.txt*")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", set()),
        ("type;size;", {"type", "size"}),
        ("Type;UNIX.MODE;Perm;", {"type", "UNIX.mode", "perm"}),
        ("lang;type;charset;create;", {"type", "charset", "create"}),
        ("Media-Type;CHARSET;", {"media-type", "charset"}),
        ("fish;cakes;", set()),
        ("type", {"type"}),
        (";;", set()),
        ("\udce4;size;", {"size"}),
    ],
)
def test_facts_are_selected(text, facts):
    assert select_facts(text) == facts


def test_spaces_are_no_part_of_a_selection():
    with pytest.raises(ArgumentError) as caught:
        select_facts("unique type;")
    assert caught.value.code == 501


def test_the_feature_line_marks_what_is_selected():
    assert mlst_feature(frozenset(FACTS)) == "".join(f"{fact}*;" for fact in FACTS)
    assert mlst_feature(DEFAULT_FACTS).startswith(
        "type*;size*;modify*;perm*;unique*;create;media-type;charset;UNIX.mode*;"
    )
    assert mlst_feature(frozenset({"size"})).startswith("type;size*;modify;perm;unique;create;")
    assert select_facts(mlst_feature(frozenset())) == frozenset(FACTS)


ENTRIES = st.builds(
    Entry,
    name=st.text(),
    kind=st.sampled_from(Kind),
    size=st.integers(-10, 2**70),
    modified=st.floats(),
    mode=st.integers(0, 2**32),
    links=st.integers(0, 2**40),
    owner=st.text(),
    group=st.text(),
    uid=st.integers(0, 2**32),
    gid=st.integers(0, 2**32),
    unique=st.text(),
    perm=st.text("acdeflmprw"),
    target=st.text(),
    created=st.none() | st.floats(),
)


@given(ENTRIES, st.floats(allow_nan=False))
def test_any_entry_is_one_line_of_nine_columns(entry, now):
    line = list_line(entry, now)
    assert line.endswith(b"\r\n")
    assert not any(octet < 32 or octet == 127 for octet in line[:-2])
    assert len(line[:-2].split(b" ")) >= 9
    assert len(line.split(None, 8)[:8]) == 8
    assert line.split(None, 8)[4] == str(max(entry.size, 0)).encode()


@given(ENTRIES, st.frozensets(st.sampled_from(FACTS)))
def test_any_entry_is_one_line_of_facts(entry, facts):
    head, space, name = facts_line(entry, facts).partition(" ")
    assert space
    assert len(name) == len(entry.name)
    assert not any(c < " " or c == "\x7f" for c in head + name)
    pairs = [fact.split("=", 1) for fact in head.split(";")[:-1]]
    assert [key for key, _ in pairs] == [
        fact
        for fact in FACTS
        if fact in facts
        and (fact != "size" or entry.is_file)
        and (fact != "unique" or entry.unique)
        and (fact != "create" or entry.created is not None)
        and (fact != "charset" or decodes(name))
        and fact != "media-type"  # nobody said any
    ]


def decodes(name: str) -> bool:
    """Whether it goes out as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_large_directories_are_rendered_fast():
    entries = [
        FILE._replace(name=f"file{i:06}.txt", size=i, modified=NOW - i * 1234.5, unique=f"1g{i:x}")
        for i in range(50_000)
    ]
    berlin = seconds_east("Europe/Berlin")
    for render in (
        lambda e: list_line(e, NOW),
        lambda e: list_line(e, NOW, berlin),
        lambda e: facts_line(e, DEFAULT_FACTS),
    ):
        start = time.process_time()
        for entry in entries:
            render(entry)
        # About 0.1 s; the bound only catches a change of magnitude.
        assert time.process_time() - start < 2
