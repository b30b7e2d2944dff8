"""Connections that may carry the next transfer, and the checks that choose one.

A data connection inherits no trust: it must come from the client's address, and under
PROT P its TLS session and its certificate must fit those of the control connection
(RFC 4217 §10.2 and §15). Who connects first wins nothing by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftptls import observe, policy
from ftptls.dtp.links import Link
from ftptls.dtp.pumps import BrokenError, Outgoing
from ftptls.dtp.waiting import Alarm
from ftptls.session import Session
from ftptls.settings import Settings
from ftptls.tls import reasons
from ftptls.tls.contexts import SessionContext
from ftptls.tls.peers import PeerContext
from ftptls.tls.stream import TLSError, TLSStream
from ftptls.wire.replies import Reply

# What is received is fed to TLS at once, so one for all is enough.
_RECEIVED = memoryview(bytearray(16 * 1024))


@dataclass(slots=True)
class Channel:
    """A chosen data connection.

    Attributes:
        link: Its bytes.
        stream: Its TLS; ``None`` under PROT C.
    """

    link: Link
    stream: TLSStream | None


class Candidate:
    """One connection on its way to be a channel.

    Attributes:
        link: Its bytes.
        peer: Where it came from.
        watched: Whether a handshake is being waited for.
        started: Whether anything of a handshake was received.
        stream: Its TLS once the handshake is complete.
        ready_at: The reactor's time at which it was.
    """

    def __init__(self, link: Link, peer: str) -> None:
        self.link = link
        self.peer = peer
        self.watched = False
        self.started = False
        self._expired = False
        self.stream: TLSStream | None = None
        self.ready_at = 0.0

    async def protect(self, reactor: Any, stream: TLSStream, limit: float) -> None:
        """Shake hands: as the server, now that the first record is there.

        Args:
            reactor: For the time.
            stream: New, of this server as TLS server or client.
            limit: Seconds from the first record to the last.

        Raises:
            BrokenError: It did not come about.
        """
        self.started = True
        timer = reactor.callLater(limit, self._expire)
        try:
            await self._shake_hands(stream)
        except BrokenError:
            if self._expired:
                raise BrokenError("the TLS handshake took too long") from None
            raise
        finally:
            if timer.active():
                timer.cancel()
        self.stream = stream
        self.ready_at = reactor.seconds()

    def _expire(self) -> None:
        self._expired = True
        self.link.shut()  # that wakes who waits

    async def _shake_hands(self, stream: TLSStream) -> None:
        out = Outgoing(self.link, stream)
        complete = False
        while not complete:
            self._receive(stream)
            try:
                complete = stream.handshake()
            except TLSError as error:
                out.load_output()
                out.flush()
                raise BrokenError(f"the TLS handshake failed: {error}") from None
            out.load_output()
            while not out.flush():
                await self.link.wait_writable()
            # A client with Nagle's algorithm on sends the next of two small pieces, such as
            # its Finished or the first of a file, only when the one before is acknowledged.
            self.link.acknowledge()
            if not complete:
                await self.link.wait_readable()

    def _receive(self, stream: TLSStream) -> None:
        try:
            count = self.link.receive_into(_RECEIVED)
        except BlockingIOError:
            return
        except OSError as error:
            raise BrokenError(f"the connection broke: {error.strerror}") from None
        if not count:
            raise BrokenError(f"the TLS handshake failed: {stream.explain(reasons.EOF)}")
        stream.feed(_RECEIVED[:count])

    @property
    def channel(self) -> Channel:
        """It, as what was chosen."""
        return Channel(self.link, self.stream)


@dataclass(frozen=True, slots=True)
class Protection:
    """How the data connections of one session are protected.

    Attributes:
        context: For this server as TLS server; ``None`` without a certificate.
        peers: For this server as TLS client of another one; ``None`` where that is not set up.
    """

    context: SessionContext | None = None
    peers: PeerContext | None = None

    def stream(self, *, as_client: bool) -> TLSStream | None:
        """A new TLS connection; ``None`` where there cannot be one."""
        if as_client:
            return self.peers.stream() if self.peers is not None else None
        if self.context is None:
            return None
        return TLSStream(self.context.connection(), hold_tickets=True)

    def refusal(self, session: Session, candidate: Candidate, *, as_client: bool) -> Reply | None:
        """What speaks against a data connection whose handshake is complete."""
        stream = candidate.stream
        if stream is None:
            return None
        if as_client and self.peers is not None:
            reason = self.peers.refusal(stream, candidate.peer)
            return Reply(522, f"No data connection: {reason}.") if reason else None
        return _refuse_client(session, stream)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What data connections of one session are made with.

    Attributes:
        reactor: Listens, connects and keeps the time.
        session: Whose they are.
        settings: Ports and limits.
        protection: Their TLS.
        expiry: When a passive port that nobody used is closed.
        patience: When waiting for the right connection ends.
    """

    reactor: Any
    session: Session
    settings: Settings
    protection: Protection
    expiry: Alarm
    patience: Alarm


def _refuse_client(session: Session, stream: TLSStream) -> Reply | None:
    return policy.refuse_certificate(
        session.security.certificate, stream.peer_certificate
    ) or policy.refuse_session(session.policy.session_reuse, stream.resumed)


def drop(session: Session, candidate: Candidate, reason: str) -> None:
    """Close a candidate, and say why in the log."""
    observe.candidate_refused(session, candidate.peer, reason)
    candidate.link.close()
