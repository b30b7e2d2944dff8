"""A crowd of clients: a few processes, each with many sessions, that tell how far they are."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType

from tests.bench.clients import BenchError, Target
from tests.bench.curves.loop import Loop, readable
from tests.bench.curves.session import Session

_AT_ONCE = 64  # not all of a crowd knock at the same moment
_PATIENCE = 120.0  # seconds, until they are in


@dataclass
class Counts:
    """What sessions of one process, or of all, have done so far.

    Attributes:
        ready: Sessions that are logged in, and at work.
        done: What they have finished: transfers, or logins.
        octets: What they have moved.
        failures: What went wrong.
        cpu: CPU seconds of the client processes.
    """

    ready: int = 0
    done: int = 0
    octets: int = 0
    failures: list[str] = field(default_factory=list)
    cpu: float = 0.0


NewSession = Callable[[], Session]
# What a session does; it is a function of a module, so that another process finds it.
Work = Callable[[NewSession, Counts], Awaitable[None]]


@dataclass(frozen=True)
class Rates:
    """What a crowd did within some seconds; each figure is of one second.

    Attributes:
        seconds: How many.
        done: Finished.
        octets: Moved.
        cpu: CPU seconds of the clients.
    """

    seconds: float
    done: float
    octets: float
    cpu: float


class Crowd:
    """Client processes; each has a half, a third ... of the sessions.

    Args:
        target: With whom they have to do.
        processes: How many.

    Attributes:
        processes: The same.
    """

    def __init__(self, target: Target, processes: int = 2) -> None:
        allow_files()
        self.processes = processes
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._started: list[SpawnProcess] = []
        for number in range(processes):
            ours, theirs = context.Pipe()
            self._pipes.append(ours)
            process = context.Process(target=_serve, args=(theirs, target, number), daemon=True)
            self._started.append(process)
            process.start()
            theirs.close()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._started:
            process.join()

    def send(self, work: Work, number: int) -> None:
        """Have so many more sessions do this, and wait until they are at it."""
        while number > _AT_ONCE:
            self.send(work, _AT_ONCE)
            number -= _AT_ONCE
        expected = self.counts().ready + number
        for place, pipe in enumerate(self._pipes):
            share = len(range(place, number, len(self._pipes)))
            pipe.send((work, share))
        deadline = time.monotonic() + _PATIENCE
        while self.counts().ready < expected:
            if time.monotonic() > deadline:
                raise SystemExit(f"of {number} more sessions, some did not come in")
            time.sleep(0.02)

    def counts(self) -> Counts:
        """Of all.

        Raises:
            SystemExit: Something went wrong.
        """
        for pipe in self._pipes:
            pipe.send(None)
        told = [pipe.recv() for pipe in self._pipes]
        failures = list(itertools.chain.from_iterable(each.failures for each in told))
        if failures:
            raise SystemExit(f"{len(failures)} sessions failed; the first: {failures[0]}")
        return Counts(
            sum(each.ready for each in told),
            sum(each.done for each in told),
            sum(each.octets for each in told),
            [],
            sum(each.cpu for each in told),
        )

    def rates(self, seconds: float) -> Rates:
        """Of the next ``seconds``."""
        before, began = self.counts(), time.monotonic()
        time.sleep(seconds)
        after, took = self.counts(), time.monotonic() - began
        return Rates(
            took,
            (after.done - before.done) / took,
            (after.octets - before.octets) / took,
            (after.cpu - before.cpu) / took,
        )


def allow_files() -> int:
    """Have as many files open as the system lets this process, and those that it starts."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _serve(orders: Connection, target: Target, process: int) -> None:
    """A client process."""
    loop, counts, context = Loop(), Counts(), target.context()
    numbers = itertools.count()

    def new_session() -> Session:
        return Session(target, context, _source(process, next(numbers)))

    async def guarded(work: Work) -> None:
        try:
            await work(new_session, counts)
        except (OSError, BenchError) as error:
            counts.failures.append(f"{type(error).__name__}: {error}")

    async def follow() -> None:
        while True:
            await readable(orders)
            try:
                order = orders.recv()
            except EOFError:
                return
            if order is None:
                orders.send(replace(counts, cpu=time.process_time()))
            else:
                work, number = order
                for _ in range(number):
                    loop.start(guarded(work))

    loop.run(follow())
    os._exit(0)  # what is left need not be tidied up


def _source(process: int, number: int) -> str:
    """Loopback addresses; each has a few sessions, as that of a client has."""
    return f"127.{1 + process}.{number // 8 // 250 % 250}.{1 + number // 8 % 250}"
