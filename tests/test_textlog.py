"""The log as text: whose lines it has, when they are there, and that none is lost."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import socket
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, globalLogPublisher, textFileLogObserver
from twisted.python import threadable
from twisted.python.failure import Failure

from ftptls import observe
from ftptls.cli import state
from ftptls.session import Peers, Session
from ftptls.textlog import MOMENT, ORDINARY, READY, Lines, TextLog, log_of_twistd, system_of
from tests.conftest import CHECKOUT, Process, Spawn
from tests.reactors import Running

LOCAL = "tcp:0:interface=127.0.0.1"


class File(io.BytesIO):
    """Counts what is written to it."""

    writes = 0

    def write(self, data: Any) -> int:
        self.writes += 1
        return super().write(data)

    @property
    def lines(self) -> list[str]:
        return [line.partition("] ")[2] for line in self.getvalue().decode().splitlines()]


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
def reactor(monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setattr(threadable, "ioThread", threadable.getThreadID())
    return Running()


@pytest.fixture
def log(file: File, reactor: Running) -> Logger:
    return Logger(namespace="ftptls", observer=TextLog(Lines(reactor, file)))


texts = st.text() | st.text(alphabet="{}[]\n\r\t é", max_size=20)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "log_time": st.floats(0, 4e9),
                "log_level": st.sampled_from(list(LogLevel.iterconstants())),
            },
            optional={
                "log_format": st.sampled_from(["{text}", "{text} {more}", "{text", "", None]),
                "text": texts | st.integers() | st.none(),
                "log_system": texts | st.none(),
                "log_namespace": texts,
                "log_failure": st.just(Failure(ValueError("why"))),
            },
        ),
        max_size=5,
    )
)
def test_its_lines_are_those_of_twisted(events: list[dict[str, Any]]) -> None:
    ours, theirs = File(), io.StringIO()
    observer, other = TextLog(Lines(Running(), ours)), textFileLogObserver(theirs)
    for event in events:
        observer(dict(event))
        other(dict(event))
    observer({"log_format": "end", "log_level": LogLevel.warn})  # what waits comes with it
    expected = theirs.getvalue() + "- [-#warn] end\n"
    assert ours.getvalue() == expected.encode("utf-8", "backslashreplace")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ORDINARY, str(ORDINARY.encode(), "ascii"), "another"]),
            st.integers(0, 24).map(lambda eighths: eighths / 8),
            st.text(alphabet="{}ab\n\r\t é", min_size=1),
            st.sampled_from([{}, {"log_failure": Failure(ValueError("why"))}]),
        ),
        max_size=9,
    )
)
def test_what_is_ordinary_is_written_as_anything_else(events) -> None:
    ours, theirs = File(), io.StringIO()
    observer, other = TextLog(Lines(Running(), ours)), textFileLogObserver(theirs)
    for system, when, text, more in events:
        facts = {} if system is ORDINARY else more
        event = {"log_system": system, "log_time": when, "log_level": LogLevel.info, **facts}
        observer({**event, "log_format": READY, "text": text})
        other({**event, "log_format": READY, "text": text})
    observer({"log_format": "end", "log_level": LogLevel.warn})
    assert ours.getvalue().decode() == theirs.getvalue() + "- [-#warn] end\n"


def test_what_every_session_tells_is_ordinary() -> None:
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        observe.connected(Session(Peers(client="192.0.2.1", server="", port=7)))
    finally:
        globalLogPublisher.removeObserver(events.append)
    (event,) = events
    system = event.pop("log_system")
    assert system is ORDINARY
    assert system == system_of(event)  # as Twisted would make it
    assert event["text"] == "-@192.0.2.1:7 connected"


def test_a_time_that_is_rounded_changes_that_of_no_other_line(file, reactor) -> None:
    observer = TextLog(Lines(reactor, file))
    for when in (5.9999999, 5.5):
        event = {"log_system": ORDINARY, "log_time": when, "log_format": READY, "text": "it"}
        observer(event)
    reactor.advance(MOMENT)
    times = [line.partition(b"+")[0][-1:] for line in file.getvalue().splitlines()]
    assert times == [b"6", b"5"]


def test_lines_wait_a_moment_and_are_written_together(log, file, reactor) -> None:
    log.info("{text}", text="one")
    log.info("two")
    assert file.lines == []
    reactor.advance(MOMENT)
    assert file.lines == ["one", "two"]
    assert file.writes == 1
    log.info("three")
    reactor.advance(MOMENT)
    assert file.lines == ["one", "two", "three"]
    assert not reactor.getDelayedCalls()


def test_a_warning_is_there_at_once_and_in_its_place(log, file) -> None:
    log.info("before")
    log.warn("now")
    assert file.lines == ["before", "now"]


def test_nothing_waits_for_a_reactor_that_does_not_run(log, file, reactor) -> None:
    reactor.running = False
    log.info("starts")
    assert file.lines == ["starts"]
    reactor.running = True
    log.info("at last")
    reactor.shut_down()
    assert file.lines == ["starts", "at last"]
    log.info("Server Shut Down.")
    assert file.lines[2:] == ["Server Shut Down."]


def test_threads_lose_no_line_and_none_changes_its_place(log, file, reactor) -> None:
    def tell(number: int) -> None:
        for count in range(300):
            (log.warn if count % 7 == 0 else log.info)("{n} {count}", n=number, count=count)

    threads = [Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reactor.advance(MOMENT)
    for number in range(4):
        own = [line for line in file.lines if line.startswith(f"{number} ")]
        assert own == [f"{number} {count}" for count in range(300)]


def test_a_text_cannot_pass_for_a_line(log, file, reactor) -> None:
    log.info("{text}", text="a\n2026-01-01T00:00:00+0000 [ftptls#info] root logged in")
    reactor.advance(MOMENT)
    assert [line[0] for line in file.getvalue().decode().splitlines()[1:]] == ["\t"]


def test_what_the_encoding_lacks_is_an_escape(reactor) -> None:
    file = File()
    log = Logger(observer=TextLog(Lines(reactor, file, "latin-1")))
    log.info("{text}", text="\u20ac and \udcff")
    log.info("{text}", text="the next")
    reactor.advance(MOMENT)
    assert file.lines == ["\\u20ac and \\udcff", "the next"]


def test_a_disk_that_is_full_costs_what_waits_and_no_more(log, file, reactor, monkeypatch) -> None:
    def full(_data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(file, "write", full)
        log.info("lost")
        with pytest.raises(OSError, match="No space"):
            reactor.advance(MOMENT)
    log.info("there again")
    reactor.advance(MOMENT)
    assert file.lines == ["there again"]


@pytest.mark.parametrize(
    "flags",
    [
        {"nodaemon": True, "syslog": True},
        {"nodaemon": True, "logger": object()},
        {"nodaemon": False, "logfile": "-"},
    ],
)
def test_what_is_no_text_of_ours_is_left_to_twistd(flags, reactor) -> None:
    assert log_of_twistd(flags, reactor) is None


def flags(kept: state.State, root: Path) -> list[str]:
    tls = [f"--certificate={kept.certificate}", f"--key={kept.key}"]
    return ["ftptls", f"--root={root}", f"--explicit={LOCAL}", "--auth=memory:alice:secret", *tls]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> state.State:
    return state.prepare(tmp_path_factory.mktemp("state"))


class Served:
    """A server that logs into a file."""

    def __init__(self, server: Process, file: Path) -> None:
        self.server, self.file = server, file
        self.port = int(self.wait_for(r"ftptls: explicit TLS on 127\.0\.0\.1:(\d+)")[1])

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.server.running:
            if self.file.exists() and (found := re.search(pattern, self.file.read_text())):
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in the log")

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), 30)
        assert client.recv(100).startswith(b"220 ")
        return client


@pytest.fixture(params=[[], ["--workers=2"]], ids=["alone", "workers"])
def served(
    request: pytest.FixtureRequest,
    spawn: Spawn,
    twistd: list[str],
    kept: state.State,
    tmp_path: Path,
) -> Served:
    (tmp_path / "public").mkdir()
    asked = [*twistd, "--logfile=server.log", *flags(kept, tmp_path / "public"), *request.param]
    return Served(spawn(*asked), tmp_path / "server.log")


def test_sigterm_costs_no_line(served: Served) -> None:
    clients = [served.connect() for _ in range(5)]
    served.server.end(signal.SIGTERM)
    told = served.file.read_text()
    for client in clients:
        port = client.getsockname()[1]
        assert re.search(rf"-@127\.0\.0\.1:{port} connected\n", told)
        assert re.search(rf"-@127\.0\.0\.1:{port} disconnected: .*\n", told)
        client.close()
    assert told.rstrip().endswith("Server Shut Down.")


def test_sigusr1_begins_a_new_file(served: Served) -> None:
    with served.connect() as client:
        first = client.getsockname()[1]
        served.wait_for(f":{first} connected")
        os.kill(served.server.pid, signal.SIGUSR1)
        served.wait_for(r"\A\Z")
        with served.connect() as client:
            second = client.getsockname()[1]
            served.wait_for(f":{second} connected")
    before = served.file.with_name("server.log.1").read_text()
    assert f":{first} connected" in before
    assert f":{second} connected" not in before
    assert f":{first} connected" not in served.file.read_text()


OBSERVER = """
import sys
from twisted.logger import ILogObserver, formatEvent
from zope.interface import implementer

OUT = sys.stdout

@implementer(ILogObserver)
def tell(event):
    print("observed", event.get("who"), formatEvent(event), file=OUT, flush=True)

def make():
    return tell
"""


def test_an_observer_of_the_operator_sees_events_and_no_file_is_made(
    spawn: Spawn, twistd: list[str], kept: state.State, tmp_path: Path
) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "own.py").write_text(OBSERVER)
    paths = os.pathsep.join([str(CHECKOUT), str(tmp_path)])
    asked = [*twistd, "--logger=own.make", "--logfile=server.log"]
    server = spawn(*asked, *flags(kept, tmp_path / "public"), PYTHONPATH=paths)
    port = int(server.wait_for(r"observed None ftptls: explicit TLS on 127\.0\.0\.1:(\d+)")[1])
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        who = f"-@127.0.0.1:{client.getsockname()[1]}"
        server.wait_for(f"observed {who} {who} connected")
    assert not (tmp_path / "server.log").exists()
