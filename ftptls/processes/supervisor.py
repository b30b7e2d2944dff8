"""The process that is started where several serve: it listens, and they accept.

It has no sessions of its own. It opens the listeners, starts the workers and those that take
their place, and keeps what holds for all of them: the guard first of all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from ftptls.config import ConfigError
from ftptls.cred.places import Places
from ftptls.guard import Door
from ftptls.interfaces import ISharesQueue
from ftptls.processes.child import Child, Common
from ftptls.processes.keeping import Recall
from ftptls.processes.orders import Listening, Orders
from ftptls.processes.post import Post
from ftptls.processes.sharing import Lending
from ftptls.service import Listener, StartError, make_service
from ftptls.settings import Listen, OwnListener, Settings
from ftptls.tls.reload import HangUps

_ENDPOINTS = ("tcp:", "tcp6:", "systemd:")

_log = Logger(namespace="ftptls")


def supervise(settings: Settings, reactor: Any) -> Supervisor:
    """A service of as many processes as the settings name.

    Raises:
        ConfigError: The settings cannot be used, or not by several processes.
    """
    everywhere: list[Listen | OwnListener] = [settings.listen, *settings.listeners]
    for here in everywhere:
        for endpoint in (*here.explicit, *here.implicit):
            if not endpoint.startswith(_ENDPOINTS):
                raise ConfigError(
                    f"Several workers cannot share the endpoint {endpoint}: name one that begins "
                    f"with {' or '.join(_ENDPOINTS)}, or have one worker."
                )
    # All that can be wrong is found before anything begins.
    return Supervisor(reactor, settings, make_service(settings, reactor))


class Supervisor(MultiService):
    """The service; its children are its listeners, and hooks that send.

    Args:
        reactor: For processes and time.
        settings: What to serve.
        whole: The same service of one process, not started: its parts are taken over.
    """

    def __init__(self, reactor: Any, settings: Settings, whole: MultiService) -> None:
        MultiService.__init__(self)
        self._reactor = reactor
        self._settings = settings
        for child in whole:
            MultiService.addService(self, child)
        self._listeners = [each for each in self if isinstance(each, Listener)]
        secured = any(each.factory.tls is not None for each in self._listeners)
        self._hang_ups = HangUps(reactor, self.reload) if secured else None
        self._posts: list[Post] = []
        self._locks: IO[bytes] | None = None

    def startService(self) -> None:
        """Have the listeners shared, and start the workers; this waits until they serve.

        Raises:
            StartError: They cannot.
        """
        MultiService.startService(self)
        self._locks = tempfile.TemporaryFile()  # noqa: SIM115 - as long as there are workers
        hire = self._hire(self._locks.fileno())
        count = self._settings.processes.workers
        self._posts = [Post(self._reactor, n, partial(hire, n)) for n in range(1, count + 1)]
        children = list(self._started())
        for child in children:
            child.wait()
        if objections := [child.objection for child in children if child.objection]:
            for child in children:
                child.kill()
            raise StartError(f"ftptls: no worker can serve: {objections[0]}")
        if self._hang_ups is not None:
            self._hang_ups.heed()
        pids = ", ".join(str(child.pid) for child in children)
        _log.info("ftptls: {count} workers serve (processes {pids})", count=count, pids=pids)

    def stopService(self) -> Deferred[Any]:
        """Close the listeners, and end the workers, who tell their clients."""
        if self._hang_ups is not None:
            self._hang_ups.ignore()
        closing = maybeDeferred(MultiService.stopService, self)
        return DeferredList([closing, *(post.stop() for post in self._posts)]).addCallback(
            self._stopped
        )

    def reload(self) -> None:
        """Have each worker load certificates and CRLs anew."""
        for post in self._posts:
            post.reload()

    def _started(self) -> Iterator[Child]:
        for post in self._posts:
            try:
                yield post.start()
            except OSError as error:
                why = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
                raise StartError(f"ftptls: no worker can be started: {why}.") from None

    def _hire(self, locks: int) -> Callable[[int], Child]:
        """What starts a process for a worker, by its number."""
        ports = [_held(each) for each in self._listeners]
        orders = Orders(
            settings=self._settings,
            sockets=tuple(Listening(each.addressFamily, each.backlog) for each in ports),
            reactor=type(self._reactor).__module__,
            path=os.environ.get("PYTHONPATH"),
            first=False,
        )
        recall = Recall(self._reactor)
        self._door.attempts.bans.when_found(recall.call_in_banned)
        common = Common(
            door=self._door,
            recall=recall,
            lending=Lending(Places(self._settings.anonymous.sessions)),
            queues=[each for each in self if ISharesQueue.providedBy(each)],
            descriptors=[locks, *(each.fileno() for each in ports)],
        )
        return lambda n: Child(self._reactor, n, replace(orders, first=n == 1), common)

    @property
    def _door(self) -> Door:
        """The one door of all listeners."""
        door = self._listeners[0].factory.door
        assert isinstance(door, Door)  # noqa: S101 - they were made to serve by themselves
        return door

    def _stopped(self, result: Any) -> Any:
        if self._locks is not None:
            self._locks.close()
        return result


def _held(listener: Listener) -> Any:
    """The port of a listener, where nobody accepts here: that is for the workers."""
    port: Any = listener.port
    if port is None:
        raise StartError(f"ftptls: {listener.where()} is not open, and cannot be shared.")
    port.stopReading()
    return port
