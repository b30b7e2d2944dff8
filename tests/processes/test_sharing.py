"""What workers have one of: places, turns, locks, and queues of hooks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from ftptls.cred.places import Places
from ftptls.errors import FTPError, TransientError
from ftptls.processes.conversation import Conversation
from ftptls.processes.sharing import Borrowed, Borrowing, Lending
from ftptls.vfs.locks import WriteLocks, place_of
from tests.conftest import CHECKOUT
from tests.processes.wires import connect


class Worker:
    """One process, with what its supervisor knows of it."""

    def __init__(self, clock: Clock, lending: Lending) -> None:
        self.conversation = Conversation(clock, {}, lambda: None)
        self.borrowing = Borrowing(self.conversation)
        self.borrowed = Borrowed(lending)
        supervisor = Conversation(clock, self.borrowed.verbs, lambda: None)
        connect(clock, self.conversation, supervisor)


class Turn:
    """A turn at a file that is taken, and held until it is over."""

    made: ClassVar[list[Turn]] = []

    def __init__(self, worker: Worker, key: str) -> None:
        self.made.append(self)
        self.has = False
        self.over: Deferred[None] = Deferred()
        self.ended = Deferred.fromCoroutine(self._hold(worker, key))

    async def _hold(self, worker: Worker, key: str) -> None:
        async with worker.borrowing.turn(key):
            self.has = True
            await self.over
        self.has = False


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def all_end() -> Iterator[None]:
    """Nobody holds a turn for ever, whatever became of it."""
    yield
    while Turn.made:
        turn = Turn.made.pop()
        turn.ended.cancel()
        turn.ended.addErrback(lambda failure: failure.trap(CancelledError, FTPError))


def settle(clock: Clock) -> None:
    for _ in range(10):
        clock.advance(0)


def test_turns_are_taken_one_after_the_other(clock: Clock) -> None:
    lending = Lending(Places(0))
    one, other = Worker(clock, lending), Worker(clock, lending)
    turns = []
    for worker, key in ((one, "a"), (other, "a"), (one, "a"), (other, "b")):
        turns.append(Turn(worker, key))
        settle(clock)
    assert [each.has for each in turns] == [True, False, False, True]
    turns[0].over.callback(None)
    settle(clock)
    assert [each.has for each in turns] == [False, True, False, True]
    other.borrowed.leave()  # it has crashed, and had two of them
    settle(clock)
    assert turns[2].has
    turns[2].over.callback(None)
    settle(clock)
    again = Turn(one, "b")
    settle(clock)
    assert again.has


def test_who_gives_up_waiting_has_no_turn(clock: Clock) -> None:
    lending = Lending(Places(0))
    one, other = Worker(clock, lending), Worker(clock, lending)
    first, second = Turn(one, "a"), Turn(other, "a")
    settle(clock)
    second.ended.cancel()
    third = Turn(other, "a")
    settle(clock)
    first.over.callback(None)
    settle(clock)
    assert third.has


def test_a_worker_that_crashes_while_it_waits(clock: Clock) -> None:
    lending = Lending(Places(0))
    one, other, last = (Worker(clock, lending) for _ in range(3))
    first, _, third = Turn(one, "a"), Turn(other, "a"), Turn(last, "a")
    settle(clock)
    other.borrowed.leave()
    first.over.callback(None)
    settle(clock)
    assert third.has


def test_places_of_anonymous_users(clock: Clock) -> None:
    lending = Lending(Places(2))
    one, other = Worker(clock, lending), Worker(clock, lending)
    taken = [Deferred.fromCoroutine(each.borrowing.take()) for each in (one, one, other)]
    settle(clock)
    assert taken[2].result.check(TransientError)
    taken[2].addErrback(lambda _: None)
    taken[0].result()
    settle(clock)
    fourth = Deferred.fromCoroutine(other.borrowing.take())
    settle(clock)
    assert callable(fourth.result)
    one.borrowed.leave()
    other.borrowed.leave()
    fifth, sixth = (Deferred.fromCoroutine(one.borrowing.take()) for _ in range(2))
    settle(clock)
    assert callable(fifth.result)
    assert callable(sixth.result)


HOLDS = """
import os, sys
from ftptls.vfs.locks import WriteLocks, place_of
locks = WriteLocks()
locks.share(int(sys.argv[1]))
locks.take(place_of(b"file", os.open(sys.argv[2], os.O_RDONLY)))
print("taken", flush=True)
sys.stdin.read()
"""


def test_locks_of_files_that_are_written(tmp_path: Path) -> None:
    """The process that holds one may end as it likes."""
    with tempfile.TemporaryFile() as shared:
        locks = WriteLocks()
        locks.share(shared.fileno())
        folder = os.open(tmp_path, os.O_RDONLY)
        other = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(shared.fileno()), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[shared.fileno()],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
        with other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"taken\n"
            place = place_of(b"file", folder)
            for refused in (locks.take, locks.refuse_if_held):
                with pytest.raises(TransientError, match="Another upload"):
                    refused(place)
            locks.take(place_of(b"other", folder))
            other.kill()
            other.wait()
        locks.refuse_if_held(place)
        locks.take(place)
        locks.release(place)
        locks.refuse_if_held(place)
        os.close(folder)
