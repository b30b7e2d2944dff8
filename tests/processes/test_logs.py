"""Lines of a worker's log, in the log of its supervisor."""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.logger import Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from ftptls.processes.logs import LineObserver, LineRelay
from ftptls.textlog import Lines
from tests.reactors import Running


class Pipe(io.BytesIO):
    """Shows what the other end has."""

    seen = b""

    def flush(self) -> None:
        self.seen = self.getvalue()


@pytest.fixture
def told():
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_lines_come_with_their_level_and_the_number_of_the_worker(told) -> None:
    pipe, reactor = Pipe(), Running()
    log = Logger(namespace="ftptls", observer=LineObserver(Lines(reactor, pipe)))
    log.info("{who} connected", who="-@192.0.2.1:1")
    log.debug("two\nlines")
    assert pipe.seen == b""  # they wait for more
    reactor.advance(1)
    log.warn("at once")
    log.failure("with a traceback", Failure(ValueError("why")))
    relay = LineRelay(7)
    for octet in pipe.seen:
        relay.feed(bytes([octet]))
    texts = [formatEvent(each) for each in told]
    assert texts[:3] == ["-@192.0.2.1:1 connected", "two\nlines", "at once"]
    assert "with a traceback" in texts[3]
    assert "ValueError: why" in texts[3]
    levels = [LogLevel.info, LogLevel.debug, LogLevel.warn, LogLevel.critical]
    assert [each["log_level"] for each in told] == levels
    assert told[0]["log_system"] == "ftptls#info worker 7"


def test_what_an_interpreter_says_as_it_ends(told) -> None:
    relay = LineRelay(7)
    relay.feed(b"Fatal Python error\n[1, 2]\n[[], 2, 3, 4]\n{text}: \xff")
    relay.end()
    texts = [formatEvent(each) for each in told]
    said = ("Fatal Python error", "[1, 2]", "[[], 2, 3, 4]", "{text}: \\xff")
    assert texts == [f"worker 7: {each}" for each in said]
    assert {each["log_level"] for each in told} == {LogLevel.error}
