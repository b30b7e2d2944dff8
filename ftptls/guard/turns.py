"""So many at a time for each key; others wait for their turn."""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredSemaphore


class Turns:
    """Places, so many for each key; what is idle takes no memory.

    Args:
        most: How many places a key has.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: dict[str, DeferredSemaphore] = {}

    def __len__(self) -> int:
        return len(self._places)

    def take(self, key: str) -> Deferred[DeferredSemaphore]:
        """Fires when a place was taken; cancelled, it waits for none any more."""
        places = self._places.setdefault(key, DeferredSemaphore(self._most))
        return places.acquire()

    def give_back(self, key: str) -> None:
        """The place goes to who waits for longest."""
        places = self._places[key]
        places.release()
        if places.tokens == self._most:
            del self._places[key]
