"""Two processes in one: conversations over a wire in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport

from ftptls.guard import Door
from ftptls.processes.conversation import Conversation
from ftptls.processes.doors import SharedDoor
from ftptls.processes.guests import Guests
from ftptls.processes.keeping import Recall


class Wire(StringTransport):
    """Carries octets to the other end a little later, as a socket does.

    Args:
        reactor: For when.
        there: The protocol at the other end.
    """

    def __init__(self, reactor: Any, there: Conversation) -> None:
        super().__init__()
        self._reactor = reactor
        self._there = there

    def write(self, data: bytes) -> None:
        """Twice in a turn arrives together."""
        if not self.value():
            self._reactor.callLater(0, self._deliver)
        super().write(data)

    def _deliver(self) -> None:
        data = self.value()
        self.clear()
        self._there.dataReceived(data)


def connect(reactor: Any, one: Conversation, other: Conversation) -> None:
    """Have two ends speak with each other."""
    one.makeConnection(Wire(reactor, other))
    other.makeConnection(Wire(reactor, one))


class AcrossDoor(SharedDoor):
    """A door behind a wire, for which the tests of the one door are repeated.

    Args:
        reactor: Of both processes.
        door: The door itself, in the other process.

    Attributes:
        guests: Who is in, as the other process knows them.
    """

    def __init__(self, reactor: Any, door: Door) -> None:
        self._door = door
        bounded = door._settings.sessions_per_user > 0
        verbs: dict[str, Any] = {}
        self.worker = Conversation(reactor, verbs, lambda: None)
        super().__init__(reactor, self.worker, asks_for_users=bounded)
        verbs |= self.verbs
        supervisor = Conversation(reactor, theirs := {}, lambda: None)
        recall = Recall(reactor)
        recall.add(supervisor)
        self.guests = Guests(
            reactor, door, recall, lambda number: supervisor.tell("make_way", number)
        )
        theirs |= self.guests.verbs
        connect(reactor, self.worker, supervisor)
        self.opened()  # the door itself is open already

    def __getattr__(self, name: str) -> Any:
        """Tests look into the door: what it remembers, who is in."""
        return getattr(self._door, name)

    def closed(self) -> None:
        """The supervisor's listeners close as well."""
        super().closed()
        self._door.closed()
