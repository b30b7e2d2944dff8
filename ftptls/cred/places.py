"""Places for so many anonymous users, wherever they are counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from ftptls.errors import TransientError


class AnyPlaces(Protocol):
    """Where an anonymous user is given a place."""

    async def take(self) -> Callable[[], None]:
        """One more is here; what is returned is called when he leaves.

        Raises:
            TransientError: 421, there are as many as may be.
        """


class Places:
    """Those of one process.

    Args:
        most: How many there are; 0 is any number.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: set[object] = set()

    async def take(self) -> Callable[[], None]:
        """See :meth:`AnyPlaces.take`."""
        if self._most and len(self._taken) >= self._most:
            raise TransientError(421, "Too many anonymous users are logged in; try again later.")
        place = object()
        self._taken.add(place)
        return partial(self._taken.discard, place)
