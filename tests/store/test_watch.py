"""Whoever is barred while he is logged in: the order of events that decides it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from ftptls.errors import BusyError
from ftptls.store import StoreError, User, Users
from ftptls.store.watch import INTERVAL, Watch

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ADDRESS = "192.0.2.1"


class Held:
    """Threads whose calls are made at once, and whose results come when they are let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.waiting = []
        self.hold = False
        self.error = None

    def run(self, call, *args):
        self.calls += 1
        done = Deferred()
        error, result = self.error, None if self.error else call(*args)
        self.waiting.append((done, error, result))
        if not self.hold:
            self.let_go()
        return done

    def let_go(self):
        waiting, self.waiting = self.waiting, []
        for done, error, result in waiting:
            done.errback(error) if error else done.callback(result)


class Here:
    """A watch, and what it works with."""

    def __init__(self, users) -> None:
        self.users = users
        self.reactor = Clock()
        self.lookups = Held()
        self.watch = Watch(self.reactor, users, self.lookups, lambda: NOW)
        self.ended = []

    def log_in(self, name="alice", *, stored=True, looked_for=True):
        """A login, as the realm has it."""
        login = self.watch.enter(name, ADDRESS, stored=stored)
        if looked_for:
            login.know(self.users.find(name), first=True)
            login.when_revoked(lambda reason: self.ended.append((name, reason)))
        return login


@pytest.fixture
def here(tmp_path):
    with Users.open(f"{tmp_path}/users.db", create=True) as users:
        for name in ("alice", "bob"):
            users.add(User(name=name))
        yield Here(users)


@pytest.fixture
def warnings():
    found = []

    def keep(event):
        if event.get("log_namespace") == "ftptls":
            found.append(event)

    globalLogPublisher.addObserver(keep)
    yield found
    globalLogPublisher.removeObserver(keep)


def test_nothing_is_asked_while_nobody_is_logged_in(here):
    here.reactor.advance(10 * INTERVAL)
    login = here.log_in()
    here.reactor.advance(INTERVAL)
    assert here.lookups.calls == 1
    login.leave()
    login.leave()
    assert here.reactor.getDelayedCalls() == []


def test_a_change_between_the_look_for_the_user_and_the_next_one(here):
    """What the realm has read is older than what the watch reads."""
    login = here.watch.enter("alice", ADDRESS, stored=True)
    old = here.users.find("alice")
    here.users.edit("alice", enabled=False)
    here.reactor.advance(INTERVAL)
    login.know(old, first=True)
    login.when_revoked(lambda reason: here.ended.append(reason))
    assert here.ended == ["he, or a group of his, is disabled"]
    assert here.reactor.getDelayedCalls() == []


def test_who_comes_while_the_others_are_looked_for(here):
    """His record was read before the change, and the change before he was known."""
    here.log_in("bob")
    here.lookups.hold = True
    here.reactor.advance(INTERVAL)
    login = here.watch.enter("alice", ADDRESS, stored=True)
    login.know(here.users.find("alice"), first=True)
    login.when_revoked(lambda reason: here.ended.append(reason))
    here.users.edit("alice", enabled=False)
    here.watch._changes = here.users.changes()  # as if the thread had read it just now
    here.lookups.hold = False
    here.lookups.let_go()
    here.reactor.advance(INTERVAL)
    assert here.ended == ["he, or a group of his, is disabled"]


def test_several_sessions_of_one_user(here):
    for _ in range(3):
        here.log_in()
    here.log_in("bob")
    here.users.remove("alice")
    here.reactor.advance(INTERVAL)
    assert here.ended == [("alice", "he is there no more")] * 3
    here.reactor.advance(5 * INTERVAL)
    assert len(here.ended) == 3


def test_who_is_in_no_store_stays_until_a_record_bars_him(here):
    here.log_in("erin", stored=False)
    here.reactor.advance(INTERVAL)
    here.users.add(User(name="erin"))
    here.reactor.advance(INTERVAL)
    here.users.remove("erin")
    here.reactor.advance(INTERVAL)
    assert here.ended == []
    here.users.add(User(name="erin", networks=("10.0.0.0/8",)))
    here.reactor.advance(INTERVAL)
    assert here.ended == [("erin", "he is in none of his networks")]


def test_without_a_change_no_user_is_looked_for(here, monkeypatch):
    looked_for = []
    find = here.users.find
    monkeypatch.setattr(here.users, "find", lambda name: looked_for.append(name) or find(name))
    here.log_in()
    here.log_in("bob")
    looked_for.clear()
    for _ in range(5):
        here.reactor.advance(INTERVAL)
    assert sorted(looked_for) == ["alice", "bob"]  # the first time
    here.users.edit("bob", notes="changed")
    here.reactor.advance(INTERVAL)
    assert sorted(looked_for) == ["alice", "alice", "bob", "bob"]


def test_trouble_is_told_once_and_ends_nobody(here, warnings):
    here.log_in()
    here.lookups.error = StoreError("The user store cannot be used now: gone.")
    for _ in range(5):
        here.reactor.advance(INTERVAL)
    assert [str(each["why"]) for each in warnings] == [str(here.lookups.error)]
    here.lookups.error = BusyError()
    here.reactor.advance(INTERVAL)
    assert len(warnings) == 1
    here.users.edit("alice", enabled=False)
    here.lookups.error = None
    here.reactor.advance(INTERVAL)
    assert here.ended == [("alice", "he, or a group of his, is disabled")]


def test_an_own_mistake_is_told_with_its_traceback(here, warnings):
    here.log_in()
    here.lookups.error = RuntimeError("oops")
    here.reactor.advance(INTERVAL)
    assert "log_failure" in warnings[0]
    here.lookups.error = None
    here.users.edit("alice", enabled=False)
    here.reactor.advance(INTERVAL)
    assert len(here.ended) == 1


def test_leaving_while_he_is_looked_for(here):
    login = here.log_in()
    here.lookups.hold = True
    here.users.edit("alice", enabled=False)
    here.reactor.advance(INTERVAL)
    login.leave()
    here.lookups.let_go()
    assert here.ended == []
    assert here.reactor.getDelayedCalls() == []
