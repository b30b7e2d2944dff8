"""A hook that runs a program, for each event or to decide about uploads."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import deferLater
from zope.interface import implementer

from ftptls import observe
from ftptls.hooks.asking import undecided
from ftptls.hooks.events import Event
from ftptls.hooks.running import Outcome, Run, RunError
from ftptls.hooks.standing import Standing
from ftptls.interfaces import IUploadCheck, IWorkers
from ftptls.settings import EventKind
from ftptls.workers import Workers

_GRACE = 5.0  # seconds that programs get to end by themselves when the server does
_REFUSED = 1


@implementer(IUploadCheck)
class ProgramHook:
    """Runs a program for each event, without a shell.

    The facts of the event are in its environment (``FTPTLS_PATH``), and as JSON on its standard
    input. For ``upload_held`` there is the content of the file instead, and the exit status
    decides: 0 accepts the upload, and 1 refuses it with the first line of standard output as
    the reason.

    Events wait in memory for one of the program to end; with the server, they are gone.

    Args:
        reactor: For results and time.
        program: The program and its arguments.
        kinds: What it is run for.
        timeout: Seconds that one run may take.
        processes: How many may run at once.
        waiting: How many events may wait; with one more, the oldest is dropped.
        accept_on_failure: Whether an upload becomes the file although the program could not
            decide.
        sha256: Whether events of uploads carry the SHA-256 of the file.
        workers: In place of threads of its own, one for each run.
    """

    def __init__(
        self,
        reactor: Any,
        program: Sequence[str],
        kinds: frozenset[EventKind],
        *,
        timeout: float = 50.0,
        processes: int = 4,
        waiting: int = 10_000,
        accept_on_failure: bool = False,
        sha256: bool = False,
        workers: IWorkers | None = None,
    ) -> None:
        self.kinds = kinds
        self.sha256 = sha256
        self._reactor = reactor
        self._program = tuple(program)
        self._timeout = timeout
        self._processes = processes
        self._waiting = waiting
        self._accept_on_failure = accept_on_failure
        self._standing = Standing(repr(self))
        self._workers = workers or Workers(reactor, processes)
        self._line: deque[Event] = deque(maxlen=waiting)
        self._told = 0  # how many programs run because of events
        self._running: set[Run] = set()
        self._stopped = False
        IReactorCore(reactor).addSystemEventTrigger("before", "shutdown", self._stop)

    def __repr__(self) -> str:
        return self._program[0]

    async def happened(self, event: Event) -> None:
        """See :meth:`ftptls.interfaces.IHook.happened`; the program runs behind it."""
        self._standing.waiting(len(self._line) + 1, self._waiting)
        self._line.append(event)
        self._next()

    async def check(self, event: Event, descriptor: int) -> str:
        """See :meth:`ftptls.interfaces.IUploadCheck.check`."""
        try:
            outcome = await self._run(event, descriptor)
            if outcome.status not in (0, _REFUSED):
                raise RunError(_how_it_ended(outcome))
        except (RunError, OSError) as error:
            self._standing.failed(str(error))
            if self._accept_on_failure:
                return ""
            raise undecided() from None
        self._standing.worked()
        return outcome.said.strip() or "not accepted" if outcome.status else ""

    def _stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.stop())

    async def stop(self) -> None:
        """Begin nothing more, and see that what runs ends."""
        self._stopped = True
        self._line.clear()
        for how, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
            for run in self._running:
                run.end("was ended with the server", how)
            deadline = self._reactor.seconds() + patience
            while self._running and self._reactor.seconds() < deadline:
                await deferLater(self._reactor, 0.02)

    def _next(self) -> None:
        """Run it for the events that wait, as many as may run at once."""
        while self._line and self._told < self._processes and not self._stopped:
            self._told += 1
            Deferred.fromCoroutine(self._tell(self._line.popleft())).addBoth(self._done)

    def _done(self, _result: object) -> None:
        self._told -= 1
        self._next()

    async def _tell(self, event: Event) -> None:
        try:
            outcome = await self._run(event, f"{event.as_json()}\n".encode())
            if outcome.status:
                raise RunError(_how_it_ended(outcome))
        except (RunError, OSError) as error:
            self._standing.failed(str(error))
        except Exception:  # noqa: BLE001 - our own mistake; nobody waits who could tell
            observe.hook_broke(repr(self), event.event.value)
        else:
            self._standing.worked()

    async def _run(self, event: Event, stdin: bytes | int) -> Outcome:
        if self._stopped:
            raise RunError("is not run any more, for the server ends")
        run = Run(self._program, event.environment(), self._timeout, stdin)
        self._running.add(run)
        try:
            return await self._workers.run(run.carry_out)
        except CancelledError:
            run.end("was ended with the upload")
            raise
        finally:
            self._running.discard(run)


def _how_it_ended(outcome: Outcome) -> str:
    """For the log; what a program says last tells most."""
    how = f"status {outcome.status}"
    if outcome.status < 0:
        how = f"signal {-outcome.status}"
    lines = outcome.complained.strip().splitlines()
    return f"ended with {how}" + (f": {lines[-1]}" if lines else "")
