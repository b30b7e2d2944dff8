"""The bans that hold now: in memory, so that no connection waits for the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import LoopingCall

from ftptls import observe
from ftptls.guard.banfile import Ban, BanFile, Kind
from ftptls.interfaces import IWorkers
from ftptls.settings import Guard

# Seconds until a running server knows what others have written into the file.
_INTERVAL = 1.0


class Bans:
    """What is banned, here and by every server that shares the file.

    Args:
        reactor: For the time.
        settings: How long bans are, where they are kept, and how many.
        workers: Where the file is read and written.
        lifted: Called with each ban that somebody ended before its time.

    Raises:
        OSError: There is a file, and it cannot be used.

    Attributes:
        held: The bans, until it is seen that they are over.
    """

    def __init__(
        self, reactor: Any, settings: Guard, workers: IWorkers, lifted: Callable[[Ban], None]
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._workers = workers
        self._tell_lifted = lifted
        self._tell_found: Callable[[Ban], object] = lambda _: None
        self.held: dict[tuple[Kind, str], Ban] = {}
        self._unwritten: list[Ban] = []
        self._using_file = DeferredLock()
        self._trouble = ""
        self._watch = LoopingCall(self._look)
        self._watch.clock = reactor
        self._file = BanFile(settings.state, settings.remembered) if settings.state else None
        if self._file is not None and os.path.exists(settings.state):
            self._take(self._file.exchange([], reactor.seconds()) or [])
            self._file.close()  # the one who serves may be another process, with other rights

    def __len__(self) -> int:
        return len(self.held)

    def start(self) -> None:
        """Look at the file from time to time."""
        if self._file is not None:
            self._watch.start(_INTERVAL, now=False)

    def stop(self) -> None:
        """Write what is not written yet, and close the file."""
        if self._watch.running:
            self._watch.stop()
            self._use_file(self._finish)

    def when_found(self, tell: Callable[[Ban], object]) -> None:
        """What to call with each ban that others have made, once it is known here."""
        self._tell_found = tell

    def holds(self, kind: Kind, what: str) -> bool:
        """Whether something is banned now."""
        ban = self.held.get((kind, what))
        if ban is not None and ban.until <= self._reactor.seconds():
            del self.held[kind, what]
            return False
        return ban is not None

    def add(self, kind: Kind, what: str, failures: int) -> None:
        """Ban something, from now on and for as long as the settings say."""
        now = self._reactor.seconds()
        ban = Ban(kind, what, now, now + self._settings.ban_time, failures)
        self.held[kind, what] = ban
        while len(self.held) > self._settings.remembered:
            del self.held[next(iter(self.held))]
        observe.banned(kind.value, what, self._settings.ban_time, failures)
        if self._file is not None:
            self._unwritten.append(ban)
            self._look()

    def _look(self) -> None:
        if not self._using_file.locked:
            self._use_file(self._exchange)

    def _use_file(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One thing after the other, each to its end."""
        self._using_file.run(lambda: Deferred.fromCoroutine(what()))

    async def _exchange(self) -> None:
        """Write and read the file; what cannot be written now is tried again later."""
        assert self._file is not None  # noqa: S101 - nobody looks without a file
        new, self._unwritten = self._unwritten, []
        try:
            found = await self._workers.run(self._file.exchange, new, self._reactor.seconds())
        except OSError as error:
            self._unwritten = [*new, *self._unwritten][-self._settings.remembered :]
            if str(error) != self._trouble:
                observe.bans_unusable(error)
            self._trouble = str(error)
        else:
            self._trouble = ""
            if found is not None:
                self._take(found)

    async def _finish(self) -> None:
        assert self._file is not None  # noqa: S101 - as above
        if self._unwritten:
            await self._exchange()
        await self._workers.run(self._file.close)

    def _take(self, found: Iterable[Ban]) -> None:
        """What the file says is so, but for what is not in it yet."""
        before = self.held
        self.held = {(ban.kind, ban.what): ban for ban in (*found, *self._unwritten)}
        for key, ban in self.held.items():
            if key not in before:
                self._tell_found(ban)
        for key, ban in before.items():
            if key not in self.held and ban.until > self._reactor.seconds():
                observe.lifted(ban.kind.value, ban.what)
                self._tell_lifted(ban)
