"""What all sessions of a listener share: the factory that an endpoint listens with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from ftptls import observe
from ftptls.commands import CommandTable, standard_commands
from ftptls.guard import AnyDoor, Door, Entrance, Refusal
from ftptls.hooks import Hooks
from ftptls.interfaces import IHook, IWorkers
from ftptls.pi import Admission, Refused, ServerPI
from ftptls.policy import contradiction
from ftptls.settings import FXP, OCSP, Rule, Settings
from ftptls.tls.contexts import ServerContext
from ftptls.tls.peers import PeerContext
from ftptls.wire.addresses import canonical
from ftptls.wire.languages import ENGLISH, Translation
from ftptls.workers import Workers, transfer_threads

if TYPE_CHECKING:
    from ftptls.tls.standing import ClientCheck, OCSPCheck


class FTPFactory(ServerFactory):
    """Serves FTP on any server endpoint, over TLS if there is a certificate.

    Args:
        reactor: For everything that takes time.
        portal: Cred's portal; avatars are asked for as :class:`ftptls.interfaces.IFilesystem`,
            or as Twisted's ``IFTPShell``.
        tls: The certificate; without one there is clear text only.
        settings: Policy, limits and the like. Sections that choose listeners, files and
            users are for :mod:`ftptls.service`, which uses them to make the arguments here.
        workers: Threads that sessions share; by default the factory's own.
        steps: Threads for the steps of transfers; by default ``workers``, or the factory's own.
        implicit: Whether TLS starts with the connection instead of AUTH.
        commands: The command table; by default the standard one.
        languages: What puts replies into other languages, by tag (RFC 2640 §4); English, in
            which they are written, is the default.
        door: What holds guessing and floods back, where several factories are to share it;
            by default the factory's own.
        hooks: Who is told of what happens, and perhaps asked about uploads.

    Raises:
        ValueError: The combination cannot serve anybody.
        OSError: The file of bans cannot be used.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        portal: Portal,
        tls: ServerContext | None = None,
        settings: Settings | None = None,
        *,
        workers: IWorkers | None = None,
        steps: IWorkers | None = None,
        implicit: bool = False,
        commands: CommandTable | None = None,
        languages: Mapping[str, Translation] | None = None,
        door: AnyDoor | None = None,
        hooks: Iterable[IHook] = (),
    ) -> None:
        if implicit and tls is None:
            raise ValueError("Implicit TLS needs a certificate; give one as `tls`.")
        _refuse_contradictions(settings or Settings(), tls is not None, implicit)
        _refuse_unknown_hosts(settings or Settings(), tls)
        self.reactor = reactor
        self.portal = portal
        self.tls = tls
        self.settings = settings or Settings()
        limits = self.settings.limits
        self.steps = steps or workers or Workers(reactor, transfer_threads(limits.transfer_threads))
        self.workers = workers or Workers(reactor, limits.threads)
        self.door: AnyDoor = door or Door(reactor, self.settings.guard, self.workers)
        self.hooks = Hooks(hooks)
        self.implicit = implicit
        self.commands = commands or standard_commands()
        self.languages = {**ENGLISH, **(languages or {})}
        self.peers = _peers(self.settings.fxp)
        self.ocsp: ClientCheck | None = _ocsp(reactor, self.settings)
        self._sessions: set[ServerPI] = set()
        self._emptied: list[Deferred[None]] = []

    def startFactory(self) -> None:
        """Somebody listens."""
        self.door.opened()

    def stopFactory(self) -> None:
        """Nobody listens any more."""
        self.door.closed()

    def buildProtocol(self, addr: IAddress | None) -> ServerPI | Refused | Admission:
        """A server-PI for a new control connection, or a refusal before anything else."""
        address = canonical(getattr(addr, "host", ""))
        answer = self.door.knock(address)
        if isinstance(answer, Deferred):
            return Admission(answer, partial(self._received, address))
        return self._received(address, answer)

    def opened(self, pi: ServerPI) -> None:
        """A control connection was made."""
        self._sessions.add(pi)

    def closed(self, pi: ServerPI) -> None:
        """A control connection is gone."""
        self._sessions.discard(pi)
        pi.visit.leave()
        if not self._sessions:
            waiting, self._emptied = self._emptied, []
            for each in waiting:
                each.callback(None)

    def replace_tls(self, tls: ServerContext) -> None:
        """Have other certificates and CRLs: new sessions begin with them.

        Running sessions go on with the ones they began with; those are ended whose client
        certificate is not accepted any more.

        Args:
            tls: A new context, never used before.
        """
        self.tls = tls
        for pi in list(self._sessions):
            pi.certificates_changed()

    def shut_down(self) -> Deferred[None]:
        """Abort transfers, tell every client, and close; fires when the last is gone."""
        gone: Deferred[None] = Deferred()
        self._emptied.append(gone)
        for pi in list(self._sessions):
            pi.shut_down()
        if not self._sessions:
            self._emptied.remove(gone)
            gone.callback(None)
        return gone

    def _received(self, address: str, answer: Refusal | Entrance) -> ServerPI | Refused:
        if not isinstance(answer, Refusal):
            return ServerPI(self, answer)
        if self.settings.log.debug:
            observe.refused_at_door(address, answer.text)
        silent = self.implicit or (answer.banned and self.settings.guard.silent)
        return Refused("" if silent else answer.text)


def _ocsp(reactor: Any, settings: Settings) -> OCSPCheck | None:
    wanted = settings.revocation
    if wanted.ocsp is OCSP.OFF:
        return None
    # The HTTP client takes 100 ms to import, and few want it.
    from ftptls.tls.responder import Responders
    from ftptls.tls.standing import OCSPCheck

    responders = Responders(reactor, wanted.ocsp_timeout, wanted.ocsp_responder)
    return OCSPCheck(responders, wanted.ocsp)


def _peers(fxp: FXP) -> PeerContext | None:
    if not (fxp.peers and (fxp.authorities or fxp.pins)):
        return None
    return PeerContext(fxp.authorities, fxp.names, fxp.pins)


def _refuse_contradictions(settings: Settings, has_certificate: bool, implicit: bool) -> None:
    """Raise ValueError for a policy, of everybody or of a rule, that can serve nobody."""
    for rule in (Rule(), *settings.all_rules):
        policy = replace(settings.policy, **rule.policy)
        reason = contradiction(policy, has_certificate=has_certificate, implicit=implicit)
        if reason:
            selected = ", ".join((*rule.users, *rule.networks, *rule.hosts))
            whose = f" for {selected}" if selected else ""
            raise ValueError(f"The policy{whose} cannot work: {reason}.")


def _refuse_unknown_hosts(settings: Settings, tls: ServerContext | None) -> None:
    """Raise ValueError for a virtual host whose demands nobody would make."""
    for host in settings.hosts:
        known = tls is not None and all(tls.hosts.find(name) for name in host.names)
        if (host.certificate or host.client_certificates) and not known:
            raise ValueError(
                f"The host {host.names[0]} has a certificate or demands of its own, which `tls` "
                "does not know; make that with ServerContext.from_settings."
            )
