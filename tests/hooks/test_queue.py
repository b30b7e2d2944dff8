"""Events that wait in a file."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from ftptls.hooks.queue import Queue, objection


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "hooks.db")


@pytest.fixture
def queue(path):
    made = Queue(path, 3)
    yield made
    made.close()


def drain(queue: Queue) -> list[tuple[str, str]]:
    found = []
    while waiting := queue.first():
        found.append((waiting.id, waiting.body))
        queue.remove(waiting)
    return found


def test_first_in_first_out(queue):
    assert queue.first() is None
    assert [queue.put(name, f"body of {name}") for name in "abc"] == [1, 2, 3]
    assert drain(queue) == [(name, f"body of {name}") for name in "abc"]


def test_the_oldest_is_dropped_beyond_the_bound(queue):
    assert [queue.put(name, "") for name in "abcde"] == [1, 2, 3, 4, 4]
    assert [name for name, _ in drain(queue)] == ["c", "d", "e"]


def test_one_that_was_dropped_can_be_removed(queue):
    queue.put("a", "")
    first = queue.first()
    for name in "bcd":
        queue.put(name, "")
    queue.remove(first)
    assert [name for name, _ in drain(queue)] == ["b", "c", "d"]


def test_it_survives_being_closed(queue, path):
    queue.put("a", "\ud800 and \0".encode("unicode-escape").decode())
    queue.close()
    queue.close()
    again = Queue(path, 3)
    assert drain(again) == [("a", "\\ud800 and \\x00")]
    again.close()


def test_it_survives_a_kill(path):
    text = (
        "import os, sys; from ftptls.hooks.queue import Queue; queue = Queue(sys.argv[1], 100)\n"
        "for number in range(50): queue.put(str(number), 'body')\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", text, path], check=False)
    assert done.returncode == -9
    queue = Queue(path, 100)
    assert [name for name, _ in drain(queue)] == [str(number) for number in range(50)]
    queue.close()


def test_another_process_that_just_ends_is_waited_for(queue, path):
    queue.put("a", "")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("begin exclusive")
    ending = threading.Timer(0.3, other.rollback)
    ending.start()
    again = Queue(path, 3)
    assert again.put("b", "") == 2
    ending.join()
    other.close()
    again.close()


def test_it_is_for_its_owner_alone(queue, path):
    queue.put("a", "")
    for name in os.listdir(os.path.dirname(path)):
        info = os.stat(os.path.join(os.path.dirname(path), name))
        assert stat.S_IMODE(info.st_mode) == 0o600


def test_nothing_is_made_before_it_is_used(path):
    Queue(path, 3).close()
    assert not os.path.exists(path)
    assert objection(path) == ""
    assert not os.path.exists(path)


def test_a_queue_that_is_there_can_be_used(queue, path):
    queue.put("a", "")
    assert objection(path) == ""


def test_what_can_be_no_queue(tmp_path):
    text = tmp_path / "what is this?.db#"
    text.write_text("no database\n" * 100)
    assert "is no queue (file is not a database)" in objection(str(text))
    assert "which is no folder" in objection(str(tmp_path / "gone" / "hooks.db"))
    assert "cannot be made" not in objection(str(tmp_path / "hooks.db"))
    with pytest.raises(sqlite3.DatabaseError):
        Queue(str(text), 3).put("a", "")
