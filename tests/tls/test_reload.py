"""Files that change under a running server: what is taken up, and what is not."""

from __future__ import annotations

import datetime
import os
import signal
import threading

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ftptls.testing.certificates import PKI
from ftptls.tls import reload
from ftptls.tls.reload import Reloader, refuse_invalid
from ftptls.workers import InlineWorkers


class Watched:
    """A file that holds a number, and what was made of it."""

    def __init__(self, folder) -> None:
        self.clock = Clock()
        self.path = folder / "number"
        self.path.write_text("1")
        self.made: list[int] = []
        self.reloader = Reloader(
            self.clock, InlineWorkers(), self.build, self.made.append, [str(self.path)], interval=10
        )

    def build(self) -> int:
        return int(self.path.read_text())

    def tick(self) -> None:
        self.clock.advance(10)


@pytest.fixture
def watched(tmp_path):
    made = Watched(tmp_path)
    made.reloader.startService()
    yield made
    made.reloader.stopService()
    assert made.clock.getDelayedCalls() == []


def outcome(reloading: Deferred) -> bool:
    results = []
    reloading.addCallback(results.append)
    return results[0]


def test_nothing_is_loaded_while_nothing_changes(watched):
    for _ in range(3):
        watched.tick()
    assert watched.made == []


def test_a_change_is_taken_up_once(watched, recorded):
    watched.path.write_text("22")
    for _ in range(3):
        watched.tick()
    assert watched.made == [22]
    assert recorded == ["ftptls: certificates loaded anew; sessions go on with the old ones"]


def test_s25_what_cannot_be_used_is_said_once_for_each_change(watched, recorded):
    for content in ("half", "halves"):
        watched.path.write_text(content)
        for _ in range(3):
            watched.tick()
    assert watched.made == []
    assert len(recorded) == 2
    assert "stay as they were: invalid literal for int() with base 10: 'half'" in recorded[0]
    watched.path.write_text("333")
    watched.tick()
    assert watched.made == [333]


def test_what_the_taker_refuses_is_not_taken_up_either(watched, recorded):
    def refuse(_: int) -> None:
        raise ValueError("not this one")

    watched.reloader._replace = refuse
    assert outcome(watched.reloader.reload()) is False
    assert recorded == ["ftptls: certificates stay as they were: not this one"]


def test_an_unforeseen_error_does_not_end_the_watching(watched, recorded):
    watched.reloader._build = lambda: 1 // 0
    watched.path.write_text("22")
    watched.tick()
    assert "unforeseen error" in recorded[0]
    watched.reloader._build = watched.build
    watched.path.write_text("333")
    watched.tick()
    assert watched.made == [333]


def test_a_file_that_goes_and_comes_back(watched, recorded):
    watched.reloader._build = lambda: 1 if watched.path.exists() else int("gone")
    watched.path.unlink()
    watched.tick()
    watched.tick()
    assert len(recorded) == 1
    watched.path.write_text("1")
    watched.tick()
    assert watched.made == [1]


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time(watched, tmp_path):
    status = watched.path.stat()
    other = tmp_path / "other"
    other.write_text("7")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(watched.path)
    watched.tick()
    assert watched.made == [7]


def test_files_in_folders_and_behind_links_are_watched(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1")
    (tmp_path / "link").symlink_to(folder / "a")
    clock, made = Clock(), []
    reloader = Reloader(
        clock,
        InlineWorkers(),
        lambda: 1,
        made.append,
        [str(folder), str(tmp_path / "link")],
        interval=1,
    )
    reloader.startService()
    for change in (
        lambda: (folder / "b").write_text("1"),
        lambda: (folder / "a").write_text("12"),
        lambda: (folder / "b").unlink(),
    ):
        change()
        clock.advance(1)
        clock.advance(1)
    assert made == [1, 1, 1]
    reloader.stopService()


def test_a_reload_can_be_asked_for(watched):
    watched.path.write_text("5")
    assert outcome(watched.reloader.reload()) is True
    watched.tick()
    assert watched.made == [5]
    assert outcome(watched.reloader.reload()) is True
    assert watched.made == [5, 5]


class Held:
    """A thread that takes its time."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred, object]] = []

    def run(self, call, *args):
        done: Deferred = Deferred()
        self.waiting.append((done, call(*args)))
        return done

    def let_go(self) -> None:
        while self.waiting:
            done, result = self.waiting.pop(0)
            done.callback(result)


def test_what_changes_during_a_reload_is_loaded_again(tmp_path):
    path = tmp_path / "number"
    path.write_text("1")
    clock, held, made = Clock(), Held(), []
    reloader = Reloader(
        clock, held, lambda: int(path.read_text()), made.append, [str(path)], interval=10
    )
    reloader.startService()
    path.write_text("22")
    clock.advance(10)
    (look, seen) = held.waiting.pop()
    look.callback(seen)  # it is being loaded now
    path.write_text("333")
    second = reloader.reload()
    held.let_go()
    assert made == [22, 333]
    assert outcome(second) is True
    stopping = reloader.stopService()
    assert stopping.called
    assert clock.getDelayedCalls() == []


def test_stopping_waits_for_what_is_being_loaded(tmp_path):
    clock, held, made = Clock(), Held(), []
    reloader = Reloader(clock, held, lambda: 1, made.append, [], interval=10)
    reloader.startService()
    clock.advance(10)
    stopping = reloader.stopService()
    assert not stopping.called
    held.let_go()
    assert stopping.called
    assert clock.getDelayedCalls() == []


def test_without_an_interval_only_who_asks_is_heard(tmp_path):
    clock, made = Clock(), []
    reloader = Reloader(clock, InlineWorkers(), lambda: 1, made.append, [])
    reloader.startService()
    assert clock.getDelayedCalls() == []
    assert outcome(reloader.reload()) is True
    reloader.stopService()
    assert made == [1]


class Signalled(Clock):
    """A reactor that takes calls from signal handlers."""

    def callFromThread(self, call, *args) -> None:  # noqa: N802
        self.callLater(0, call, *args)


def test_sighup_reloads_and_is_given_back():
    before = signal.getsignal(signal.SIGHUP)
    reactor, made = Signalled(), []
    reloader = Reloader(reactor, InlineWorkers(), lambda: 1, made.append, [], on_signal=True)
    reloader.startService()
    os.kill(os.getpid(), signal.SIGHUP)
    assert made == []  # not within the handler
    reactor.advance(0)
    assert made == [1]
    reloader.stopService()
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_server_goes_with_its_terminal(monkeypatch):
    terminal, descriptor = os.openpty()
    monkeypatch.setattr(reload, "_STANDARD_INPUT", descriptor)
    reactor, made, stopped = Signalled(), [], []
    reactor.stop = lambda: stopped.append(True)
    reloader = Reloader(reactor, InlineWorkers(), lambda: 1, made.append, [], on_signal=True)
    reloader.startService()
    os.kill(os.getpid(), signal.SIGHUP)
    reactor.advance(0)
    assert (made, stopped) == ([1], [])  # somebody sent it
    os.close(terminal)
    os.kill(os.getpid(), signal.SIGHUP)
    reactor.advance(0)
    assert (made, stopped) == ([1], [True])
    reloader.stopService()
    os.close(descriptor)


def test_a_service_in_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGHUP)
    reloader = Reloader(Signalled(), InlineWorkers(), lambda: 1, print, [], on_signal=True)
    thread = threading.Thread(target=reloader.startService)
    thread.start()
    thread.join(10)
    assert signal.getsignal(signal.SIGHUP) is before
    reloader.stopService()


def test_s25_a_certificate_that_is_not_valid_now():
    pki = PKI()
    now = datetime.datetime.now(datetime.UTC)
    refuse_invalid([pki.server()], now)
    with pytest.raises(ValueError, match="The certificate in memory expired on 20"):
        refuse_invalid([pki.server(), pki.server(late=True)], now)
    with pytest.raises(ValueError, match="is not valid before"):
        refuse_invalid([pki.server()], now - datetime.timedelta(days=2))
