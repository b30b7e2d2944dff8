"""Threads behind a queue that ends: who is refused, and what happens when the reactor stops."""

from __future__ import annotations

import gc
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.errors import BusyError
from ftptls.interfaces import IWorkers
from ftptls.workers import BoundedWorkers, InlineWorkers, Workers, transfer_threads


@implementer(IReactorCore, IReactorFromThreads)
class Reactor:
    """What workers need of one."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._triggers: dict[str, list[Callable[[], Any]]] = {"before": [], "after": []}

    def callFromThread(self, call: Any, *args: Any, **given: Any) -> None:  # noqa: N802
        self.calls.put(lambda: call(*args, **given))

    def addSystemEventTrigger(  # noqa: N802
        self, phase: str, event: str, call: Callable[[], Any]
    ) -> None:
        assert event == "shutdown"
        self._triggers[phase].append(call)

    def turn(self) -> None:
        """Deliver one result."""
        self.calls.get(timeout=60)()

    def stop(self, phase: str) -> None:
        """Say that it stops."""
        while self._triggers[phase]:
            self._triggers[phase].pop()()


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.stop("before")
    made.stop("after")


class Slow:
    """A call that ends when it is let go."""

    def __init__(self) -> None:
        self.begun, self._may_end, self.done = threading.Event(), threading.Event(), 0

    def __call__(self) -> int:
        self.begun.set()
        assert self._may_end.wait(60)
        self.done += 1
        return self.done

    def let_go(self) -> None:
        self._may_end.set()


def outcome(asked: Any) -> list[Any]:
    """The result of a Deferred, or its error, once it is there."""
    found: list[Any] = []
    asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


def test_they_are_workers() -> None:
    for each in (Workers(None), BoundedWorkers(None, 1, 1), InlineWorkers()):
        assert verifyObject(IWorkers, each)


def test_transfers_have_as_many_threads_as_are_of_use_or_as_one_wants() -> None:
    assert transfer_threads(0) == (os.cpu_count() or 1) + 1
    assert transfer_threads(1) == 1


def test_no_more_threads_than_there_is_work_for_nor_than_they_may_be(reactor: Reactor) -> None:
    workers, before = Workers(reactor, threads=3), threading.active_count()
    for _ in range(5):
        asked = outcome(workers.run(int))
        reactor.turn()
        assert asked == [0]
    assert threading.active_count() == before + 1
    slow = [Slow() for _ in range(5)]
    for each in slow:
        workers.run(each)
    assert all(each.begun.wait(60) for each in slow[:3])
    assert threading.active_count() == before + 3
    assert not slow[3].begun.is_set()
    for each in slow:
        each.let_go()
    reactor.stop("after")
    assert threading.active_count() == before


def test_an_error_is_delivered_and_its_thread_goes_on(reactor: Reactor) -> None:
    workers = Workers(reactor, threads=1)
    for _ in range(2):
        asked = outcome(workers.run(int, "x"))
        reactor.turn()
        assert isinstance(asked[0], ValueError)
    ended = outcome(workers.run(sys.exit))
    reactor.turn()
    assert isinstance(ended[0], SystemExit)
    good = outcome(workers.run(int, "7"))
    reactor.turn()
    assert good == [7]


def test_what_was_asked_before_the_end_is_done(reactor: Reactor) -> None:
    workers, slow = Workers(reactor, threads=1), Slow()
    asked = [outcome(workers.run(slow)) for _ in range(4)]
    slow.let_go()
    reactor.stop("after")
    for _ in asked:
        reactor.turn()
    assert asked == [[1], [2], [3], [4]]
    assert outcome(workers.run(slow)) == []
    assert slow.done == 4


def test_a_thread_that_waits_keeps_nothing_of_the_last_call(reactor: Reactor) -> None:
    """A transfer's buffers would stay until the next one."""
    workers, slow = Workers(reactor, threads=1), Slow()
    kept = weakref.ref(slow)
    slow.let_go()
    asked = outcome(workers.run(slow))
    del slow
    reactor.turn()
    assert asked == [1]
    for _ in range(1000):
        if kept() is None:
            break
        time.sleep(0.01)
    assert kept() is None


def test_an_error_does_not_keep_what_was_called(reactor: Reactor) -> None:
    """Not even until garbage is collected: transfers break often, and have large buffers."""

    class Broken:
        def __call__(self) -> None:
            raise ValueError

    workers, broken = Workers(reactor, threads=1), Broken()
    kept = weakref.ref(broken)
    gc.disable()
    try:
        asked = outcome(workers.run(broken))
        reactor.turn()
        assert isinstance(asked.pop(), ValueError)
        del broken
        for _ in range(1000):
            if kept() is None:
                break
            time.sleep(0.01)
        assert kept() is None
    finally:
        gc.enable()


def test_what_comes_too_many_is_refused_until_there_is_room(reactor: Reactor) -> None:
    workers, slow = BoundedWorkers(reactor, threads=1, queue=2), Slow()
    asked = [outcome(workers.run(slow)) for _ in range(5)]
    assert asked[:3] == [[], [], []]
    assert all(isinstance(each[0], BusyError) for each in asked[3:])
    slow.let_go()
    for _ in range(3):
        reactor.turn()
    assert asked[:3] == [[1], [2], [3]]
    again = outcome(workers.run(slow))
    reactor.turn()
    assert again == [4]


def test_when_the_reactor_stops_only_what_runs_is_waited_for(reactor: Reactor) -> None:
    workers, slow = BoundedWorkers(reactor, threads=1, queue=9), Slow()
    asked = [outcome(workers.run(slow)) for _ in range(10)]
    assert slow.begun.wait(60)
    reactor.stop("before")
    slow.let_go()
    reactor.stop("after")
    for _ in range(10):
        reactor.turn()
    assert slow.done == 1
    assert asked[0] == [1]
    assert all(isinstance(each[0], BusyError) for each in asked[1:])
