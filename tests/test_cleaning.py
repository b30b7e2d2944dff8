"""The service that cleans up: at the start, once a day, and until it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher

from ftptls.cleaning import Cleaning
from ftptls.settings import Files, Settings
from ftptls.vfs.temporaries import temporary_name


class Steps:
    """Workers that do nothing until they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.waiting.append(lambda: result.callback(call(*args)))
        return result

    def work(self) -> int:
        """Do all there is to do; returns how much that was."""
        done = 0
        while self.waiting:
            self.waiting.pop(0)()
            done += 1
        return done


@pytest.fixture
def lines() -> Iterator[list[str]]:
    found: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        found.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


def test_at_the_start_and_once_a_day(tmp_path: Path, lines: list[str]) -> None:
    clock, steps = Clock(), Steps()
    service = Cleaning(clock, steps, Settings(files=Files(root=str(tmp_path))))
    service.startService()
    assert not steps.waiting  # until the reactor runs
    for removed in (2, 0, 1):
        for _ in range(removed):
            (tmp_path / temporary_name()).write_bytes(b"left")
        clock.advance(0)
        steps.work()
        assert list(tmp_path.iterdir()) == []
        told = f"ftptls: {removed} leftovers of uploads removed, 0 kept to be gone on with"
        assert lines == [told]
        lines.clear()
        clock.advance(86400)
    assert service.stopService().called is False  # it waits for the step of today
    steps.work()
    assert clock.getDelayedCalls() == []


def test_it_is_done_in_steps_and_stops_between_them(tmp_path: Path, lines: list[str]) -> None:
    clock, steps = Clock(), Steps()
    for number in range(2500):
        (tmp_path / f"file-{number}").touch()
    service = Cleaning(clock, steps, Settings(files=Files(root=str(tmp_path))))
    service.startService()
    clock.advance(0)
    assert steps.work() == 3
    clock.advance(86400)
    steps.waiting.pop(0)()
    step = steps.waiting.pop(0)
    stopped = service.stopService()
    assert not stopped.called
    step()
    assert stopped.called
    assert not steps.waiting
    assert clock.getDelayedCalls() == []


def test_stopped_before_it_began(tmp_path: Path, lines: list[str]) -> None:
    clock = Clock()
    service = Cleaning(clock, Steps(), Settings(files=Files(root=str(tmp_path))))
    service.startService()
    assert service.stopService().called
    assert clock.getDelayedCalls() == []
    assert lines == []
