"""Server-PI: one client's connection, from its greeting to its end (RFC 959 §2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ftptls import observe
from ftptls.commands import Context
from ftptls.cred.credentials import X509Credentials
from ftptls.dtp.candidates import Protection
from ftptls.dtp.server import ServerDTP
from ftptls.guard import Entrance
from ftptls.hooks import Reporter
from ftptls.pi.interpreter import Interpreter
from ftptls.pi.vetting import Vetting
from ftptls.session import Peers, Session
from ftptls.tls import reasons
from ftptls.tls.report import report
from ftptls.tls.stream import TLSStream
from ftptls.tls.switch import Change, Ended, Failed, Lowered, Raised
from ftptls.wire.addresses import canonical
from ftptls.wire.arguments import Mechanism, ProtectionLevel
from ftptls.wire.replies import Reply

if TYPE_CHECKING:
    from ftptls.factory import FTPFactory


class ServerPI(Interpreter):
    """One client's interpreter, its TLS and its patience.

    Args:
        factory: What sessions share.
        entrance: What the client comes in by.
    """

    __slots__ = ("_entrance", "_tls", "_vetting", "visit")

    def __init__(self, factory: FTPFactory, entrance: Entrance) -> None:
        super().__init__(factory)
        self._entrance = entrance

    # --- beginning and end -------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client connected: greet it, or wait for its TLS handshake first."""
        super().connectionMade()
        factory = self.factory
        self.session = session = _new_session(self.transport)
        self.visit = self._entrance.enter(session.peers.client, self.make_way)
        self._tls = factory.tls.new_session() if factory.tls is not None else None
        protection = Protection(self._tls, factory.peers)
        self._dtp = ServerDTP(
            self._reactor, session, factory.settings, factory.steps, protection, self._reply
        )
        reporter = Reporter(
            factory.hooks,
            session,
            lambda: self._dtp.progress,
            factory.workers,
            self._reactor.seconds,
        )
        self._context = Context(
            session,
            factory.settings,
            factory.portal,
            factory.commands,
            factory.languages,
            self.visit,
            self,
            self._dtp,
            factory.workers,
            reporter,
        )
        self._context.apply_policy()
        self._vetting = Vetting(session, factory.ocsp)
        factory.opened(self)
        observe.connected(session)
        if factory.implicit:
            session.security.implicit = True
            self._private_from_the_start()
            self._begin_tls()
        else:
            if ISSLTransport.providedBy(self.transport):
                self._secured_by_endpoint()
            self._greet()

    def _secured_by_endpoint(self) -> None:
        """TLS was up before us; data is private by default if there is a certificate for it."""
        self.session.security.secured = self.session.security.by_endpoint = True
        if self._tls is not None:
            self._private_from_the_start()

    def _private_from_the_start(self) -> None:
        security = self.session.security
        security.level = security.first_level = ProtectionLevel.PRIVATE

    def _greet(self) -> None:
        settings = self.factory.settings
        own = (host.banner for host in settings.hosts if host.is_called(self.session.host))
        self._reply(Reply(220, next(own, "") or settings.banner))
        # A handshake may come next, and has less time: the timer need not be moved for it.
        self._set_timer(at_most=self._limits.handshake_timeout)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: log the user out (RFC 959 §4.1.1)."""
        if self._shaking_hands and not self._closing:
            self._handshake_stopped(reasons.EOF)
        super().connectionLost(reason)
        try:
            self.session.log_out()
        except Exception:  # noqa: BLE001 - of the avatar; logged with its traceback
            observe.failed(self.session, "logout")
        observe.disconnected(self.session, self._why)
        self._lost = True  # a transfer that ended above has not told the factory
        self._leave()
        self._untie()

    def _untie(self) -> None:
        """Undo the rings of references, unless something of the session still goes on.

        So all of its memory is free at once, and not when the collector of garbage comes.
        """
        if not (self._is_at_work() or self._pumping):
            del self._context, self._dtp, self._switch, self.visit

    def _ended(self) -> None:
        """Abort the transfer, as RFC 959 §4.1.1 wants of an unexpected end; hold no port."""
        self._dtp.close()
        self._vetting.stop()
        self._stop_waiting()

    def shut_down(self) -> None:
        """The server ends: abort what runs, say so, and close."""
        self._end_session("The server is shutting down.", "server shutdown")

    def make_way(self) -> None:
        """There are too many connections on which nobody is logged in: end this one."""
        if self._shaking_hands and self.client_present:
            self._drop("made way for others")  # a text in clear would be no TLS
        elif self.client_present:
            self._close_with(
                Reply(421, "Too many connections; try again later."), "made way for others"
            )

    def certificates_changed(self) -> None:
        """The factory has another context: end a session whose client it would not let in.

        Everybody else goes on with the context that the session began with.
        """
        tls = self.factory.tls
        if self._tls is None or tls is None or not self.client_present:
            return
        if self._tls.hosts is tls.hosts:
            return  # it is the one that the session began with
        objection = self._vetting.objection_of(tls, self._tls.host_name)
        if objection:
            observe.ousted(self.session, objection)
            text = "The client certificate is not accepted any more."
            self._end_session(text, "client certificate not accepted any more")

    def revoke_login(self, reason: str) -> None:
        """End the session: its user may not be logged in any more."""
        observe.login_revoked(self.session, reason)
        self._end_session("You may not be logged in any more; goodbye.", "login revoked")

    def _end_session(self, text: str, why: str) -> None:
        self._dtp.close()
        Deferred.fromCoroutine(self._say_end(text, why))

    async def _say_end(self, text: str, why: str) -> None:
        if (answered := self.transfer_answered()) is not None:
            await answered
        if self.client_present:
            self._close_with(Reply(421, text), why)

    def _line_never_ends(self) -> None:
        self._close_with(Reply(421, "The line never ends; goodbye."), "endless line")

    def _due_at(self) -> float:
        if self._shaking_hands:
            return self._touched_at + self._limits.handshake_timeout
        if self.session.login.filesystem is None:
            return self._unknown_since + self._limits.login_timeout
        at_work = self._busy or self._transferring
        since = float(self._reactor.seconds()) if at_work else self._touched_at
        return since + (self.session.parameters.idle_timeout or self._limits.idle_timeout)

    def _time_is_up(self) -> None:
        if self._shaking_hands:
            self._handshake_stopped(reasons.TIMEOUT)
            self._drop("the TLS handshake took too long")
        else:
            self._close_with(Reply(421, "Nothing was heard for too long; goodbye."), "idle")

    # --- TLS -----------------------------------------------------------------------------------

    def _begin_tls(self) -> None:
        if self._tls is not None:
            self._expect_handshake(TLSStream(self._tls.control_connection()))

    def _tls_event(self, change: Change) -> None:
        match change:
            case Raised():
                self._tls_is_up()
            case Lowered():
                self.session.security.secured = False
            case Ended():
                self._drop("the client closed TLS")
            case Failed(reason, begun):
                observe.handshake_failed(self.session, "control", reason)
                if begun:
                    self._drop("TLS failed")
                else:
                    self._close_with(Reply(421, "TLS comes next here; goodbye."), "no TLS came")

    def _handshake_stopped(self, reason: str) -> None:
        if self._switch.stream is not None:
            implicit = self.session.security.implicit and not self.session.security.greeted
            why = self._switch.stream.explain(reason, implicit=implicit)
            observe.handshake_failed(self.session, "control", why)

    def _tls_is_up(self) -> None:
        stream = self._switch.stream
        security = self.session.security
        security.secured = True
        if stream is not None:
            self._take_host()
            security.report = found = report(stream)
            security.certificate = stream.peer_certificate if found.fingerprint else b""
            observe.secured(self.session, "control", found)
            self._vetting.begin(stream, found)
        if security.implicit and not security.greeted:
            security.greeted = True
            self._greet()
        self.certificates_changed()  # they may have, since the client connected

    def _take_host(self) -> None:
        """The virtual host that the handshake chose, with the policy that it has."""
        if self._tls is not None and self._tls.host_name != self.session.host:
            self.session.host = self._tls.host_name
            self._context.apply_policy()

    # --- what commands may do with the control connection -----------------------------------

    @property
    def offers_tls(self) -> bool:
        """Whether the listener has a certificate."""
        return self._tls is not None

    def choose_host(self, name: str) -> str:
        """HOST names a virtual host, or with no name the default one; why it cannot be."""
        if self._tls is None:
            return ""
        reason: str = self._tls.choose(name, secured=self.session.security.secured)
        return reason

    def raise_tls(self, mechanism: Mechanism) -> None:
        """Once the reply is sent: expect the TLS handshake."""
        if mechanism.protects_data:
            self.session.security.level = ProtectionLevel.PRIVATE
        self._after_reply = self._begin_tls

    def lower_tls(self) -> None:
        """Once the reply is sent: close TLS and go on in clear text."""
        self._after_reply = self._lower

    def start_anew(self) -> None:
        """Once the reply is sent: all is as it was when the client connected (REIN).

        Where TLS is there from the start, it stays; it could not come back.
        """
        security = self.session.security
        if self._tls is not None:
            self._tls.demanded = ""
        if security.implicit or security.by_endpoint:
            self._take_host()
            return
        if security.secured:
            self._after_reply = self._lower
        self.session.host = ""
        self._vetting.forget()

    def allow_idleness(self, seconds: float) -> None:
        """Let the client be idle for so long (SITE IDLE)."""
        self.session.parameters.idle_timeout = seconds
        self._set_timer()

    def shown_certificate(self, name: str) -> X509Credentials | None:
        """The client's certificate as credentials for a name; ``None`` without one."""
        return self._vetting.credentials(name)

    async def certificate_objection(self) -> str:
        """Why the client's certificate is refused, once that is known; empty if it is not."""
        return await self._vetting.objection()


def _new_session(transport: Any) -> Session:
    peer, host = transport.getPeer(), transport.getHost()
    return Session(
        Peers(
            client=canonical(getattr(peer, "host", "")),
            server=canonical(getattr(host, "host", "")),
            port=getattr(peer, "port", 0),
        )
    )
