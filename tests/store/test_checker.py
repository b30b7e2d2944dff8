"""The checker and the reactor that it is lent."""

from __future__ import annotations

import time

from twisted.internet.testing import MemoryReactorClock

from ftptls.store import StoreChecker, User, Users
from ftptls.workers import InlineWorkers


def test_the_store_is_closed_when_the_reactor_ends(tmp_path):
    """Then all is in the one file, which may be copied."""
    with Users.open(f"{tmp_path}/users.db", create=True) as users:
        users.add(User(name="alice"))
    checker = StoreChecker.open(f"sqlite:{tmp_path}/users.db")
    reactor = MemoryReactorClock()
    checker.use(reactor, InlineWorkers())
    checker.users.edit("alice", notes="changed")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"users.db", "users.db-shm", "users.db-wal"}
    for call, args, kwargs in reactor.triggers["after"]["shutdown"]:
        call(*args, **kwargs)
    assert [path.name for path in tmp_path.iterdir()] == ["users.db"]


def test_the_time_is_the_present_one(tmp_path):
    with Users.open(f"{tmp_path}/users.db", create=True) as users:
        now = StoreChecker(users)._clock()
    assert now.tzinfo is not None
    assert abs(now.timestamp() - time.time()) < 3600
