"""The service that removes what uploads left behind: at the start, and once a day."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from ftptls.interfaces import IWorkers
from ftptls.settings import Settings
from ftptls.vfs.cleaning import cleaner_of

_INTERVAL = 86400.0


class Cleaning(Service):
    """Looks through the folders that are served, on a worker, and logs one line of it.

    Args:
        reactor: For waiting.
        workers: Where it is done, in steps between which others have their turn.
        settings: What is served.
    """

    _log = Logger(namespace="ftptls")

    def __init__(self, reactor: Any, workers: IWorkers, settings: Settings) -> None:
        self._reactor = reactor
        self._workers = workers
        self._settings = settings
        self._next: IDelayedCall | None = None
        self._ended: Deferred[None] = succeed(None)

    def startService(self) -> None:
        """Begin, once the reactor runs."""
        Service.startService(self)
        self._next = self._reactor.callLater(0, self._begin)

    def stopService(self) -> Deferred[None]:
        """Stop after the step that is being taken."""
        Service.stopService(self)
        if self._next is not None and self._next.active():
            self._next.cancel()
        return self._ended

    def _begin(self) -> None:
        self._next = self._reactor.callLater(_INTERVAL, self._begin)
        self._ended = Deferred.fromCoroutine(self._clean()).addErrback(
            lambda failure: self._log.failure("Cleaning up failed", failure)
        )

    async def _clean(self) -> None:
        cleaner = cleaner_of(self._settings)
        while self.running and await self._workers.run(cleaner.step):
            pass
        self._log.info(
            "ftptls: {removed} leftovers of uploads removed, {kept} kept to be gone on with",
            removed=cleaner.removed,
            kept=cleaner.kept,
        )
