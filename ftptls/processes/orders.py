"""What a worker is told before it begins."""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import dataclass

from ftptls.settings import Settings

_LENGTH = struct.Struct("!I")

# Descriptors of a worker, above its standard ones: the conversation with its supervisor, the
# file whose locks workers hold against each other, and then the listening sockets.
CONVERSATION, LOCKS, FIRST_SOCKET = 3, 4, 5


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens.

    Attributes:
        family: Of its address.
        backlog: How many connections may wait in it.
    """

    family: int
    backlog: int


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that a worker cannot find out by itself.

    They are those that the supervisor was started with, not what is in the files now: so all
    workers do the same, also one that is started later. Nothing of it shows in a list of
    processes.

    Attributes:
        settings: What to serve.
        sockets: Those that it is given, from :data:`FIRST_SOCKET` on.
        reactor: The module of the reactor that the supervisor has.
        path: Where Python modules are found (``PYTHONPATH``), as it was before the worker got
            that of the supervisor; ``None`` if there was none.
        first: Whether it does what one worker has to do for all.
    """

    settings: Settings
    sockets: tuple[Listening, ...]
    reactor: str
    path: str | None
    first: bool

    def send(self, connection: socket.socket) -> None:
        """Write them to a new worker; it reads them before anything else.

        Raises:
            OSError: It does not.
        """
        octets = pickle.dumps(self)
        connection.sendall(_LENGTH.pack(len(octets)) + octets)

    @staticmethod
    def receive(connection: socket.socket) -> Orders:
        """Wait for them.

        Raises:
            EOFError: The supervisor is gone.
        """
        (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
        orders = pickle.loads(_exactly(connection, length))  # noqa: S301 - of our own parent
        assert isinstance(orders, Orders)  # noqa: S101
        return orders


def _exactly(connection: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length:
        more = connection.recv(length - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets
