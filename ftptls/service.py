"""From typed settings to a running service: portal, certificate, threads, listeners.

All that can be wrong with the settings is found before anything listens, and said in
one sentence (:class:`~ftptls.config.ConfigError`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftptls.cleaning import Cleaning
from ftptls.config import ConfigError
from ftptls.cred.places import AnyPlaces
from ftptls.factory import FTPFactory
from ftptls.guard import AnyDoor, Door
from ftptls.hooks.making import make_hooks
from ftptls.interfaces import IHook, IWorkers
from ftptls.logins import (
    make_portal,
    see_that_certificates_are_asked_for,
    see_that_folders_are_there,
    see_that_logins_work,
)
from ftptls.reloading import FTPService, Secured, contradiction, stapling_of
from ftptls.settings import ClientCertificate, Listen, Requirement, Settings
from ftptls.tls.contexts import ServerContext
from ftptls.vfs.owners import objection
from ftptls.workers import Workers, transfer_threads

DEFAULT_ENDPOINT = "tcp:2121"

_TCP = ("tcp:", "tcp6:")
# Connections that may wait to be accepted. Twisted's 50 are few: of a crowd that comes at the
# same moment, others would knock again after a second.
_BACKLOG = ":backlog=1024"
_PATIENCE = 5  # seconds that sessions get to end when the service stops

_log = Logger(namespace="ftptls")


class StartError(SystemExit, Exception):
    """The service cannot start; the text is one sentence that names the remedy.

    It is an Exception, so that ``twistd`` tidies up and a daemon's parent learns of it;
    and it is a SystemExit, so that what nobody catches ends the process with the
    sentence on standard error, and status 1, instead of a traceback.
    """


class ListenError(StartError):
    """A listener cannot be opened; the text names it."""


_REMEDIES = {
    errno.EADDRINUSE: "stop the program that listens there, or choose another port",
    errno.EACCES: "a port below 1024 needs root; choose a higher one, or start as root",
    errno.EADDRNOTAVAIL: "this machine has no such address; name one that it has",
}


class Listener(Service):
    """One endpoint; when it is up, one line in the log says where.

    Args:
        endpoint: Where to listen.
        factory: What makes the sessions.
        description: The endpoint as the operator wrote it.
        kind: What is spoken there, for the log.
        tells: Whether the log is told; where somebody else listens there, too, it was.

    Attributes:
        factory: What makes the sessions.
        port: The port, while it is open.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        factory: FTPFactory,
        description: str,
        kind: str,
        *,
        tells: bool = True,
    ) -> None:
        self.kind = kind
        self.factory = factory
        self.port: IListeningPort | None = None
        self._endpoint = endpoint
        self._description = description
        self._tells = tells
        self._opening: Deferred[None] | None = None

    def privilegedStartService(self) -> None:
        """Listen.

        Raises:
            ListenError: It cannot be opened.
        """
        Service.privilegedStartService(self)
        _allow_many_connections()
        self._opening = maybeDeferred(self._endpoint.listen, self.factory).addCallback(self._opened)
        at_once: list[Failure] = []
        tell: Callable[[Failure], None] = at_once.append
        self._opening.addErrback(lambda failure: tell(failure))
        if at_once:
            self._opening = None
            raise self._error(at_once[0])
        tell = self._failed_later  # from here on there is nobody to raise it to

    def startService(self) -> None:
        """Listen, unless :meth:`privilegedStartService` did."""
        Service.startService(self)
        if self._opening is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[None]:
        """Close the port, or give up opening it; then end the sessions."""
        Service.stopService(self)
        if self._opening is not None:
            self._opening.cancel()
        port, self.port, self._opening = self.port, None, None
        return Deferred.fromCoroutine(self._close(port))

    def where(self) -> str:
        """Address and port that it listens on, such as ``[::1]:2121``."""
        if self.port is None:
            return self._description
        address: Any = self.port.getHost()
        if not hasattr(address, "port"):
            return str(address)
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"{host}:{address.port}"

    async def _close(self, port: IListeningPort | None) -> None:
        closing = port.stopListening() if port is not None else None
        if closing is not None:
            await closing
        with contextlib.suppress(TimeoutError):
            await self.factory.shut_down().addTimeout(_PATIENCE, self.factory.reactor)

    def _opened(self, port: IListeningPort) -> None:
        self.port = port
        if self._tells:
            _log.info("ftptls: {kind} on {where}", kind=self.kind, where=self.where())

    def _error(self, failure: Failure) -> ListenError:
        error = failure.value
        cause: Any = error.socketError if isinstance(error, CannotListenError) else error
        reason = getattr(cause, "strerror", None) or str(cause)
        remedy = _REMEDIES.get(getattr(cause, "errno", None) or 0, "name another endpoint")
        return ListenError(f"ftptls: cannot listen on {self._description}: {reason}; {remedy}.")

    def _failed_later(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            _log.critical("{error}", error=self._error(failure))


class _StillRoot(Service):
    """Sees that the server may act as users, also once ``twistd`` has changed its own."""

    def startService(self) -> None:
        """Look.

        Raises:
            StartError: It may not.
        """
        Service.startService(self)
        why = objection()
        if why:
            raise StartError(
                f"ftptls: --unix-users cannot work: {why}; do without --uid and --gid of twistd."
            )


@dataclass(frozen=True)
class Shared:
    """What a process has that serves beside others, in place of its own.

    Attributes:
        door: Through which the connections of all of them come in.
        endpoints: Those of the settings, in their order, open already.
        anonymous: Places for anonymous users.
        cleans: Whether it removes what uploads left behind; one of them is enough.
    """

    door: AnyDoor
    endpoints: Sequence[IStreamServerEndpoint]
    anonymous: AnyPlaces
    cleans: bool


def make_service(settings: Settings, reactor: Any, shared: Shared | None = None) -> FTPService:
    """One process that serves, ready to start; its children are :class:`Listener` services.

    Args:
        settings: What to serve, to whom, where and how.
        reactor: What it runs on.
        shared: What it shares with others; by default it does everything by itself, also
            where the settings name more processes (:func:`ftptls.processes.make_service`).

    Raises:
        ConfigError: The settings cannot be used.
    """
    see_that_folders_are_there(settings)
    settings = _with_anonymous(settings)
    groups = [(each, _certificate(each)) for each in _groups(settings)]
    reason = contradiction((here, tls is not None) for here, tls in groups)
    if reason:
        raise ConfigError(f"The revocation settings cannot work: {reason}.")
    workers = Workers(reactor, settings.limits.threads)
    steps = Workers(reactor, transfer_threads(settings.limits.transfer_threads))
    portal = make_portal(settings, reactor, workers, shared.anonymous if shared else None)
    see_that_certificates_are_asked_for(here for here, _ in groups)
    door = shared.door if shared else _door(reactor, settings, workers)
    open_already = iter(shared.endpoints if shared else ())
    hooks = _hooks(reactor, settings)
    listeners: list[Listener] = []
    secured: list[Secured] = []
    for here, tls in groups:
        see_that_logins_work(here, portal)
        factories: list[FTPFactory] = []
        for implicit, description in _endpoints(here):
            try:
                factory = FTPFactory(
                    reactor,
                    portal,
                    tls,
                    here,
                    workers=workers,
                    steps=steps,
                    implicit=implicit,
                    door=door,
                    hooks=hooks,
                )
            except ValueError as error:
                raise ConfigError(f"{description}: {error}") from None
            if tls is not None and shared is None:
                tls.protocols.warn(description)
            kind = ("implicit TLS" if implicit else "explicit TLS") if tls else "clear text"
            endpoint = next(open_already, None) or _endpoint(
                reactor, description, implicit=implicit
            )
            factories.append(factory)
            listeners.append(Listener(endpoint, factory, description, kind, tells=not shared))
        if tls is not None:
            secured.append(_secured(reactor, here, tls, factories))
    cleaning = None if shared and not shared.cleans else Cleaning(reactor, workers, settings)
    service = FTPService(reactor, workers, secured, settings.tls.reload_interval, cleaning)
    for listener in listeners:
        service.addService(listener)
    if settings.unix.enabled:
        service.addService(_StillRoot())
    for hook in filter(IService.providedBy, hooks):
        service.addService(hook)
    return service


def _door(reactor: Any, settings: Settings, workers: IWorkers) -> Door:
    """One for all listeners: who guesses here is not let in there."""
    folder = os.path.dirname(settings.guard.state) or "."
    if not os.path.isdir(folder):
        raise ConfigError(f"guard.state is to be in {folder}: there is no such folder; make it.")
    try:
        return Door(reactor, settings.guard, workers)
    except OSError as error:
        raise ConfigError(f"The bans cannot be read: {error}.") from None


def _hooks(reactor: Any, settings: Settings) -> list[IHook]:
    """Those of ``[[hooks]]``, for all listeners."""
    try:
        return make_hooks(settings.hooks, settings.files.upload_mode, reactor)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _secured(
    reactor: Any, settings: Settings, tls: ServerContext, factories: Sequence[FTPFactory]
) -> Secured:
    """Listeners with what they staple, their first context in place."""
    made = Secured(settings, factories, stapling_of(reactor, settings))
    try:
        made.follow(tls)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return made


def _groups(settings: Settings) -> Iterator[Settings]:
    """The settings of ``[listen]``, and of each of ``[[listeners]]``."""
    if settings.listen != Listen() or not settings.listeners:
        yield settings
    for own in settings.listeners:
        yield own.settings(settings)


def _with_anonymous(settings: Settings) -> Settings:
    """The same, where ``[anonymous]`` and the ``auth`` strings agree."""
    by_string = "anonymous" in settings.auth
    if settings.anonymous.enabled and not by_string:
        return replace(settings, auth=(*settings.auth, "anonymous"))
    return replace(settings, anonymous=replace(settings.anonymous, enabled=by_string))


def _certificate(settings: Settings) -> ServerContext | None:
    if settings.tls.certificate:
        try:
            tls = ServerContext.from_settings(settings)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return tls
    demanding = [settings.client_certificates.mode is not ClientCertificate.NONE]
    demanding += [bool(host.certificate or host.client_certificates) for host in settings.hosts]
    if any(demanding):
        raise ConfigError(
            "Client certificates and certificates of [[hosts]] take TLS: name the server's own "
            "certificate with --certificate or tls.certificate."
        )
    if settings.tls.key:
        raise ConfigError("There is a key but no certificate: name both, with --certificate.")
    if settings.listen.implicit:
        raise ConfigError(
            f"The implicit listener {settings.listen.implicit[0]} needs a certificate: "
            "name one with --certificate or tls.certificate."
        )
    required = [
        f"policy.{entry.name}"
        for entry in fields(settings.policy)
        if getattr(settings.policy, entry.name) is Requirement.REQUIRED
    ]
    if required:
        raise ConfigError(
            "Protection by TLS is required, and there is no certificate: name one with "
            f"--certificate, or make {' and '.join(required)} optional to serve in clear text."
        )
    return None


def _endpoints(settings: Settings) -> Iterator[tuple[bool, str]]:
    explicit, implicit = settings.listen.explicit, settings.listen.implicit
    if not explicit and not implicit:
        explicit = (DEFAULT_ENDPOINT,)
    yield from ((False, description) for description in explicit)
    yield from ((True, description) for description in implicit)


def _allow_many_connections() -> None:
    """Have as many descriptors as the system lets the process have; the default is often 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # where unlimited is more than there can be
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _endpoint(reactor: Any, description: str, *, implicit: bool) -> IStreamServerEndpoint:
    flag = "--implicit" if implicit else "--explicit"
    if description.startswith("ssl:"):
        raise ConfigError(
            f"{flag} {description} would put TLS inside TLS: write tcp: in place of ssl:."
        )
    own = "" if not description.startswith(_TCP) or "backlog=" in description else _BACKLOG
    try:
        return serverFromString(reactor, description + own)  # type: ignore[no-any-return]
    except (ValueError, TypeError, LookupError, OSError):
        raise ConfigError(
            f"{flag} {description} is no endpoint that Twisted understands: write one such as "
            "tcp:2121 or tcp:2121:interface=127.0.0.1."
        ) from None
