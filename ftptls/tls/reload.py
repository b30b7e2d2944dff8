"""Hot reload: certificates, keys and CRLs anew, on SIGHUP and when their files change.

What is loaded is built and tested first, on a thread; only then it takes the place of the
old. What cannot be used is said once for each change of the files, and the old stays.
"""

from __future__ import annotations

import datetime
import os
import signal
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from ftptls.interfaces import IWorkers
from ftptls.tls.loading import Identity

T = TypeVar("T")

_STANDARD_INPUT = 0

_log = Logger(namespace="ftptls")


class Reloader(Service, Generic[T]):
    """Watches files, and builds anew what was made of them.

    Args:
        reactor: For the time.
        workers: Where files are looked at and loaded.
        build: Loads and tests everything; raises ValueError, with a sentence, if it cannot.
        replace: Takes what was built, in place of the old.
        paths: Files and folders to watch.
        interval: Seconds between two looks at them; 0 is never.
        on_signal: Whether SIGHUP makes it reload, while the service runs.
    """

    def __init__(
        self,
        reactor: Any,
        workers: IWorkers,
        build: Callable[[], T],
        replace: Callable[[T], object],
        paths: Iterable[str],
        *,
        interval: float = 0,
        on_signal: bool = False,
    ) -> None:
        self._reactor = reactor
        self._workers = workers
        self._build = build
        self._replace = replace
        self._paths = tuple(paths)
        self._interval = interval
        self._hang_ups = HangUps(reactor, self.reload) if on_signal else None
        self._seen = _look(self._paths)
        self._timer: Any = None
        self._turns = DeferredLock()

    def startService(self) -> None:
        """Watch the files, and heed SIGHUP."""
        Service.startService(self)
        self._set_timer()
        if self._hang_ups is not None:
            self._hang_ups.heed()

    def stopService(self) -> Deferred[None]:
        """Watch no more; fires when nothing is being loaded any more."""
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._hang_ups is not None:
            self._hang_ups.ignore()
        return self._turns.run(lambda: None)

    def reload(self) -> Deferred[bool]:
        """Load everything anew, whether or not a file changed.

        Returns:
            Fires with whether it took the place of the old.
        """
        return self._turns.run(lambda: Deferred.fromCoroutine(self._reload()))

    async def _reload(self) -> bool:
        seen = await self._workers.run(_look, self._paths)
        return await self._load(seen)

    async def _load(self, seen: Hashable) -> bool:
        self._seen = seen  # from before the loading: what changes meanwhile is loaded again
        try:
            made = await self._workers.run(self._build)
            self._replace(made)
        except ValueError as error:
            _log.error("ftptls: certificates stay as they were: {why}", why=str(error))
            return False
        except Exception:  # noqa: BLE001 - our own mistake; watching must go on
            _log.failure("ftptls: certificates stay as they were, for an unforeseen error")
            return False
        _log.info("ftptls: certificates loaded anew; sessions go on with the old ones")
        return True

    def _set_timer(self) -> None:
        if self._interval and self.running:
            self._timer = self._reactor.callLater(self._interval, self._look_again)

    def _look_again(self) -> None:
        self._turns.run(lambda: Deferred.fromCoroutine(self._poll()))

    async def _poll(self) -> None:
        seen = await self._workers.run(_look, self._paths)
        if seen != self._seen:
            await self._load(seen)
        self._set_timer()


class HangUps:
    """SIGHUP: daemons are told by it to load anew what they need.

    It also comes when the terminal goes away in which the server was started; then the
    server goes, too.

    Args:
        reactor: Where the call is made.
        call: What is to be done.
    """

    def __init__(self, reactor: Any, call: Callable[[], object]) -> None:
        self._reactor = reactor
        self._call = call
        self._old_handler: Any = None
        self._on_terminal = False

    def heed(self) -> None:
        """Do it from now on."""
        # Python lets only the main thread set handlers.
        if threading.current_thread() is threading.main_thread():
            self._on_terminal = os.isatty(_STANDARD_INPUT)
            self._old_handler = signal.signal(signal.SIGHUP, self._signalled)

    def ignore(self) -> None:
        """Do it no more; harmless when repeated."""
        if self._old_handler is not None:
            signal.signal(signal.SIGHUP, self._old_handler)
            self._old_handler = None

    def _signalled(self, _signal: int, _frame: object) -> None:
        """Nothing may be done here, between any two instructions of the program."""
        is_hangup = self._on_terminal and not os.isatty(_STANDARD_INPUT)
        self._reactor.callFromThread(self._reactor.stop if is_hangup else self._call)


def refuse_invalid(identities: Iterable[Identity], now: datetime.datetime) -> None:
    """Raise ValueError for a certificate that is not valid now: the old one serves better."""
    for identity in identities:
        leaf = identity.chain[0]
        if leaf.not_valid_after_utc <= now:
            why = f"expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        elif leaf.not_valid_before_utc > now:
            why = f"is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        else:
            continue
        raise ValueError(f"The certificate in {identity.source or 'memory'} {why}.")


def _look(paths: Iterable[str]) -> Hashable:
    """What tells that files changed: names, times, sizes, and which files they are."""
    return tuple((path, tuple(_stamps(path))) for path in paths)


def _stamps(path: str) -> Iterator[Hashable]:
    yield _stamp(path)
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return  # it is a file, or there is nothing
    for name in names:
        yield name, _stamp(os.path.join(path, name))


def _stamp(path: str) -> Hashable:
    try:
        status = os.stat(path)
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_dev, status.st_ino
