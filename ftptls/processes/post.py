"""One worker: a process, and the next one when that ends before its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.logger import Logger

from ftptls.processes.child import Child

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 30.0  # seconds before the next process is started
_SETTLED = 10.0  # seconds after which an end has nothing to do with the start
# Seconds that a process gets to end: its sessions have five of them, and the rest is for it.
_PATIENCE = 10.0

_log = Logger(namespace="ftptls")


class Post:
    """A worker.

    Args:
        reactor: For the time.
        number: What it is called in the log.
        hire: Starts a process for it.
    """

    def __init__(self, reactor: Any, number: int, hire: Callable[[], Child]) -> None:
        self._reactor = reactor
        self._number = number
        self._hire = hire
        self._child: Child | None = None
        self._began = 0.0
        self._wait = 0.0
        self._next: Any = None
        self._stopping = False

    def start(self) -> Child:
        """Start a process."""
        self._began = self._reactor.seconds()
        self._child = child = self._hire()
        child.exited.addCallback(self._exited, child).addErrback(
            lambda failure: _log.failure("unforeseen error at the end of a worker", failure)
        )
        return child

    def reload(self) -> None:
        """Have certificates loaded anew."""
        if self._child is not None:
            self._child.tell("reload")

    def stop(self) -> Deferred[None]:
        """End the process, and start no other; fires when everything that it said is heard."""
        self._stopping = True
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._child is None:
            return succeed(None)
        return Deferred.fromCoroutine(self._end(self._child))

    async def _end(self, child: Child) -> None:
        child.tell("stop")
        try:
            await child.gone.addTimeout(_PATIENCE, self._reactor)
        except TimeoutError:
            _log.warn("ftptls: {who} does not end, and is killed", who=self._name(child))
            child.kill()
            await child.exited

    def _exited(self, ended: Any, child: Child) -> None:
        if self._stopping:
            return
        self._child = None
        settled = child.serves and self._reactor.seconds() - self._began >= _SETTLED
        self._wait = 0.0 if settled else min(_LONGEST_WAIT, max(_FIRST_WAIT, 2 * self._wait))
        _log.warn(
            "ftptls: {who} {how}; another one starts {when}",
            who=self._name(child),
            how=_how(ended),
            when=f"in {self._wait:g} s" if self._wait else "now",
        )
        self._next = self._reactor.callLater(self._wait, self._start_again)

    def _start_again(self) -> None:
        try:
            self.start()
        except OSError as error:
            self._wait = min(_LONGEST_WAIT, max(_FIRST_WAIT, 2 * self._wait))
            _log.error(
                "ftptls: worker {number} cannot be started: {error}; tried again in {wait:g} s",
                number=self._number,
                error=error,
                wait=self._wait,
            )
            self._next = self._reactor.callLater(self._wait, self._start_again)

    def _name(self, child: Child) -> str:
        return f"worker {self._number} (process {child.pid})"


def _how(ended: Any) -> str:
    """How a process ended."""
    if ended.signal is not None:
        return f"was ended by signal {ended.signal}"
    return f"ended with status {ended.exitCode}"
