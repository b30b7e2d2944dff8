"""The passive port: listening, and choosing among those who connect."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred

from ftptls import observe
from ftptls.dtp.candidates import Candidate, Channel, Surroundings, drop
from ftptls.dtp.links import Link
from ftptls.dtp.listening import Listening, listen
from ftptls.dtp.pumps import BrokenError
from ftptls.dtp.waiting import Change
from ftptls.errors import PermanentError, TransientError
from ftptls.policy import is_data_peer
from ftptls.settings import SessionReuse
from ftptls.tls.stream import TLSStream
from ftptls.wire.arguments import ProtectionLevel
from ftptls.wire.replies import Reply

_COMPLETE, _RESUMED = 2, 3
_PRIVATE = ProtectionLevel.PRIVATE  # to look it up in its class each time is slow


def _progress(candidate: Candidate) -> int:
    """How far its handshake got: from 0, not begun, to the session resumed."""
    if candidate.stream is None:
        return int(candidate.started)
    return _RESUMED if candidate.stream.resumed else _COMPLETE


class PassivePort:
    """One listening port, until a connection to it carries a transfer.

    Connections are candidates: a wrong or silent one costs its own connection and
    nothing else. The port stays open until one of them passes every check.

    Args:
        around: What it is made with.
        as_client: Whether this server is the TLS client of what connects.
    """

    def __init__(self, around: Surroundings, *, as_client: bool) -> None:
        self._reactor = around.reactor
        self._session = around.session
        self._settings = around.settings
        self._protection = around.protection
        self._as_client = as_client
        self._candidates: list[Candidate] = []
        self._change = Change(around.patience)
        self._refused: tuple[Reply, float] | None = None
        self._asked_at = 0.0
        self._trouble = 0  # the number of an error of the system
        self._port: Listening | None = None
        self._expiry = around.expiry

    def open(self, host: str) -> int:
        """Listen on ``host``; returns the port."""
        ports, backlog = self._settings.passive.ports, self._settings.limits.candidates + 1
        self._port = listen(self._reactor, ports, host, backlog, self)
        self._set_expiry()
        return self._port.number

    def _set_expiry(self) -> None:
        when = self._reactor.seconds() + self._settings.limits.passive_timeout
        self._expiry.set(when, self.close)

    def is_open(self) -> bool:
        """Whether a transfer can still come about here."""
        return self._port is not None

    def close(self) -> None:
        """Stop listening and drop every candidate."""
        self._stop_listening()
        while self._candidates:
            self._candidates.pop().link.close()
        self._change.tell()

    def _stop_listening(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()
            self._expiry.stop()

    def admits(self, peer: str) -> bool:
        """Only a connection from the client's address is a candidate."""
        client = self._session.peers.client
        if peer == client or is_data_peer(peer, client, self._settings.fxp):
            return True
        observe.candidate_refused(self._session, peer, "not the client's address")
        return False

    def broke(self, error: OSError) -> None:
        """No connection can be taken in any more, for this reason."""
        self._trouble = error.errno or 0
        self.close()

    def refuse_if_broken(self) -> None:
        """Tell why no transfer can come about here, if that is our own trouble.

        Raises:
            OSError: What broke the port, such as ``EMFILE``.
        """
        if self._trouble:
            raise OSError(self._trouble, os.strerror(self._trouble))

    def came_in(self, link: Link, peer: str) -> None:
        """A connection from the client's address."""
        candidate = Candidate(link, peer)
        if len(self._candidates) >= self._settings.limits.candidates and not self._make_room():
            drop(self._session, candidate, "too many connections to this port")
            return
        self._candidates.append(candidate)
        self._consider(candidate)
        self._change.tell()

    def _make_room(self) -> bool:
        """Under PROT P the oldest of the least progress gives way; under PROT C none does.

        Whoever resumed the session stays; so does, where that does not count, whoever is
        complete. Half a handshake must not hold a place against the right one.
        """
        if not self._private():
            return False
        hindmost = min(self._candidates, key=_progress)
        indifferent = self._session.policy.session_reuse is SessionReuse.OFF
        if _progress(hindmost) >= (_COMPLETE if indifferent else _RESUMED):
            return False
        self._drop(hindmost, "others wait, and it has not got far")
        return True

    def protection_changed(self) -> None:
        """PROT was given: handshakes that began are void, others may begin."""
        for candidate in list(self._candidates):
            if candidate.started:
                self._drop(candidate, "the protection level changed")
            else:
                self._consider(candidate)

    def _private(self) -> bool:
        return self._session.security.level is _PRIVATE

    def _consider(self, candidate: Candidate) -> None:
        """Some clients shake hands before they send the command; be there for them."""
        if self._private() and not candidate.watched:
            stream = self._protection.stream(as_client=self._as_client)
            if stream is not None:
                candidate.watched = True
                Deferred.fromCoroutine(self._protect(candidate, stream))

    async def _protect(self, candidate: Candidate, stream: TLSStream) -> None:
        if not self._as_client:  # the client of TLS speaks first
            await candidate.link.wait_readable()
        if not self._private():
            candidate.watched = False  # PROT C came first: what arrived is clear data
            return
        limit = self._settings.limits.handshake_timeout
        try:
            await candidate.protect(self._reactor, stream, limit)
        except BrokenError as error:
            if candidate in self._candidates:
                self._refuse(candidate, Reply(522, f"No protected data connection: {error}."))
        self._change.tell()

    def _drop(self, candidate: Candidate, reason: str) -> None:
        self._candidates.remove(candidate)
        drop(self._session, candidate, reason)

    def _refuse(self, candidate: Candidate, reply: Reply) -> None:
        self._refused = reply, self._reactor.seconds()
        self._drop(candidate, reply.text)

    async def choose(self) -> Channel:
        """The channel of the transfer that was asked for; the port is closed behind it.

        Raises:
            OSError: Nobody can be taken in.
            TransientError: 425, nobody came.
            PermanentError: 522, who came was refused.
        """
        self._expiry.stop()
        self._asked_at = self._reactor.seconds()
        deadline = self._asked_at + self._settings.limits.connect_timeout
        if self._port is not None and not self._candidates:
            self._port.look()  # who asks for a transfer has mostly connected already
        while self.is_open():
            candidate = self._chosen()
            if candidate is not None:
                self._candidates.remove(candidate)
                self.close()
                return candidate.channel
            until = min(deadline, self._next_look())
            if self._reactor.seconds() >= min(deadline, self._patience_ends()):
                break
            await self._change.wait_until(until)
        return self._nobody()

    def _nobody(self) -> Channel:
        if self.is_open():
            self._set_expiry()
        self.refuse_if_broken()
        refused, self._refused = self._refused, None
        if refused is not None:
            raise PermanentError(refused[0].code, refused[0].text)
        raise TransientError(425, "No data connection was made; try PASV or EPSV again.")

    def _chosen(self) -> Candidate | None:
        if not self._private():
            for each in self._candidates:
                if not each.started:
                    return each
            return None
        ready = self._acceptable()
        resumed = next((each for each in ready if each.stream and each.stream.resumed), None)
        if resumed is not None or not ready:
            return resumed
        prefers = self._session.policy.session_reuse is SessionReuse.PREFER
        if prefers and len(self._candidates) > 1 and self._reactor.seconds() < self._grace_ends():
            return None
        return ready[0]

    def _acceptable(self) -> list[Candidate]:
        """Those whose handshake is complete; who fails a check is dropped here."""
        for each in list(self._candidates):
            if each.stream is not None:
                reply = self._protection.refusal(self._session, each, as_client=self._as_client)
                if reply is not None:
                    self._refuse(each, reply)
        return [each for each in self._candidates if each.stream is not None]

    def _grace_ends(self) -> float:
        """When a connection that did not resume has waited long enough for one that does."""
        ready = [each.ready_at for each in self._candidates if each.stream is not None]
        began = max(self._asked_at, min(ready, default=self._asked_at))
        return began + self._settings.limits.resume_grace

    def _patience_ends(self) -> float:
        """When waiting for the right connection, after a wrong one, ends."""
        if self._refused is None or self._candidates:
            return float("inf")
        since = max(self._refused[1], self._asked_at)
        return since + self._settings.limits.refusal_grace

    def _next_look(self) -> float:
        grace = self._grace_ends()
        if grace <= self._reactor.seconds():
            grace = float("inf")
        return min(grace, self._patience_ends())
