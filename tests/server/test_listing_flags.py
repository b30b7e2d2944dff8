"""What the flags of ls do to LIST and NLST, the zone of their dates, and large directories."""

from __future__ import annotations

import calendar
import os
from pathlib import PurePosixPath

import pytest

from ftptls.settings import Files, Settings
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.wire.entries import Entry, Kind
from ftptls.workers import InlineWorkers
from tests.server.test_listings import decoded

TREE = {
    "/a/one": b"1",
    "/a/deep/two": b"",
    "/a/deep/er/": b"",
    "/b/three": b"",
    "/top": b"",
}


def columns(lines: list[str]) -> list[str]:
    """Lines of LIST by their names alone; headings and gaps as they are."""
    return [line.split(maxsplit=8)[8] if len(line) > 50 else line for line in lines]


# --- -R ------------------------------------------------------------------------------------


def test_a_tree(enter, mode):
    client = enter(TREE, mode=mode)
    lines = columns(decoded(client.download("LIST -lR")))
    assert lines == [
        *(".:", "a", "b", "top", ""),
        *("./a:", "one", "deep", ""),
        *("./a/deep:", "two", "er", ""),
        *("./a/deep/er:", ""),
        *("./b:", "three"),
    ]
    assert columns(decoded(client.download("LIST -R b"))) == ["b:", "three"]
    assert decoded(client.download("LIST -R1 /b/")) == ["/b:", "three"]
    assert decoded(client.download("LIST -1R /"))[5] == "/a:"
    assert columns(decoded(client.download("LIST -R top"))) == ["top"]


def test_a_tree_of_names_is_of_paths_that_retr_takes(enter):
    client = enter(TREE)
    assert decoded(client.download("NLST -R /a")) == [
        "/a/one",
        "/a/deep",
        "/a/deep/two",
        "/a/deep/er",
    ]
    client.ask("CWD a", 250)
    assert decoded(client.download("NLST -R")) == ["one", "deep", "deep/two", "deep/er"]


@pytest.mark.parametrize("verb", ["LIST", "NLST"])
def test_a_tree_is_bounded_and_says_so(enter, settings, verb):
    client = enter(TREE, settings(listed_directories=2))
    data = client.begin(f"{verb} -R").take()
    assert b"three" in data
    assert b"two" not in data
    assert "Not all is listed" in client.expect(550).text
    client.download(f"{verb} -R b")


def test_a_tree_is_as_deep_as_a_hundred(enter):
    client = enter({"/x" * 100 + "/inner/file": b""})
    data = client.begin("NLST -R").take()
    assert decoded(data)[-1] == "x/" * 100 + "inner"
    client.expect(550)
    assert decoded(client.download("NLST -R x"))[-1].endswith("/inner/file")


def test_no_link_leads_a_tree_in_circles(enter, tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/up").symlink_to("..")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "out").symlink_to("/")
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    assert sorted(decoded(client.download("NLST -R"))) == ["dir", "dir/up", "out", "self"]
    assert sorted(columns(decoded(client.download("LIST -R"))))[-3:] == [
        "out -> /",
        "self -> .",
        "up -> ..",
    ]


class Failing(MemoryFilesystem):
    """One directory fails in a way of its own."""

    error: Exception

    async def scan(self, path: PurePosixPath):
        if path == PurePosixPath("/a"):
            raise self.error
        async for batch in super().scan(path):
            yield batch


def test_what_may_not_be_looked_into_is_passed_over_but_no_other_failure(enter):
    filesystem = Failing(TREE)
    client = enter(filesystem=filesystem)
    filesystem.error = PermissionError(13, "Permission denied")
    assert decoded(client.download("NLST -R")) == ["a", "b", "top", "b/three"]
    assert decoded(client.download("NLST */t*")) == ["b/three"]
    filesystem.error = OSError(5, "Input/output error")
    client.begin("NLST -R").take()
    client.expect(451)


# --- order ---------------------------------------------------------------------------------


class Aged(MemoryFilesystem):
    """Names as old and as large as they say: ``age.size``."""

    async def scan(self, path: PurePosixPath):
        async for batch in super().scan(path):
            yield [self._aged(entry) for entry in batch]

    @staticmethod
    def _aged(entry: Entry) -> Entry:
        age, _, size = entry.name.partition(".")
        return Entry(entry.name, Kind.FILE, modified=10**9 - float(age), size=int(size))


@pytest.mark.parametrize(
    ("flags", "order"),
    [
        ("", ["2.5", "1.9", "3.7", "3.8"]),
        ("-t", ["1.9", "2.5", "3.7", "3.8"]),
        ("-lt -r", ["3.8", "3.7", "2.5", "1.9"]),
        ("-S", ["1.9", "3.8", "3.7", "2.5"]),
        ("-Sr", ["2.5", "3.7", "3.8", "1.9"]),
        ("-r", ["3.8", "3.7", "2.5", "1.9"]),
        ("-t *", ["1.9", "2.5", "3.7", "3.8"]),
        ("-t 3*", ["3.7", "3.8"]),
    ],
)
def test_order(enter, flags, order):
    filesystem = Aged({f"/{name}": b"" for name in ("2.5", "1.9", "3.7", "3.8")})
    client = enter(filesystem=filesystem)
    assert decoded(client.download(f"NLST {flags}".rstrip())) == order
    assert columns(decoded(client.download(f"LIST {flags}".rstrip()))) == order


def test_a_large_directory_is_not_sorted_but_whole(enter, settings):
    content = {f"/{number:04}.1": b"" for number in range(1500)}
    for bound, in_order in ((1500, True), (1499, False), (700, False), (0, False)):
        client = enter(settings=settings(sorted_names=bound), filesystem=Aged(content))
        found = decoded(client.download("NLST -tr"))
        assert len(found) == len(set(found)) == 1500
        assert (found == sorted(found, reverse=True)) is in_order


# --- what is shown of a name ---------------------------------------------------------------


def test_the_directory_itself(enter):
    client = enter(TREE)
    for flags, name in (
        ("-d", "."),
        ("-d a", "a"),
        ("-ld /a", "a"),
        ("-d /", "/"),
        ("-d ..", ".."),
    ):
        (line,) = decoded(client.download(f"LIST {flags}"))
        assert line.startswith("d")
        assert columns([line]) == [name]
    for flags, name in (("-d", "."), ("-d a", "a"), ("-d /a", "/a"), ("-d a/deep/", "a/deep/")):
        assert decoded(client.download(f"NLST {flags}")) == [name]
    client.ask("STAT -d a", 212)


def test_names_alone(enter):
    client = enter(TREE)
    assert decoded(client.download("LIST -1")) == ["a", "b", "top"]
    assert decoded(client.download("LIST -1 a")) == ["one", "deep"]
    assert columns(decoded(client.download("LIST -1l"))) == ["a", "b", "top"]


def test_marks(enter, tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to("dir")
    (tmp_path / "plain").touch(0o644)
    (tmp_path / "run").touch()
    (tmp_path / "run").chmod(0o755)
    os.mkfifo(tmp_path / "pipe")
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    marked = ["dir/", "link@", "pipe", "plain", "run*"]
    assert sorted(decoded(client.download("NLST -F"))) == marked
    assert sorted(decoded(client.download("LIST -1F"))) == marked
    assert sorted(columns(decoded(client.download("LIST -F")))) == [
        *("dir/", "link -> dir", "pipe", "plain", "run*")
    ]


@pytest.mark.parametrize("name", ["-la", "-x", "--", "-1 file"])
def test_names_that_begin_with_a_hyphen(enter, name):
    client = enter({f"/{name}/inside": b""})
    for given in (f"./{name}", f"/{name}", f"-- {name}", f"-a -- {name}"):
        assert columns(decoded(client.download(f"LIST {given}"))) == ["inside"]


# --- dates ---------------------------------------------------------------------------------

WHEN = calendar.timegm((2001, 7, 1, 23, 30, 0))


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "Jul 01"), ("Europe/Berlin", "Jul 02"), ("America/Lima", "Jul 01")]
)
def test_dates_are_of_the_zone_that_is_set(enter, zone, day):
    filesystem = MemoryFilesystem({"/f": b""}, now=lambda: WHEN)
    client = enter(settings=Settings(files=Files(time_zone=zone)), filesystem=filesystem)
    assert f" {day}  2001 f" in client.download("LIST").decode()
    assert f" {day}  2001 f" in client.ask("STAT f", 213).text
    assert b"modify=20010701233000;" in client.download("MLSD")
    assert client.ask("MDTM f", 213).text == "20010701233000"


# --- large directories ---------------------------------------------------------------------


class Counted(Entry):
    """An entry that is counted as long as somebody holds it."""

    alive = 0
    most = 0

    def __new__(cls, name: str) -> Counted:
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        return super().__new__(cls, name, Kind.FILE, modified=1e9)

    def __del__(self) -> None:
        Counted.alive -= 1


class Endless(MemoryFilesystem):
    """Its root has so many names that nobody should hold them all."""

    async def scan(self, path: PurePosixPath):
        for start in range(0, 200_000, 500):
            yield [Counted(f"{number}.txt") for number in range(start, start + 500)]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("LIST", 200_000),
        ("NLST -tR", 200_000),
        ("NLST *7.txt", 20_000),
        ("NLST -S *", 200_000),
        ("MLSD", 200_001),
    ],
)
def test_nobody_holds_a_large_directory(enter, settings, line, count):
    client = enter(settings=settings(sorted_names=2000), filesystem=Endless())
    client.ask("OPTS MLST type;", 200)
    Counted.most = Counted.alive = 0
    assert client.download(line).count(b"\r\n") == count
    assert Counted.alive == 0
    assert Counted.most <= (4000 if "-" in line else 1500)


def test_stat_looks_at_no_more_than_it_tells(enter):
    client = enter(filesystem=Endless())
    Counted.most = Counted.alive = 0
    assert len(client.ask("STAT /", 212).lines) == 1000 + 1 + 2
    assert Counted.alive == 0
    assert Counted.most <= 1500
