"""Who is connected, and how many that are: in all, of an address, of a user."""

from __future__ import annotations

import math
from typing import Protocol

from ftptls.settings import Guard


class Place(Protocol):
    """What a connection holds of the server."""

    def give_up(self) -> None:
        """Leave it to another connection, at once."""


class Tally(dict[str, int]):
    """How many there are of each key, and in all; keys that nobody has take no memory."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def __missing__(self, key: str) -> int:
        return 0

    def add(self, key: str) -> None:
        """One more."""
        self[key] = self.get(key, 0) + 1
        self.total += 1

    def remove(self, key: str) -> None:
        """One less."""
        self.total -= 1
        left = self[key] - 1
        if left:
            self[key] = left
        else:
            del self[key]


class Waiting:
    """Those who hold a place and have not shown who they are, by address."""

    def __init__(self) -> None:
        self._present: dict[str, dict[Place, None]] = {}
        self.total = 0

    def __getitem__(self, network: str) -> int:
        return len(self._present.get(network, ()))

    def add(self, network: str, who: Place) -> None:
        """One more."""
        self._present.setdefault(network, {})[who] = None
        self.total += 1

    def remove(self, network: str, who: Place) -> None:
        """One less."""
        self.total -= 1
        present = self._present[network]
        del present[who]
        if not present:
            del self._present[network]

    @property
    def most(self) -> int:
        """How many there are of the address that has most of them."""
        return max(map(len, self._present.values()), default=0)

    def first(self) -> Place:
        """Of the address that has most of them, the one that waits for longest."""
        return next(iter(self._present[max(self._present, key=self.__getitem__)]))


class Presence:
    """Connections, and what speaks against one more.

    An empty address is one that is not counted: it is trusted, or unknown.

    Attributes:
        sessions: All connections, by address.
        waiting: Those on which nobody is logged in, but for the trusted.
        users: Logins, by user.
    """

    def __init__(self, settings: Guard) -> None:
        self._most_sessions = _most(settings.sessions)
        self._most_waiting = _most(settings.waiting)
        self._most_of_address = _most(settings.sessions_per_address)
        self._most_waiting_of_address = _most(settings.waiting_per_address)
        self._most_of_user = _most(settings.sessions_per_user)
        # While there are fewer connections in all, none of what connections may be is reached.
        self._few = min(
            self._most_sessions,
            self._most_waiting,
            self._most_of_address,
            self._most_waiting_of_address,
        )
        self.sessions = Tally()
        self.waiting = Waiting()
        self.users = Tally()

    def objection(self, network: str, trusted: bool) -> str:
        """Why one more connection is too many; empty if it is not."""
        return "" if self.sessions.total < self._few else self._objection(network, trusted)

    def _objection(self, network: str, trusted: bool) -> str:
        if network and (
            self.sessions[network] >= self._most_of_address
            or self.waiting[network] >= self._most_waiting_of_address
        ):
            return "Too many connections from your address; close some, or try again later."
        full = not trusted and self.full
        shut = full and self.waiting[network] >= self.waiting.most
        if shut or self.sessions.total >= self._most_sessions:
            return "Too many connections; try again later."
        return ""

    @property
    def full(self) -> bool:
        """Whether as many wait as may: for one more, another one has to go."""
        return self.waiting.total >= self._most_waiting

    def make_room(self) -> None:
        """Where more wait than may, one of the address that has most of them has to go.

        So nobody is kept out by others who take all places: they only displace each other.
        """
        while self.waiting.total > self._most_waiting:
            self.waiting.first().give_up()

    def has_room_for(self, user: str) -> bool:
        """Whether a user may have one more session."""
        return self.users.get(user, 0) < self._most_of_user


def _most(setting: int) -> float:
    """How many there may be, by a setting in which 0 is any number."""
    return setting or math.inf
