"""LIST and NLST of patterns, and which names listings show at all."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest

from ftptls.settings import Files, HiddenNames, Settings
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.workers import InlineWorkers
from tests.server.test_listings import decoded

CONTENT = {
    "/a.txt": b"1",
    "/b.txt": b"22",
    "/.hidden.txt": b"",
    "/c.csv": b"",
    "/a[1].txt": b"odd",
    "/2024/x1.csv": b"",
    "/2024/x2.csv": b"",
    "/2024/y.csv": b"",
    "/2024/.x.csv": b"",
    "/2025/x1.csv": b"",
    "/2025/deep/x9.csv": b"",
    "/.2026/x1.csv": b"",
    "/20file": b"",
}


def names(client, line: str) -> list[str]:
    """What NLST says, in order of the alphabet."""
    return sorted(decoded(client.download(line)))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt", "a[1].txt", "b.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("[!a].*", ["b.txt", "c.csv"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("/?.txt", ["/a.txt", "/b.txt"]),
        ("2024/x*", ["2024/x1.csv", "2024/x2.csv"]),
        ("./2024//x?.csv", ["./2024//x1.csv", "./2024//x2.csv"]),
        ("20*/x*.csv", ["2024/x1.csv", "2024/x2.csv", "2025/x1.csv"]),
        ("/20*/x1.csv", ["/2024/x1.csv", "/2025/x1.csv"]),
        ("*/*/*", ["2025/deep/x9.csv"]),
        ("**/x1.csv", ["2024/x1.csv", "2025/x1.csv"]),
        ("20*/", ["2024", "2025"]),
        ("20*", ["2024", "2025", "20file"]),
        (".*", [".2026", ".hidden.txt"]),
        (".20*/*", [".2026/x1.csv"]),
        ("20*/.*", ["2024/.x.csv"]),
        ("-a h* *.txt", []),
        ("-a *.txt", [".hidden.txt", "a.txt", "a[1].txt", "b.txt"]),
        ("-d 20*", ["2024", "2025", "20file"]),
        ("-R 20*", ["2024", "2025", "20file"]),
        ("-F 20*", ["2024/", "2025/", "20file"]),
        ("-- [c]*", ["c.csv"]),
    ],
)
def test_patterns(enter, pattern, expected):
    client = enter(CONTENT)
    if expected:
        assert names(client, f"NLST {pattern}") == expected
    else:
        assert client.ask(f"NLST {pattern}", 550).text == "No files found."


def test_patterns_begin_where_they_are_said_to(enter):
    client = enter(CONTENT)
    client.ask("CWD 2025", 250)
    assert names(client, "NLST x*") == ["x1.csv"]
    assert names(client, "NLST ../2024/x*") == ["../2024/x1.csv", "../2024/x2.csv"]
    for name in names(client, "NLST ../20*/x*"):
        client.download(f"RETR {name}")


def test_list_shows_what_is_below_the_place_that_was_named(enter):
    client = enter(CONTENT)
    for line, expected in (
        ("LIST 2024/x*", ["x1.csv", "x2.csv"]),
        ("LIST /20*/x1*", ["2024/x1.csv", "2025/x1.csv"]),
        ("LIST 202?", ["2024", "2025"]),
    ):
        lines = decoded(client.download(line))
        assert sorted(each.split(maxsplit=8)[8] for each in lines) == expected


def test_a_name_that_is_there_is_no_pattern(enter):
    client = enter(CONTENT)
    assert names(client, "NLST a[1].txt") == ["a[1].txt"]
    client.ask("DELE a[1].txt", 250)
    client.ask("NLST a[1].txt", 550)
    client.upload("STOR a1.txt", b"")
    assert names(client, "NLST a[1].txt") == ["a1.txt"]
    client.upload("STOR *", b"")
    assert names(client, "NLST *") == ["*"]
    client.ask("MKD ?", 257)
    assert names(client, "NLST ?") == []


@pytest.mark.parametrize("verb", ["LIST", "NLST", "STAT"])
def test_a_pattern_that_matches_nothing(enter, verb):
    client = enter(CONTENT)
    client.open()
    for pattern in ("*.none", "20*/none*", "none*/x", "none/*", "*x/", "a.txt/*"):
        client.ask(f"{verb} {pattern}", 550)
    client.ask(f"{verb} */../*", 501)
    client.ask(f"{verb} {'*' * 1001}", 501)
    if verb != "STAT":
        assert b"a.txt" in client.download(verb)  # the port is as good as before


def test_other_commands_know_no_patterns(enter):
    client = enter(CONTENT)
    for line in ("DELE *.txt", "RETR *.txt", "CWD 20*", "RMD 20*", "RNFR ?.txt"):
        client.ask(line, 550)
    assert client.server.filesystem.contents() == CONTENT


class Watched(MemoryFilesystem):
    """Counts the directories that somebody looks into."""

    scans = 0

    async def scan(self, path: PurePosixPath):
        self.scans += 1
        async for batch in super().scan(path):
            yield batch


WIDE = {f"/{a}/{b}/{c}/f": b"" for a in range(6) for b in range(6) for c in range(6)}


def test_the_directories_of_a_pattern_are_bounded(enter, settings):
    filesystem = Watched(WIDE)
    client = enter(settings=settings(listed_directories=50), filesystem=filesystem)
    assert len(names(client, "NLST */*/?")) == 216
    assert filesystem.scans == 1 + 6 + 36
    filesystem.scans = 0
    wire = client.begin("NLST */*/*/*")
    data = wire.take()
    assert "list a part" in client.expect(550).text
    assert 0 < len(decoded(data)) < 216
    assert filesystem.scans <= 51
    assert names(client, "NLST 0/*/*/*") == [f"0/{b}/{c}/f" for b in range(6) for c in range(6)]


class Wide(MemoryFilesystem):
    """A directory without an end, as far as this test goes."""

    batches = 0

    async def scan(self, path: PurePosixPath):
        async for batch in super().scan(path):
            for _ in range(100_000):
                self.batches += 1
                yield batch


def test_looking_for_what_is_not_there_can_be_aborted(enter):
    filesystem = Wide({"/a": b""})
    client = enter(filesystem=filesystem)
    client.open()
    client.send("NLST *.none", "ABOR", "NOOP")
    client.expect(426)
    client.expect(226)
    client.expect(200)
    assert 0 < filesystem.batches < 100


def test_a_listing_that_is_never_sent_holds_nothing_open(enter, tmp_path):
    for number in range(1200):
        (tmp_path / f"{number}.txt").touch()
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    before = len(os.listdir("/proc/self/fd"))
    for line in ("NLST *.txt", "LIST -R", "LIST -t *", "MLSD"):
        client.ask(line, 425)
        assert len(os.listdir("/proc/self/fd")) == before
    assert len(client.ask("STAT *.txt", 212).lines) == 1003
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_listing_that_is_aborted_half_way_holds_nothing_open(enter, tmp_path):
    for number in range(20_000):
        (tmp_path / f"{number}.txt").touch()
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    before = len(os.listdir("/proc/self/fd"))
    for line in ("NLST", "LIST", "MLSD"):
        client.begin(line, limit=10_000)
        assert len(os.listdir("/proc/self/fd")) > before
        client.ask("ABOR", 426)
        client.expect(226)
        assert len(os.listdir("/proc/self/fd")) == before


def test_links_in_patterns_are_followed_and_cannot_go_in_circles(enter, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_bytes(b"1")
    (tmp_path / "current").symlink_to("real")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "real/up").symlink_to("..")
    (tmp_path / "to-file").symlink_to("real/file")
    (tmp_path / "out").symlink_to("/usr")
    client = enter(filesystem=LocalFilesystem(tmp_path, InlineWorkers()))
    assert names(client, "NLST */f*") == ["current/file", "real/file"]
    assert names(client, "NLST */*/real") == ["current/up/real", "real/up/real"]
    client.ask("NLST out/*", 550)


# --- hidden names --------------------------------------------------------------------------

DOTS = {"/.profile": b"secret", "/.d/in": b"", "/.d/.in": b"", "/seen": b""}


@pytest.mark.parametrize(
    ("policy", "plain", "with_a", "mlsd", "pattern"),
    [
        (HiddenNames.SHOW, 3, 3, 3, 2),
        (HiddenNames.ON_REQUEST, 1, 3, 3, 2),
        (HiddenNames.NEVER, 1, 1, 1, 0),
    ],
)
def test_hidden_names(enter, policy, plain, with_a, mlsd, pattern):
    client = enter(DOTS, Settings(files=Files(hidden_names=policy)))
    for verb in ("LIST", "NLST"):
        for line, count in ((verb, plain), (f"{verb} -a", with_a), (f"{verb} -lA", with_a)):
            assert len(decoded(client.download(line))) == count
        if pattern:
            assert len(decoded(client.download(f"{verb} .*"))) == pattern
        else:
            client.ask(f"{verb} -a .*", 550)
        assert len(decoded(client.download(f"{verb} *"))) == 1
    assert len(decoded(client.download("MLSD"))) == mlsd + 1
    assert len(client.ask("STAT /", 212).lines) == plain + 2


@pytest.mark.parametrize("policy", HiddenNames)
def test_hidden_names_can_be_used_whether_they_are_listed_or_not(enter, policy):
    client = enter(DOTS, Settings(files=Files(hidden_names=policy)))
    assert client.download("RETR .profile") == b"secret"
    assert names(client, "NLST .profile") == [".profile"]
    assert ".d/in" in names(client, "NLST .d")
    assert client.ask("MLST .profile", 250).lines[1].endswith(" /.profile")
    client.ask("STAT .profile", 213)
    client.ask("DELE .profile", 250)


def test_hidden_directories_are_no_part_of_a_tree_that_does_not_show_them(enter):
    client = enter(DOTS, Settings(files=Files(hidden_names=HiddenNames.ON_REQUEST)))
    assert names(client, "NLST -R") == ["seen"]
    assert names(client, "NLST -aR") == [".d", ".d/.in", ".d/in", ".profile", "seen"]
