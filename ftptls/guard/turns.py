"""So many at a time for each key; others wait for their turn."""

from __future__ import annotations

import secrets

from twisted.internet.defer import Deferred, succeed


class Turns:
    """Places, so many for each key; what is idle takes no memory.

    Whose turn comes is drawn by lot. One who waits can so be kept waiting for long by others
    who come again and again, but never for ever.

    Args:
        most: How many places a key has.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, list[Deferred[None]]] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take_now(self, key: str) -> bool:
        """Take a place if there is one; whether there was."""
        taken = self._taken.get(key, 0)
        if taken >= self._most:
            return False
        self._taken[key] = taken + 1
        return True

    def take(self, key: str) -> Deferred[None]:
        """Fires when a place was taken; cancelled, it waits for none any more."""
        if self.take_now(key):
            return succeed(None)
        place: Deferred[None] = Deferred(lambda each: self._leave(key, each))
        self._waiting.setdefault(key, []).append(place)
        return place

    def give_back(self, key: str) -> None:
        """The place goes to one who waits."""
        if key in self._waiting:
            waiting = self._waiting[key]
            chosen = waiting[secrets.randbelow(len(waiting))]
            self._leave(key, chosen)
            chosen.callback(None)
            return
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]

    def _leave(self, key: str, place: Deferred[None]) -> None:
        self._waiting[key].remove(place)
        if not self._waiting[key]:
            del self._waiting[key]
