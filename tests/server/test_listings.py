"""LIST, NLST, MLSD, MLST and STAT, and names of every kind in them."""

from __future__ import annotations

import re

import pytest

from ftptls.settings import Files, Settings
from ftptls.vfs.memory import MemoryFilesystem

pytestmark = pytest.mark.both_paths

CONTENT = {
    "/plain.txt": b"12345",
    "/with space": b"",
    " lead/".join(["/", "x"]): b"",
    "/dir/inner": b"1",
    "/ünïcödé-漢字": b"",
    "/octets-\udcff\udcfe": b"raw",
    "/-l": b"dash",
    '/q"uote': b"",
}
HOSTILE = {
    "/evil\r\n226 Transfer complete.": b"1",
    "/new\nline": b"2",
    "/\x1b[2Jclear": b"3",
    "/dir\n-rw-r--r-- 1 root root 0 Jan 01 00:00 forged/": b"",
}

_LIST_LINE = re.compile(
    r"[-dlpsbc?][-rwxsStT]{9} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d (?:\d\d:\d\d| \d{4}) (.+)"
)
_FACTS_LINE = re.compile(r"(?:[A-Za-z.]+=[^;\r\n]*;)+ (.+)")


def decoded(data: bytes) -> list[str]:
    assert not data or data.endswith(b"\r\n")
    return data.decode("utf-8", "surrogateescape").split("\r\n")[:-1]


def names_at_top() -> set[str]:
    return {path.split("/")[1] for path in CONTENT}


def test_list(enter, mode):
    client = enter(CONTENT, mode=mode)
    lines = decoded(client.download("LIST"))
    assert {_LIST_LINE.fullmatch(line)[1] for line in lines} == names_at_top()
    assert {line[0] for line in lines} == {"-", "d"}
    (plain,) = [line for line in lines if line.endswith("plain.txt")]
    assert " 5 " in plain


@pytest.mark.parametrize(
    "flags", ["-a", "-la", "-al", "-l", "-aL /", "-l -a", "-CF", "-t -r", "-lhtrSAn1Q --"]
)
@pytest.mark.parametrize("verb", ["LIST", "NLST"])
def test_flags_of_ls_are_taken_in_any_mixture(enter, verb, flags):
    client = enter(CONTENT)
    assert client.download(f"{verb} {flags}").count(b"\r\n") == len(names_at_top())


@pytest.mark.parametrize("line", ["LIST -a dir", "LIST dir", "LIST /dir/", "LIST dir/../dir"])
def test_list_of_a_directory(enter, line):
    (only,) = decoded(enter(CONTENT).download(line))
    assert only.endswith(" inner")


@pytest.mark.parametrize("line", ["LIST plain.txt", "LIST -- -l", "LIST ./-l", "LIST -l plain.txt"])
def test_list_of_one_file(enter, line):
    (only,) = decoded(enter(CONTENT).download(line))
    assert only.startswith("-rw")


def test_nlst_gives_names_that_retr_takes(enter, mode):
    client = enter(CONTENT, mode=mode)
    assert set(decoded(client.download("NLST"))) == names_at_top()
    assert decoded(client.download("NLST dir")) == ["dir/inner"]
    assert decoded(client.download("NLST /dir/")) == ["/dir/inner"]
    assert decoded(client.download("NLST plain.txt")) == ["plain.txt"]
    client.ask("CWD dir", 250)
    assert decoded(client.download("NLST")) == ["inner"]


def test_mlsd(enter, mode):
    client = enter(CONTENT, mode=mode)
    lines = decoded(client.download("MLSD"))
    names = [_FACTS_LINE.fullmatch(line)[1] for line in lines]
    assert set(names) == names_at_top() | {"."}
    assert lines[0].startswith("type=cdir;")
    (plain,) = [line for line in lines if line.endswith(" plain.txt")]
    assert "type=file;size=5;" in plain
    lines = decoded(client.download("MLSD dir"))
    assert [line.partition(" ")[2] for line in lines] == ["..", "inner"]


def test_mlsd_names_the_directory_itself_and_the_one_around_it(enter):
    """A dot is right for the current directory only (RFC 3659 §7.5.1)."""
    client = enter({"/a/b/": b""})
    for directory, listed, types in (
        ("/", "", ["cdir"]),
        ("/", "/", ["cdir"]),
        ("/", "a", ["pdir"]),
        ("/a", "", ["cdir", "pdir"]),
        ("/a", "b", ["pdir"]),
        ("/a/b", "..", ["pdir"]),
    ):
        client.ask(f"CWD {directory}", 250)
        client.ask("OPTS MLST type;unique;", 200)
        lines = decoded(client.download(f"MLSD {listed}".rstrip()))
        shown = [re.fullmatch(r"type=(\w+);unique=\w+; (.+)", line).groups() for line in lines]
        names = {"cdir": ".", "pdir": ".."}
        assert [each for each in shown if each[0] != "dir"] == [(t, names[t]) for t in types]
        client.ask("OPTS MLST unique;", 200)  # then nobody could tell them from names inside
        assert len(decoded(client.download(f"MLSD {listed}".rstrip()))) == len(lines) - len(types)


def test_the_parent_of_mlsd_is_the_one_of_mlst(enter):
    client = enter({"/a/b/": b""})
    parent = client.ask("MLST /a", 250).lines[1].strip().rpartition(" ")[0]
    line = decoded(client.download("MLSD a/b"))[0]
    assert line == parent.replace("type=dir", "type=pdir") + " .."


def test_mlsd_and_mlst_take_a_path_as_it_is(enter):
    """RFC 3659 §2.2.2: no patterns."""
    client = enter({"/a.txt": b"", "/dir/": b""})
    for line in ("MLSD d*", "MLST *.txt", "MLST a.tx?"):
        client.ask(line, 550)


def test_facts_that_have_to_be_chosen(enter):
    files = Files(media_types=("csv=text/csv", "GZ=application/gzip"))
    content = {"/a.CSV": b"", "/b.tar.gz": b"", "/c.txt": b"", "/d.csv/": b""}
    client = enter(settings=Settings(files=files), filesystem=MemoryFilesystem(content))
    (feature,) = [line for line in client.ask("FEAT", 211).lines if "MLST" in line]
    assert ";create;" in feature
    assert ";media-type;charset;UNIX.mode*;" in feature
    assert "create=" not in client.ask("MLST a.CSV", 250).text
    client.ask("OPTS MLST media-type;charset;create;", 200)
    told = dict(line.split(" ")[::-1] for line in decoded(client.download("MLSD")))
    assert all(re.search(r"^create=\d{14};", facts) for facts in told.values())
    assert all(facts.endswith("charset=UTF-8;") for facts in told.values())
    types = {name: re.findall(r"media-type=([^;]+);", facts) for name, facts in told.items()}
    assert types == {
        "a.CSV": ["text/csv"],
        "b.tar.gz": ["application/gzip"],
        "c.txt": [],
        "d.csv": [],
    }
    assert "media-type=text/csv;" in client.ask("MLST a.CSV", 250).text


def test_the_time_of_creation_outlives_a_change(enter):
    times = iter(range(10**9, 2 * 10**9, 3600))
    client = enter(filesystem=MemoryFilesystem({"/old": b"1"}, now=lambda: next(times)))
    client.ask("OPTS MLST create;modify;", 200)
    before = client.ask("MLST old", 250).lines[1]
    client.upload("APPE old", b"2")
    after = client.ask("MLST old", 250).lines[1]
    create = re.compile(r"create=(\d+);")
    assert create.search(before)[1] == create.search(after)[1]
    assert before != after


def test_mlsd_tells_the_chosen_facts_only(enter):
    client = enter(CONTENT)
    client.ask("OPTS MLST size;", 200)
    assert b"size=5; plain.txt\r\n" in client.download("MLSD")
    client.ask("OPTS MLST", 200)
    assert b" plain.txt\r\n" in client.download("MLSD")


def test_mlst_names_the_whole_path(enter):
    client = enter(CONTENT)
    client.ask("CWD dir", 250)
    for name, path in (("inner", "/dir/inner"), ("", "/dir"), ("/", "/"), ("..", "/")):
        first, facts, last = client.ask(f"MLST {name}".rstrip(), 250).lines
        assert (first, last) == ("Listing", "End")
        assert facts.startswith(" ")
        assert _FACTS_LINE.fullmatch(facts[1:])[1] == path


def test_empty_directories(enter, mode):
    client = enter({"/empty/": b""}, mode=mode)
    client.ask("CWD empty", 250)
    assert client.download("LIST") == b""
    assert client.download("NLST") == b""
    assert len(decoded(client.download("MLSD"))) == 2  # itself and the one around it


def test_many_names(enter):
    client = enter({f"/{number:05}": b"" for number in range(5000)})
    assert len(decoded(client.download("LIST"))) == 5000
    assert len(decoded(client.download("MLSD"))) == 5001


def test_listings_are_text_whatever_the_type(enter):
    client = enter(CONTENT)
    for letter in "AI":
        client.ask(f"TYPE {letter}", 200)
        assert set(decoded(client.download("NLST"))) == names_at_top()


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        " two  spaces ",
        "ünïcödé",
        "漢字.txt",
        "-rf",
        "*?[x]",
        'q"q',
        "back\\slash",
        "~",
        "a -> b",
        "dir:",
        "total 5",
    ],
)
def test_names_make_the_round_trip(enter, name):
    client = enter()
    client.upload(f"STOR {name}", b"here")
    assert client.server.filesystem.contents() == {f"/{name}": b"here"}
    assert decoded(client.download("NLST")) == [name]
    assert decoded(client.download("LIST"))[0].endswith(f" {name}")
    assert client.download(f"RETR {name}") == b"here"
    assert client.ask(f"SIZE {name}", 213).text == "4"
    client.ask(f"DELE {name}", 250)


def test_octets_that_are_no_utf_8_make_the_round_trip(enter):
    client = enter()
    name = b"latin-\xe9\xff\xff.txt"  # IAC is doubled in Telnet
    client.upload(b"STOR latin-\xe9\xff\xff\xff\xff.txt", b"here")
    assert client.download("NLST") == name + b"\r\n"
    assert client.download("LIST").endswith(b" " + name + b"\r\n")
    assert client.download(b"RETR latin-\xe9\xff\xff\xff\xff.txt") == b"here"
    client.ask(b"MKD d\xe9", 257)
    client.control.send(b"CWD d\xe9\r\nPWD\r\n")
    client.expect(250)
    assert b'"/d\xe9"' in client.control.take()


def test_names_that_would_forge_a_line_do_not(enter, mode):
    client = enter(HOSTILE, mode=mode)
    for verb in ("LIST", "NLST", "MLSD"):
        data = client.download(verb)
        assert data.count(b"\n") == data.count(b"\r\n") == len(HOSTILE) + (verb == "MLSD")
        assert b"\x1b" not in data
        assert b"\n226" not in data
        assert b"\n-rw-r--r-- 1 root" not in data
    for line in ("LIST -R", "LIST *", "NLST -RF", "NLST *", "LIST -1"):
        data = client.download(line)
        assert data.count(b"\n") == data.count(b"\r\n") >= len(HOSTILE)
        assert not re.search(rb"\x1b|\n226|\n-rw-r--r-- 1 root", data)


def test_names_that_would_forge_a_reply_do_not(enter):
    client = enter(HOSTILE)
    answer = client.ask("STAT /", 212)
    assert len(answer.lines) == len(HOSTILE) + 2
    assert all(line.startswith(" ") for line in answer.lines[1:-1])
    assert client.quiet


# --- STAT ----------------------------------------------------------------------------------


def test_stat_of_the_server(enter, mode):
    client = enter(CONTENT, mode=mode)
    text = client.ask("STAT", 211).text
    assert "192.0.2.1" in text
    assert "alice" in text
    assert "TYPE: I" in text
    assert f"PROT {'P' if mode.private else 'C'}" in text
    assert ("TLS" in text) is (mode.control != "clear")
    assert "No transfer in progress" in text


def test_stat_of_a_path(enter):
    client = enter(CONTENT)
    lines = client.ask("STAT dir", 212).lines
    assert lines[1].endswith(" inner")
    assert len(lines) == 3
    assert client.ask("STAT plain.txt", 213).lines[1].endswith(" plain.txt")
    assert len(client.ask("STAT ./-l", 213).lines) == 3


@pytest.mark.parametrize("line", ["STAT -la", "STAT -l .", "STAT -a /"])
def test_stat_takes_flags_of_ls_as_list_does(enter, line):
    assert len(enter(CONTENT).ask(line, 212).lines) == len(names_at_top()) + 2


def test_stat_takes_patterns(enter):
    client = enter(CONTENT)
    assert client.ask("STAT pl*.txt", 212).lines[1].endswith(" plain.txt")
    client.ask("STAT *.none", 550)
    assert client.ask("STAT -R dir", 212).lines[1:-1] != []


def test_stat_of_a_path_needs_no_data_connection_nor_protection(enter):
    client = enter(CONTENT)
    client.ask("PROT C", 200)
    client.ask("STAT dir", 212)
    assert len(client.server.reactor.listeners) == 1


def test_stat_of_a_great_many_names_is_cut(enter):
    client = enter({f"/{number:05}": b"" for number in range(3000)})
    lines = client.ask("STAT /", 212).lines
    assert len(lines) == 1000 + 1 + 2
    assert "LIST" in lines[-2]
