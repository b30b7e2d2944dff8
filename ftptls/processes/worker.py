"""A process that serves beside others: ``python -m ftptls.processes``, as its supervisor calls it.

It takes its orders from the supervisor, serves on the sockets that it was given, and ends when
it is told to, when it is sent SIGTERM, or when the supervisor is gone.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import globalLogBeginner
from zope.interface import implementer

from ftptls.config import ConfigError
from ftptls.cred.places import Places
from ftptls.interfaces import ISharesQueue
from ftptls.processes.conversation import Conversation, converse
from ftptls.processes.doors import SharedDoor
from ftptls.processes.logs import MOMENT, LineObserver
from ftptls.processes.messages import encode
from ftptls.processes.orders import CONVERSATION, FIRST_SOCKET, LOCKS, Listening, Orders
from ftptls.processes.sharing import Borrowing
from ftptls.reloading import FTPService
from ftptls.service import Shared, StartError, make_service
from ftptls.textlog import Lines
from ftptls.vfs.locks import WRITE_LOCKS
from ftptls.vfs.versions import take_turns_with

_STANDARD_OUTPUT = 1


def main() -> int:
    """Serve until the end; the exit status."""
    # The terminal sends them to all processes; the supervisor says what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with socket.socket(fileno=CONVERSATION) as connection:
        try:
            orders = Orders.receive(connection)
        except EOFError:
            return 1
        reactor = _settle(orders)
        try:
            service = _start(orders, connection, reactor)
        except (ConfigError, StartError) as error:
            connection.sendall(encode(["cannot_serve", str(error)]))
            return 1
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    return 0


def _settle(orders: Orders) -> Any:
    """Become what the supervisor is, with its log; hand nothing on to programs.

    Returns:
        A reactor as the supervisor's.
    """
    for descriptor in range(CONVERSATION, FIRST_SOCKET + len(orders.sockets)):
        os.set_inheritable(descriptor, False)
    os.environ.pop("PYTHONPATH", None)
    if orders.path is not None:
        os.environ["PYTHONPATH"] = orders.path
    importlib.import_module(orders.reactor).install()
    from twisted.internet import reactor

    pipe = open(os.dup(_STANDARD_OUTPUT), "wb")  # noqa: SIM115 - as long as the process
    globalLogBeginner.beginLoggingTo([LineObserver(Lines(reactor, pipe, moment=MOMENT))])
    return reactor


def _start(orders: Orders, connection: socket.socket, reactor: Any) -> FTPService:
    """Serve, and say so.

    Raises:
        ConfigError: The settings cannot be used.
        StartError: It cannot listen.
    """
    stop = partial(_stop, reactor)
    verbs: dict[str, Callable[..., Any]] = {}
    supervisor = Conversation(reactor, verbs, stop)
    bounded = orders.settings.guard.sessions_per_user > 0
    door = SharedDoor(reactor, supervisor, asks_for_users=bounded)
    borrowing = Borrowing(supervisor)
    anonymous = borrowing if orders.settings.anonymous.sessions else Places(0)
    take_turns_with(borrowing.turn)
    WRITE_LOCKS.share(LOCKS)
    endpoints = [Given(reactor, at, each) for at, each in enumerate(orders.sockets)]
    shared = Shared(door, endpoints, anonymous, cleans=orders.first)
    service = make_service(orders.settings, reactor, shared)
    verbs |= {**door.verbs, "reload": service.reload, "stop": stop}
    for at, queue in enumerate(each for each in service if ISharesQueue.providedBy(each)):
        queue.leave_sending_to(partial(supervisor.tell, "posted", at))
    converse(reactor, connection, supervisor)
    service.privilegedStartService()
    service.startService()
    reactor.callWhenRunning(_heed, reactor, stop)
    reactor.callWhenRunning(supervisor.tell, "serves")
    return service


def _heed(reactor: Any, stop: Callable[[], None]) -> None:
    """End at SIGTERM, in place of Twisted's way, which takes a second one for a mistake.

    Some send it to all processes of a service (systemd does), and the supervisor says so, too.
    """
    signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(stop))


def _stop(reactor: Any) -> None:
    """End, if that has not begun yet: sessions are told."""
    with suppress(ReactorNotRunning):
        reactor.stop()


@implementer(IStreamServerEndpoint)
class Given:
    """An endpoint that is open already.

    Args:
        reactor: What accepts connections.
        at: Which of those that the worker was given.
        listening: What is known of it.
    """

    def __init__(self, reactor: Any, at: int, listening: Listening) -> None:
        self._reactor = reactor
        self._descriptor = FIRST_SOCKET + at
        self._listening = listening

    def listen(self, protocolFactory: Any) -> Deferred[IListeningPort]:  # noqa: N803
        """Accept connections from now on, beside everybody else who does."""
        about = self._listening
        port = self._reactor.adoptStreamPort(self._descriptor, about.family, protocolFactory)
        # Twisted has asked for fewer to wait than the operator may have.
        with socket.socket(fileno=self._descriptor) as given:
            given.listen(about.backlog)
        return succeed(port)
