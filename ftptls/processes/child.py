"""One process of a worker, as its supervisor knows it."""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftptls.guard import Door
from ftptls.interfaces import ISharesQueue
from ftptls.processes.conversation import Conversation, converse
from ftptls.processes.guests import Guests
from ftptls.processes.keeping import Recall
from ftptls.processes.logs import LineRelay
from ftptls.processes.messages import MessageReader
from ftptls.processes.orders import CONVERSATION, LOCKS, Orders
from ftptls.processes.sharing import Borrowed, Lending

_STANDARD_OUTPUT, _STANDARD_ERROR = 1, 2
_START = 60  # seconds that a process gets until it serves, or says why it cannot
_MOST_PEEKED = 1 << 16

_log = Logger(namespace="ftptls")


@dataclass(frozen=True)
class Common:
    """What is one for all workers.

    Attributes:
        door: Through which all connections come in.
        lending: What is lent to them.
        recall: Has them give back what they keep of it.
        queues: Hooks that send what workers put into their files, in the order of the settings.
        descriptors: What a process is given, from :data:`~ftptls.processes.orders.LOCKS` on.
    """

    door: Door
    lending: Lending
    recall: Recall
    queues: Sequence[ISharesQueue]
    descriptors: Sequence[int]


class Child(ProcessProtocol):
    """A process. It starts when this is made.

    Args:
        reactor: For processes and time.
        number: Of the worker.
        orders: What it is told.
        common: What it has in common with the others.

    Attributes:
        pid: Of the process.
        serves: Whether it does by now.
        objection: Why it cannot serve, once it has said so.
        exited: Fires with how the process ended, as Twisted's :class:`ProcessTerminated` or
            :class:`ProcessDone`.
        gone: Fires when everything that it wrote is in the log, too.
    """

    def __init__(self, reactor: Any, number: int, orders: Orders, common: Common) -> None:
        self.serves = False
        self.objection = ""
        self.exited: Deferred[Any] = Deferred()
        self.gone: Deferred[None] = Deferred()
        self._number = number
        self._common = common
        self._relay = LineRelay(number)
        self._errors = LineRelay(number)
        verbs: dict[str, Callable[..., Any]] = {}
        self._conversation = Conversation(reactor, verbs, self._leave)
        make_way = partial(self.tell, "make_way")
        self._guests = Guests(reactor, common.door, common.recall, make_way)
        self._borrowed = Borrowed(common.lending)
        verbs |= {**self._guests.verbs, **self._borrowed.verbs}
        verbs |= {"posted": self._posted, "serves": self._has_begun, "cannot_serve": self._cannot}
        self._socket, its = socket.socketpair()
        with its:
            self._process = self._spawn(reactor, its)
        self.pid: int = self._process.pid
        with suppress(OSError):  # what has ended already is told of as such
            orders.send(self._socket)
        converse(reactor, self._socket, self._conversation)

    def tell(self, verb: str, *arguments: Any) -> None:
        """Say something to it."""
        self._conversation.tell(verb, *arguments)

    def kill(self) -> None:
        """End it at once, whatever it does."""
        with suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")

    def wait(self) -> None:
        """Wait until it has said whether it can serve; this blocks, for the start of the server.

        What it says stays there, to be heard when the reactor runs; why it cannot is in
        ``objection`` already.
        """
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not poll.poll(_START * 1000):
            self.objection = f"it takes longer than {_START} s to start"
            return
        said = MessageReader().feed(self._socket.recv(_MOST_PEEKED, socket.MSG_PEEK))
        if not said:
            self.objection = "it ended before it said why"
        elif said[0][0] == "cannot_serve":
            self.objection = said[0][1]

    # --- what Twisted tells of a process -------------------------------------------------------

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Its log."""
        self._relay.feed(data)

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """What its interpreter says."""
        self._errors.feed(data)

    def processExited(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """It is no more; programs that it started may still have its output."""
        self.exited.callback(reason.value)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """All of its output is here."""
        self._relay.end()
        self._errors.end()
        self.gone.callback(None)

    def _spawn(self, reactor: Any, its: socket.socket) -> Any:
        command = [sys.executable, "-P", "-m", "ftptls.processes", str(self._number)]
        path = os.pathsep.join(filter(None, sys.path))  # as it is here, whatever made it so
        with open(os.devnull, "rb") as null:
            descriptors: dict[int, Any] = {0: null.fileno(), CONVERSATION: its.fileno()}
            descriptors |= {_STANDARD_OUTPUT: "r", _STANDARD_ERROR: "r"}
            descriptors |= dict(enumerate(self._common.descriptors, LOCKS))
            return reactor.spawnProcess(
                self,
                sys.executable,
                command,
                env={**os.environ, "PYTHONPATH": path},
                childFDs=descriptors,
            )

    # --- what it says --------------------------------------------------------------------------

    def _has_begun(self) -> None:
        self.serves = True
        self._common.recall.add(self._conversation)
        self._socket.close()

    def _cannot(self, objection: str) -> None:
        self.objection = objection
        _log.error("ftptls: worker {n} cannot serve: {why}", n=self._number, why=objection)

    def _posted(self, at: int) -> None:
        self._common.queues[at].look()

    def _leave(self) -> None:
        """It is gone, and all of its clients; it may have put something without saying so."""
        self._socket.close()
        self._common.recall.remove(self._conversation)
        self._guests.leave()
        self._borrowed.leave()
        for queue in self._common.queues:
            queue.look()
