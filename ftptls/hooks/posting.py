"""A hook that sends events to a URL, again and again until they are taken."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cryptography import x509
from OpenSSL import crypto
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.task import deferLater
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers
from zope.interface import implementer

from ftptls import observe
from ftptls.hooks.events import Event
from ftptls.hooks.queue import Queue, Waiting
from ftptls.hooks.signing import signed_headers
from ftptls.hooks.standing import Standing
from ftptls.interfaces import IHook, ISharesQueue, IWorkers
from ftptls.settings import EventKind
from ftptls.tls.http import FAILURES, in_words, post
from ftptls.workers import Workers

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0
# What says that this very event is not wanted; everything else may be otherwise later.
_UNWANTED = frozenset({400, 410, 413, 415, 422})


@implementer(IHook, ISharesQueue)
class PostHook(Service):
    """Sends events to a URL as JSON, one after the other, as a service.

    An event is in a file before the client has its reply, and stays there until the URL
    answers 2xx: so it is sent at least once, and perhaps once more, under the same
    ``webhook-id``. What fails is tried again, after 1 s at first and 5 min at last. An answer
    of 400, 410, 413, 415 or 422 is about this very event, which is given up.

    Args:
        reactor: For connections and time.
        url: Where to; redirections are not followed.
        kinds: What is sent.
        keys: They sign what is sent (:mod:`ftptls.hooks.signing`).
        queue: Where events wait.
        most: How many events the queue keeps.
        timeout: Seconds for one attempt.
        sha256: Whether events of uploads carry the SHA-256 of the file.
        authorities: Who vouches for the certificate of the URL, in PEM; by default those that
            the system trusts.
        agent: In place of Twisted's own :class:`twisted.web.client.Agent`.
        now: Seconds since the epoch.
        workers: In place of one thread of its own, for the queue.

    Raises:
        ValueError: There is no certificate in ``authorities``.
    """

    def __init__(
        self,
        reactor: Any,
        url: str,
        kinds: frozenset[EventKind],
        keys: tuple[bytes, ...],
        queue: Queue,
        *,
        most: int = 10_000,
        timeout: float = 50.0,
        sha256: bool = False,
        authorities: bytes = b"",
        agent: Any = None,
        now: Callable[[], float] = time.time,
        workers: IWorkers | None = None,
    ) -> None:
        self.kinds = kinds
        self.sha256 = sha256
        self._reactor = reactor
        self._url = url
        self._keys = keys
        self._queue = queue
        self._most = most
        self._timeout = timeout
        self._agent = agent or _agent(reactor, timeout, authorities)
        self._now = now
        self._workers = workers or Workers(reactor, threads=1)
        self._standing = Standing(repr(self))
        self._sending: Deferred[None] | None = None
        self._wake: Deferred[None] | None = None
        self._is_more = False
        self._tell_sender: Callable[[], object] = self.look
        self._sends = True

    def __repr__(self) -> str:
        return self._url.partition("?")[0]  # what is behind may be a secret

    def startService(self) -> None:
        """Send what waits, and from now on what comes."""
        Service.startService(self)
        if self._sends:
            self._sending = Deferred.fromCoroutine(self._send_all())

    def stopService(self) -> Deferred[None]:
        """Send no more; what waits is sent after the next start."""
        Service.stopService(self)
        sending, self._sending = self._sending or succeed(None), None
        sending.cancel()
        return Deferred.fromCoroutine(self._close(sending))

    async def _close(self, sending: Deferred[None]) -> None:
        with suppress(CancelledError):
            await sending
        await self._workers.run(self._queue.close)

    async def happened(self, event: Event) -> None:
        """See :meth:`ftptls.interfaces.IHook.happened`: it is on the disk then."""
        try:
            count = await self._workers.run(self._queue.put, event.id, event.as_json())
        except (OSError, sqlite3.Error) as error:
            self._standing.failed(f"its queue cannot be used: {error}")
            return
        self._standing.waiting(count, self._most)
        self._tell_sender()

    def leave_sending_to(self, sender: Callable[[], object]) -> None:
        """See :meth:`ftptls.interfaces.ISharesQueue.leave_sending_to`."""
        self._sends = False
        self._tell_sender = sender

    def look(self) -> None:
        """See :meth:`ftptls.interfaces.ISharesQueue.look`."""
        self._is_more = True
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.callback(None)

    async def _send_all(self) -> None:
        tries = 0
        while self.running:
            try:
                self._is_more = False
                waiting = await self._workers.run(self._queue.first)
                if waiting is None:
                    await self._until_there_is_one()
                    continue
                why = await self._send(waiting)
                if not why:
                    await self._workers.run(self._queue.remove, waiting)
            except (OSError, sqlite3.Error) as error:
                why = f"its queue cannot be used: {error}"
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - our own mistake; logged with its traceback
                observe.hook_broke(self._standing.name, "sending")
                why = "an unforeseen error"
            if why:
                self._standing.failed(why)
                tries += 1
                await self._pause(_wait_before(tries))
            else:
                self._standing.worked()
                tries = 0

    async def _until_there_is_one(self) -> None:
        if not self._is_more:  # none came while the queue was looked at
            self._wake = Deferred()
            await self._wake

    async def _pause(self, seconds: float) -> None:
        await deferLater(self._reactor, seconds)

    async def _send(self, waiting: Waiting) -> str:
        """Why an event was not taken; empty if it was, or never will be."""
        body = waiting.body.encode()
        headers = signed_headers(self._keys, waiting.id, int(self._now()), body)
        headers |= {"content-type": "application/json", "user-agent": "ftptls"}
        asked = Headers({name: [value] for name, value in headers.items()})
        answering = Deferred.fromCoroutine(post(self._agent, self._url, asked, body))
        try:
            response = await answering.addTimeout(self._timeout, self._reactor)
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except FAILURES as error:
            return in_words(error)
        response.deliverBody(_Unread())
        if 200 <= response.code < 300:
            return ""
        if response.code in _UNWANTED:
            observe.event_unwanted(self._standing.name, waiting.id, response.code)
            return ""
        return f"it answers {response.code}"


class _Unread(Protocol):
    """The body of an answer: its code says it all."""

    def connectionMade(self) -> None:
        """Read none of it."""
        if self.transport is not None:
            self.transport.loseConnection()


def _agent(reactor: Any, timeout: float, authorities: bytes) -> Agent:
    trusted = {}
    if authorities:
        trusted["trustRoot"] = trustRootFromCertificates(_certificates(authorities))
    return Agent(reactor, BrowserLikePolicyForHTTPS(**trusted), connectTimeout=timeout)


def _certificates(text: bytes) -> list[Certificate]:
    found = x509.load_pem_x509_certificates(text)
    return [Certificate(crypto.X509.from_cryptography(each)) for each in found]


def _wait_before(tries: int) -> float:
    """Seconds before the next attempt: more each time, and not the same for all servers."""
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 30))
    return longest * random.uniform(0.75, 1)  # noqa: S311 - no secret
