"""What workers have one of, all together: places for anonymous users, and turns at a file.

The first half is for a worker, the second for its supervisor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, DeferredLock

from ftptls.cred.places import Places
from ftptls.processes.conversation import Conversation, Verbs


class Borrowing:
    """What a worker asks for.

    Args:
        supervisor: Who is asked.
    """

    def __init__(self, supervisor: Conversation) -> None:
        self._supervisor = supervisor
        self._numbers = count(1)

    async def take(self) -> Callable[[], None]:
        """See :meth:`ftptls.cred.places.AnyPlaces.take`."""
        number = next(self._numbers)
        await self._supervisor.ask("take_place", number)
        return partial(self._supervisor.tell, "give_back", number)

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """A turn at a file, which no other worker has at the same time."""
        number = next(self._numbers)
        try:
            await self._supervisor.ask("take_turn", number, key)
            yield
        finally:
            self._supervisor.tell("give_back", number)


class Lending:
    """What is lent to all workers.

    Args:
        anonymous: Places for anonymous users.
    """

    def __init__(self, anonymous: Places) -> None:
        self.anonymous = anonymous
        self.turns: WeakValueDictionary[str, DeferredLock] = WeakValueDictionary()


class Borrowed:
    """What one worker has of it.

    Args:
        lending: What all of them have it from.
    """

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._held: dict[int, Callable[[], None]] = {}
        self._waiting: dict[int, Deferred[DeferredLock]] = {}

    @property
    def verbs(self) -> Verbs:
        """What can be asked and told. All numbers are the worker's."""
        return {
            "take_place": self._take_place,
            "take_turn": self._take_turn,
            "give_back": self._give_back,
        }

    def leave(self) -> None:
        """The worker is gone: everything is given back."""
        for number in [*self._waiting, *self._held]:
            self._give_back(number)

    async def _take_place(self, number: int) -> None:
        self._held[number] = await self._lending.anonymous.take()

    async def _take_turn(self, number: int, key: str) -> None:
        lock = self._lending.turns.setdefault(key, DeferredLock())
        self._waiting[number] = lock.acquire()
        try:
            await self._waiting[number]
        finally:
            del self._waiting[number]
        self._held[number] = lock.release

    def _give_back(self, number: int) -> None:
        if (waiting := self._waiting.get(number)) is not None:
            waiting.cancel()
        elif (held := self._held.pop(number, None)) is not None:
            held()
