"""The listeners of a service, and what loads their certificates and CRLs anew."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed

from ftptls.factory import FTPFactory
from ftptls.interfaces import IWorkers
from ftptls.settings import ClientCertificate, Settings
from ftptls.tls import revocation
from ftptls.tls.contexts import ServerContext
from ftptls.tls.reload import Reloader, refuse_invalid
from ftptls.tls.staple import FileStapling, Stapling


@dataclass
class Secured:
    """Listeners that share their settings, with what they show.

    Attributes:
        settings: Those that hold for them.
        factories: What makes their sessions.
        stapling: What provides OCSP answers; ``None`` is nothing.
    """

    settings: Settings
    factories: Sequence[FTPFactory]
    stapling: Stapling | None = None

    def load(self) -> ServerContext:
        """A new context from the files, that is good for new sessions.

        Raises:
            ValueError: There is none to be had.
        """
        tls = ServerContext.from_settings(self.settings)
        refuse_invalid(tls.identities, datetime.datetime.now(datetime.UTC))
        return tls

    def follow(self, tls: ServerContext) -> None:
        """Staple what belongs to the certificates of a context that was not used yet.

        Raises:
            ValueError: There are no answers to be had for them.
        """
        if self.stapling is not None:
            self.stapling.follow(tls.identities)
            tls.staple(self.stapling.answer_for)

    def take(self, tls: ServerContext) -> None:
        """New sessions begin with this context."""
        for factory in self.factories:
            factory.replace_tls(tls)


class FTPService(MultiService):
    """The whole server; its children are its listeners.

    Args:
        reactor: What it runs on.
        workers: Where files are loaded.
        secured: The listeners that have certificates.
        interval: Seconds between two looks at the files; 0 is never.
        cleaning: What removes what uploads left behind.
    """

    def __init__(
        self,
        reactor: Any,
        workers: IWorkers,
        secured: Sequence[Secured],
        interval: float,
        cleaning: Service | None = None,
    ) -> None:
        MultiService.__init__(self)
        self._cleaning = cleaning or Service()
        self._secured = tuple(secured)
        paths = dict.fromkeys(path for each in secured for path in _files(each.settings))
        self._reloader = Reloader(
            reactor, workers, self._load, self._take, paths, interval=interval, on_signal=True
        )

    def startService(self) -> None:
        """Listen, watch the files, and heed SIGHUP."""
        MultiService.startService(self)
        self._cleaning.startService()
        if self._secured:
            self._reloader.startService()

    def stopService(self) -> Deferred[Any]:
        """Close everything."""
        for each in self._secured:
            if each.stapling is not None:
                each.stapling.stop()
        watching = self._reloader.stopService() if self._secured else succeed(None)
        cleaning = maybeDeferred(self._cleaning.stopService)
        return DeferredList([watching, cleaning, MultiService.stopService(self)])

    def reload(self) -> Deferred[bool]:
        """Load all certificates and CRLs anew; either all are taken up, or none.

        Returns:
            Fires with whether they were; if not, the log says why.
        """
        return self._reloader.reload()

    def _load(self) -> list[ServerContext]:
        return [each.load() for each in self._secured]

    def _take(self, loaded: Iterable[ServerContext]) -> None:
        pairs = list(zip(self._secured, loaded, strict=True))
        for each, tls in pairs:
            each.follow(tls)
        for each, tls in pairs:
            each.take(tls)


def contradiction(groups: Iterable[tuple[Settings, bool]]) -> str:
    """Why nothing could come of the revocation settings; empty if something can.

    Args:
        groups: The settings of each listener, and whether it has a certificate.
    """
    asks, has_certificate, settings = False, False, Settings()
    for settings, secured in groups:
        asks = asks or (secured and any(_modes(settings)))
        has_certificate = has_certificate or secured
    return revocation.contradiction(settings.revocation, asks=asks, has_certificate=has_certificate)


def stapling_of(reactor: Any, settings: Settings) -> Stapling | None:
    """What the settings want to be stapled."""
    wanted = settings.revocation
    if not (wanted.staple or wanted.staple_file):
        return None
    # The HTTP client takes 100 ms to import, and few want it.
    from ftptls.tls.responder import Responders, utc_now
    from ftptls.tls.staple import FetchedStapling

    if wanted.staple_file:
        return FileStapling(wanted.staple_file, utc_now)
    return FetchedStapling(reactor, Responders(reactor, wanted.ocsp_timeout))


def _modes(settings: Settings) -> Iterator[bool]:
    """Whether clients are asked for certificates, by each host."""
    default = settings.client_certificates.mode
    yield default is not ClientCertificate.NONE
    for host in settings.hosts:
        yield host.client_certificates.get("mode", default) is not ClientCertificate.NONE


def _files(settings: Settings) -> Iterator[str]:
    """Every file and folder that certificates and CRLs come from."""
    tls, revoked = settings.tls, settings.revocation
    yield from (*tls.certificate, *tls.key, *settings.client_certificates.authorities)
    yield from revoked.crls
    if revoked.staple_file:
        yield revoked.staple_file
    for host in settings.hosts:
        yield from (*host.certificate, *host.key)
        yield from host.client_certificates.get("authorities", ())
