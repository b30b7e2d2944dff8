"""Events on their way to a URL: a real HTTP server that fails by plan, and a clock."""

from __future__ import annotations

import json
import sqlite3
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from twisted.internet import reactor
from twisted.internet.address import HostnameAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.web.client import ResponseNeverReceived
from zope.interface.verify import verifyObject

from ftptls.hooks import posting
from ftptls.hooks.posting import PostHook
from ftptls.hooks.queue import Queue
from ftptls.interfaces import IHook, ISharesQueue
from ftptls.settings import EventKind
from ftptls.testing.filesystem import InlineWorkers
from tests.conftest import Process
from tests.hooks.happening import NASTY, Quiet, Threads, upload
from tests.interop import certificates

KEY = "whsec_" + "c2VjcmV0" * 5
KEYS = (b"secret" * 5,)
KINDS = frozenset({EventKind.UPLOAD})
RECEIVER = Path(__file__).with_name("receiver.py")


class Queueing(Quiet):
    """A queue in the folder."""

    def queue(self, most: int = 100) -> Queue:
        made = Queue(str(self.folder / "hooks.db"), most)
        self.addCleanup(made.close)
        return made


class TestReal(Queueing):
    def setUp(self) -> None:
        super().setUp()
        self.patch(posting, "_FIRST_WAIT", 0.01)
        self.patch(posting, "_LONGEST_WAIT", 0.05)

    def receive(self, plan: str = "", *pair: str, port: int = 0) -> int:
        """Start a server; the port."""
        command = [sys.executable, str(RECEIVER), str(port), str(self.folder / "record"), plan]
        self.process = Process([*command, *pair], self.folder / "log", self.folder)
        self.addCleanup(self.process.end)
        return int(self.process.wait_for(r"receives on (\d+)")[1])

    def hook(self, port: int, scheme: str = "http", **options: Any) -> PostHook:
        queue = options.pop("queue", None) or self.queue()
        url = f"{scheme}://localhost:{port}/ftp?token=1"
        made = PostHook(reactor, url, KINDS, KEYS, queue, workers=Threads(1), **options)
        made.startService()
        self.addCleanup(made.stopService)
        return made

    def received(self) -> list[dict[str, Any]]:
        path = self.folder / "record"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def taken(self) -> list[str]:
        """The paths of the events that the server took; one may come twice."""
        taken = [each for each in self.received() if each["step"] == "204"]
        return [json.loads(each["body"])["path"] for each in taken]

    async def until(self, condition: Any) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def test_what_arrives_is_signed_and_says_everything(self):
        hook = self.hook(self.receive())
        verifyObject(IHook, hook)
        event = upload(path=NASTY, user='"\n')
        await hook.happened(event)
        await self.until(self.received)
        (got,) = self.received()
        assert got["path"] == "/ftp?token=1"
        assert got["headers"]["Content-Type"] == "application/json"
        assert Webhook(KEY).verify(got["body"], got["headers"]) == event.facts
        assert got["headers"]["Webhook-Id"] == event.id

    async def test_all_arrive_in_their_order_whatever_happens(self):
        hook = self.hook(self.receive("500 reset 429 slow 204 503 reset moved"), timeout=0.5)
        events = [upload(path=f"/{number}") for number in range(4)]
        for event in events:
            await hook.happened(event)
        await self.until(lambda: len(self.warnings()) >= 4 and self.taken()[-1:] == ["/3"])
        assert list(dict.fromkeys(self.taken())) == ["/0", "/1", "/2", "/3"]
        again = {each["headers"]["Webhook-Id"] for each in self.received()[:5]}
        assert again == {events[0].id}
        failed, works, *_ = self.warnings()
        assert failed.endswith("/ftp fails: 'it answers 500'")
        assert works.endswith("/ftp works again, after 4 failures")
        assert "token" not in "".join(self.warnings())

    async def test_where_several_processes_fill_the_queue_one_sends(self):
        port, path = self.receive(), str(self.folder / "hooks.db")
        sender = self.hook(port, queue=Queue(path, 100))
        verifyObject(ISharesQueue, sender)
        others = []
        for _ in range(2):
            url = f"http://localhost:{port}/ftp"
            other = PostHook(reactor, url, KINDS, KEYS, Queue(path, 100), workers=Threads(1))
            other.leave_sending_to(sender.look)
            other.startService()
            self.addCleanup(other.stopService)
            others.append(other)
        for number in range(6):
            await others[number % 2].happened(upload(path=f"/{number}"))
        await self.until(lambda: len(self.received()) >= 6)
        assert self.taken() == [f"/{number}" for number in range(6)]

    async def test_an_event_that_is_not_wanted_is_given_up(self):
        hook = self.hook(self.receive("422"))
        first, second = upload(), upload()
        await hook.happened(first)
        await hook.happened(second)
        await self.until(lambda: len(self.received()) >= 2)
        (warning,) = self.warnings()
        assert f"does not want the event {first.id} (HTTP 422)" in warning

    async def test_what_waits_is_sent_after_a_restart(self):
        port = self.receive()
        self.process.end()
        hook = self.hook(port)
        events = [upload(), upload()]
        for event in events:
            await hook.happened(event)
        await self.until(self.warnings)
        await hook.stopService()
        self.receive(port=port)
        self.hook(port, queue=self.queue())
        await self.until(lambda: len(self.received()) >= 2)
        told = [each["headers"]["Webhook-Id"] for each in self.received()]
        assert list(dict.fromkeys(told)) == [each.id for each in events]

    async def test_certificates_are_verified(self):
        shown = certificates.make(self.folder)
        port = self.receive("", str(shown.chain), str(shown.key))
        trusting = self.hook(port, "https", authorities=Path(shown.authority).read_bytes())
        await trusting.happened(upload())
        await self.until(self.received)
        await trusting.stopService()
        suspicious = self.hook(port, "https", queue=self.queue())
        await suspicious.happened(upload())
        await self.until(self.warnings)
        assert "certificate verify failed" in self.warnings()[0]
        assert len(self.received()) == 1


class Agent:
    """Answers as it is told, and counts.

    Attributes:
        asked: When, by the clock.
        cancelled: What comes of a request that is cancelled.
    """

    def __init__(self, clock: Clock) -> None:
        self.asked: list[float] = []
        self.answers: list[Deferred[Any]] = []
        self.cancelled: Exception = CancelledError()
        self._clock = clock

    def request(self, *_args: Any) -> Deferred[Any]:
        self.asked.append(self._clock.seconds())
        self.answers.append(Deferred(lambda answer: answer.errback(self.cancelled)))
        return self.answers[-1]

    def refuse(self) -> None:
        self.answers[-1].errback(Failure(ResponseNeverReceived([Failure(OSError("no"))])))


class TestPatience(Queueing):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.agent = Agent(self.clock)

    def hook(self, queue: Any = None, **options: Any) -> PostHook:
        made = PostHook(
            self.clock,
            "https://receiver.example/",
            KINDS,
            KEYS,
            queue or self.queue(),
            agent=self.agent,
            workers=InlineWorkers(),
            **options,
        )
        made.startService()
        self.addCleanup(made.stopService)
        return made

    async def test_waits_grow_up_to_five_minutes(self):
        hook = self.hook()
        await hook.happened(upload())
        for _ in range(14):
            self.agent.refuse()
            while self.agent.answers[-1].called:
                self.clock.advance(1)
        asked = self.agent.asked
        waits = [after - before for before, after in pairwise(asked)]
        for at, wait in enumerate(waits):
            longest = min(300, 2**at)
            assert 0.75 * longest <= wait <= longest + 1
        assert len(self.warnings()) == 1

    async def test_a_new_event_does_not_hasten_the_next_attempt(self):
        hook = self.hook()
        await hook.happened(upload())
        self.agent.refuse()
        await hook.happened(upload())
        assert len(self.agent.asked) == 1

    async def test_the_queue_is_bounded(self):
        hook = self.hook(self.queue(3), most=3)
        for _ in range(10):
            await hook.happened(upload())
        (warning,) = self.warnings()
        assert "has 3 events waiting; the oldest are dropped" in warning

    async def test_stopping_ends_an_attempt_and_keeps_the_event(self):
        queue = self.queue()
        hook = self.hook(queue)
        await hook.happened(upload(path="/kept"))
        await hook.stopService()
        assert self.agent.answers[0].called
        self.clock.advance(1000)
        assert len(self.agent.asked) == 1
        assert "/kept" in queue.first().body
        assert self.warnings() == []

    async def test_stopping_ends_an_attempt_to_connect(self):
        hook = self.hook()
        self.agent.cancelled = ConnectingCancelledError(HostnameAddress(b"receiver.example", 443))
        await hook.happened(upload())
        await hook.stopService()
        self.clock.advance(1000)
        assert len(self.agent.asked) == 1
        assert self.warnings() == []

    async def test_no_connection_in_time(self):
        hook = self.hook(timeout=5)
        self.agent.cancelled = ConnectingCancelledError(HostnameAddress(b"receiver.example", 443))
        await hook.happened(upload())
        self.clock.advance(5)
        (warning,) = self.warnings()
        assert "no answer within 5 s" in warning

    async def test_a_queue_that_cannot_be_used_costs_nobody_a_reply(self):
        class Broken:
            def put(self, *_args: Any) -> int:
                raise sqlite3.OperationalError("disk I/O error")

            def first(self) -> None:
                raise sqlite3.OperationalError("disk I/O error")

            def close(self) -> None:
                """There is nothing to close."""

        queue = Broken()
        hook = self.hook(queue)
        await hook.happened(upload())
        (warning,) = self.warnings()
        assert "its queue cannot be used: disk I/O error" in warning
        assert self.agent.asked == []

    async def test_our_own_mistake_is_told_and_ends_nothing(self):
        class Odd:
            asked = 0

            def first(self) -> None:
                self.asked += 1
                raise KeyError("unforeseen")

            def close(self) -> None:
                """There is nothing to close."""

        queue = Odd()
        self.hook(queue)
        self.clock.advance(2)
        assert queue.asked == 2
        assert len(self.flushLoggedErrors(KeyError)) == 2


def test_authorities_must_hold_one() -> None:
    with pytest.raises(ValueError, match=r"Valid PEM|Unable to load PEM"):
        PostHook(Clock(), "https://a.example/", KINDS, KEYS, Queue("", 1), authorities=b"nothing")
