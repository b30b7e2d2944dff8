"""The file of bans, as servers and ``ftptls ban`` use it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ftptls.guard import Ban, Kind, lift, list_bans
from ftptls.guard.banfile import BanFile

BANS = [
    Ban(Kind.ADDRESS, "192.0.2.1", 0, 300, 20),
    Ban(Kind.NAME, "alice", 0, 200, 20),
    Ban(Kind.ADDRESS, "2001:db8::/64", 0, 100, 20),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bans.sqlite"


@pytest.fixture
def kept(path):
    """A file with some bans in it."""
    with closing(BanFile(str(path), 100)) as file:
        file.exchange(BANS, 0)
    return path


def test_what_is_listed(kept):
    assert list_bans(kept, now=0) == BANS[::-1]
    assert list_bans(kept, now=100) == BANS[1::-1]
    assert list_bans(kept) == []  # by the clock of the system, they are long over


@pytest.mark.parametrize(
    ("what", "lifted"),
    [
        ("192.0.2.1", [0]),
        ("192.0.2.0/24", [0]),
        ("192.0.2.77/24", [0]),
        ("192.0.2.2", []),
        ("2001:db8::77", [2]),
        ("2001:db8::/32", [2]),
        ("2001:db8:0:1::1", []),
        ("alice", [1]),
        ("ALICE", [1]),
        ("bob", []),
        ("0.0.0.0/0", [0]),
        ("", [2, 1, 0]),
    ],
)
def test_what_is_lifted(kept, what, lifted):
    assert lift(kept, what, now=0) == [BANS[number] for number in lifted]
    assert len(list_bans(kept, now=0)) == 3 - len(lifted)
    assert lift(kept, what, now=0) == []


def test_what_others_change_is_read_and_what_nobody_changed_is_not(path):
    with closing(BanFile(str(path), 100)) as one, closing(BanFile(str(path), 100)) as other:
        assert one.exchange([], 0) == []
        assert one.exchange([], 0) is None
        assert one.exchange(BANS[:1], 0) is None
        assert one.exchange(BANS[1:2], 0) is None
        assert other.exchange([], 0) == BANS[1::-1]
        assert other.exchange([], 0) is None
        lift(path, "alice", now=0)
        assert one.exchange([], 0) == other.exchange([], 0) == BANS[:1]
        assert one.exchange([], 0) is None


def test_it_is_read_anew_when_it_was_closed(kept):
    file = BanFile(str(kept), 100)
    for _ in range(2):
        assert file.exchange([], 0) == BANS[::-1]
        file.close()


def test_to_take_it_away_is_to_lift_all_bans(kept):
    with closing(BanFile(str(kept), 100)) as file:
        assert file.exchange([], 0) == BANS[::-1]
        kept.unlink()
        assert file.exchange([], 0) == []
        file.exchange(BANS[:1], 0)
        assert list_bans(kept, now=0) == BANS[:1]


def test_it_holds_no_more_than_it_may_and_nothing_that_is_over(path):
    many = [Ban(Kind.ADDRESS, f"192.0.2.{n}", 0, n + 1, 1) for n in range(20)]
    with closing(BanFile(str(path), 5)) as file:
        file.exchange(many, 0)
        assert [each.until for each in list_bans(path, now=0)] == [16, 17, 18, 19, 20]
        file.exchange(BANS[:1], 18)
    assert [each.until for each in list_bans(path, now=0)] == [19, 20, 300]


def test_a_new_ban_takes_the_place_of_the_old_one(kept):
    again = Ban(Kind.ADDRESS, "192.0.2.1", 500, 900, 3)
    with closing(BanFile(str(kept), 100)) as file:
        file.exchange([again], 500)
    assert list_bans(kept, now=0) == [again]


def test_a_file_that_is_none(path):
    with pytest.raises(FileNotFoundError):
        list_bans(path)
    with pytest.raises(FileNotFoundError):
        lift(path, "alice")
    assert not path.exists()
    path.write_text("These are no bans.\n" * 100)
    for call in (list_bans, lift, lambda name: BanFile(str(name), 1).exchange([], 0)):
        with pytest.raises(OSError, match="file is not a database"):
            call(path)
    assert path.read_text().startswith("These")


def test_many_threads_write_at_once(path):
    def write(number: int) -> None:
        with closing(BanFile(str(path), 1000)) as file:
            for last in range(20):
                file.exchange([Ban(Kind.ADDRESS, f"10.0.{number}.{last}", 0, 9, 1)], 0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(list_bans(path, now=0)) == 160


_WRITER = """
import sys
from ftptls.guard import Ban, Kind
from ftptls.guard.banfile import BanFile
file = BanFile(sys.argv[1], 1000)
for last in range(20):
    file.exchange([Ban(Kind.ADDRESS, f"10.0.{sys.argv[2]}.{last}", 0, 9, 1)], 0)
"""


def test_many_processes_write_at_once_and_may_be_killed(path):
    """None of them closes the file; what was written is there all the same."""
    writers = [
        subprocess.Popen([sys.executable, "-c", f"{_WRITER}\nimport os; os._exit(0)", path, number])
        for number in "1234"
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(list_bans(path, now=0)) == 80
