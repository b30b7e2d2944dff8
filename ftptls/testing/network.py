"""A reactor whose network and clock are in memory: nothing happens until it is told to.

::

    reactor = MemoryReactor()
    port = reactor.listenTCP(21, factory, interface="198.51.100.1")
    reactor.connectTCP("198.51.100.1", 21, client, bindAddress=("192.0.2.1", 0))
    reactor.settle()     # everything that can happen now
    reactor.advance(60)  # and everything that does within a minute

Hosts are whoever an address is given to: a connection comes from the address it is bound
to. The order of events is always the same.
"""

# ruff: noqa: N802, S104 - names that Twisted imposes; addresses in memory bind to nothing

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, cycle
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import (
    CannotListenError,
    ConnectionRefusedError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import IAddress, IConnector, IListeningPort, IReactorTCP
from twisted.internet.protocol import ClientFactory, ServerFactory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.testing.transports import MemoryTransport

_ANY = frozenset({"", "0.0.0.0", "::"})
_FIRST_EPHEMERAL = 49152
# More rounds than any dialogue needs: two ends that answer each other without end.
_MOST_ROUNDS = 5_000_000
# When a client knocks again at a door where too many wait (RFC 6298 §2.1).
_KNOCK_AGAIN = 1.0


def tcp_address(host: str, port: int) -> IPv4Address | IPv6Address:
    """The Twisted address of a numeric host."""
    if ":" in host:
        return IPv6Address("TCP", host, port)
    return IPv4Address("TCP", host, port)


@implementer(IListeningPort)
class MemoryPort:
    """A port that is listened on.

    Args:
        reactor: Whose port it is.
        host: An address, or an empty one for all.
        port: The number.
        factory: Makes a protocol for each connection.
        backlog: How many connections may wait to be accepted.
    """

    def __init__(
        self, reactor: MemoryReactor, host: str, port: int, factory: ServerFactory, backlog: int
    ) -> None:
        self._reactor = reactor
        self.host = host
        self.port = port
        self.factory = factory
        self.backlog = backlog
        self.waiting: list[MemoryTransport] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port}>"

    def startListening(self) -> None:
        """It listens from the start."""

    def stopListening(self) -> None:
        """Stop; connections that wait to be accepted are reset."""
        self._reactor.forget_port(self)
        for transport in self.waiting:
            transport.abortConnection()
        self.waiting.clear()

    def getHost(self) -> IAddress:
        """Where it listens."""
        return tcp_address(self.host or "0.0.0.0", self.port)

    def accept(self) -> bool:
        """Take everybody in who waits; whether there was anybody."""
        waiting, self.waiting = self.waiting, []
        for transport in waiting:
            protocol = self.factory.buildProtocol(transport.getPeer())
            if protocol is None:
                transport.loseConnection()
            else:
                transport.protocol = protocol
                transport.resumeProducing()
                protocol.makeConnection(transport)
        return bool(waiting)


class _Nobody:
    """For a connection that no protocol wants."""

    def dataReceived(self, data: bytes) -> None:
        """Nobody is there."""

    def connectionLost(self, reason: Failure) -> None:
        """Nobody notices."""


@implementer(IConnector)
class MemoryConnector:
    """An attempt to connect."""

    def __init__(
        self,
        reactor: MemoryReactor,
        source: str,
        target: tuple[str, int],
        factory: ClientFactory,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._source = source
        self.target = target
        self._factory = factory
        self._timeout = timeout
        self._timer: Any = None
        self._transport: MemoryTransport | None = None
        self.connecting = False

    def connect(self) -> None:
        """Try, perhaps again."""
        self.connecting = True
        self._factory.doStart()
        self._factory.startedConnecting(self)
        self._timer = self._reactor.callLater(self._timeout, self._fail, TimeoutError())

    def disconnect(self) -> None:
        """Stop trying, or close."""
        if self.connecting:
            self.stopConnecting()
        elif self._transport is not None:
            self._transport.loseConnection()

    def stopConnecting(self) -> None:
        """Stop trying."""
        self._fail(UserError())

    def getDestination(self) -> IAddress:
        """Where it connects to."""
        return tcp_address(*self.target)

    def refuse(self) -> None:
        """Nobody listens there."""
        self._fail(ConnectionRefusedError())

    def establish(self, port: MemoryPort) -> None:
        """There is a connection: the server's end waits in ``port`` to be accepted."""
        here, there = self._reactor.pair(self._source, self.target)
        there.protocol = _Nobody()
        there.pauseProducing()
        port.waiting.append(there)
        self._over()
        protocol = self._factory.buildProtocol(here.getPeer())
        self._transport = here
        here.protocol = protocol or _Nobody()
        if protocol is None:
            here.loseConnection()
        else:
            protocol.makeConnection(here)

    def _fail(self, reason: Exception) -> None:
        self._over()
        self._factory.clientConnectionFailed(self, Failure(reason))
        self._factory.doStop()

    def _over(self) -> None:
        self.connecting = False
        self._reactor.forget_attempt(self)
        if self._timer.active():
            self._timer.cancel()


@implementer(IReactorTCP)
class MemoryReactor(Clock):
    """Time and TCP in memory.

    Attributes:
        attempts: Every ``(host, port)`` that was ever connected to, also in vain.
        silent: Hosts that do not answer at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[tuple[str, int]] = []
        self.silent: set[str] = set()
        self._ports: list[MemoryPort] = []
        self._connecting: list[MemoryConnector] = []
        self._knocking: dict[MemoryConnector, float] = {}
        self._transports: list[Any] = []
        self._free = count(_FIRST_EPHEMERAL)
        self._sizes: Iterator[int] | None = None

    # --- time ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Do everything that can be done without time going by."""
        for _ in range(_MOST_ROUNDS):
            if not self.step():
                return
        raise AssertionError("it never comes to rest")

    def advance(self, amount: float) -> None:
        """Let time go by, and everything happen in its order."""
        self.settle()
        end = self.seconds() + amount
        while (next_at := self._next_at()) <= end:
            super().advance(max(0.0, next_at - self.seconds()))
            self.settle()
        super().advance(max(0.0, end - self.seconds()))
        self.settle()

    def _next_at(self) -> float:
        times = [call.getTime() for call in self.getDelayedCalls()]
        return float(min([*times, *self._knocking.values()], default=float("inf")))

    def step(self) -> bool:
        """Do one round: every end of a connection has one turn; whether there was anything."""
        done = self._next_at() <= self.seconds()
        super().advance(0)
        for connector in list(self._connecting):
            done |= self._knock(connector)
        for port in list(self._ports):
            done |= port.accept()
        for transport in list(self._transports):
            done |= transport.work()
        return done

    # --- the network -----------------------------------------------------------------------

    def listenTCP(
        self, port: int, factory: ServerFactory, backlog: int = 50, interface: str = ""
    ) -> MemoryPort:
        """Listen on a port; 0 takes a free one.

        Raises:
            CannotListenError: Somebody else does.
        """
        number = self.claim(interface, port)
        listening = MemoryPort(self, interface, number, factory, backlog)
        self.add_port(listening)
        return listening

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,  # noqa: N803
    ) -> MemoryConnector:
        """Connect, when settled; from ``host`` itself, if not bound to another address."""
        self.attempts.append((host, port))
        source = bindAddress[0] if bindAddress else ""
        connector = MemoryConnector(self, source or host, (host, port), factory, timeout)
        self._connecting.append(connector)
        connector.connect()
        return connector

    def deliver_in(self, sizes: Iterable[int] | None) -> None:
        """Cut what arrives into pieces of these sizes, over and over; None: as it comes."""
        self._sizes = None if sizes is None else cycle(sizes)

    @property
    def listeners(self) -> list[MemoryPort]:
        """The ports that are listened on."""
        return list(self._ports)

    @property
    def connections(self) -> list[Any]:
        """Every end of a connection that is open, or half so."""
        return list(self._transports)

    # --- for ports, connectors and transports ------------------------------------------------

    def piece(self, available: int) -> int:
        """How many of the octets available are delivered next."""
        return available if self._sizes is None else max(1, min(available, next(self._sizes)))

    def pair(self, source: str, target: tuple[str, int]) -> tuple[Any, Any]:
        """Both ends of a new connection: of who connects, and of who listens."""
        client, server = tcp_address(source, next(self._free)), tcp_address(*target)
        here, there = self.end(client, server), self.end(server, client)
        here.other, there.other = there, here
        self._transports += [here, there]
        return here, there

    def end(self, host: IAddress, peer: IAddress) -> Any:
        """One end of a new connection."""
        return MemoryTransport(self, host, peer)

    def forget(self, transport: Any) -> None:
        """An end is closed."""
        self._transports.remove(transport)

    def claim(self, host: str, port: int) -> int:
        """A number to listen on: ``port``, or for 0 a free one.

        Raises:
            CannotListenError: Somebody else does.
        """
        if any(each.port == port and _overlap(each.host, host) for each in self._ports):
            raise CannotListenError(host, port, OSError("address in use"))
        return port or next(self._free)

    def add_port(self, port: MemoryPort) -> None:
        """A port is listened on."""
        self._ports.append(port)
        port.factory.doStart()

    def forget_port(self, port: MemoryPort) -> None:
        """A port is not listened on any more."""
        if port in self._ports:
            self._ports.remove(port)
            port.factory.doStop()

    def forget_attempt(self, connector: MemoryConnector) -> None:
        """An attempt to connect came to its end."""
        self._connecting.remove(connector)
        self._knocking.pop(connector, None)

    def _knock(self, connector: MemoryConnector) -> bool:
        host, number = connector.target
        if host in self.silent or self._knocking.get(connector, 0) > self.seconds():
            return False
        port = next((p for p in self._ports if p.port == number and _reaches(p.host, host)), None)
        if port is None:
            connector.refuse()
        elif len(port.waiting) > port.backlog:
            self._knocking[connector] = self.seconds() + _KNOCK_AGAIN
        else:
            connector.establish(port)
        return True


def _reaches(listening: str, host: str) -> bool:
    return listening == host or (listening in _ANY and (listening == "::" or ":" not in host))


def _overlap(one: str, other: str) -> bool:
    return one == other or _reaches(one, other) or _reaches(other, one)
