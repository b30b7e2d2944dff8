"""Whoever is barred while he is logged in is not logged in for long."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftptls.errors import BusyError
from ftptls.interfaces import IWorkers
from ftptls.store.records import StoreError, User
from ftptls.store.users import Users

Clock = Callable[[], datetime]
Found = Mapping[str, User | None]

INTERVAL: Final = 2.0
"""Seconds between two looks into the store, while anybody is logged in."""

_log = Logger(namespace="ftptls")


class Watched:
    """One login.

    Args:
        name: Whose.
        address: Where the client is.
        stored: Whether it is over when there is no such user.
        leave: Called at its end.

    Attributes:
        leave: The login is over.
    """

    def __init__(
        self, name: str, address: str, stored: bool, leave: Callable[[Watched], None]
    ) -> None:
        self.name = name
        self._address = address
        self._stored = stored
        self._leave = leave
        self._user: User | None = None
        self._seen = False
        self._barred = ""
        self._end: Callable[[str], object] | None = None

    def know(self, user: User | None, *, first: bool = False) -> None:
        """The user as he is stored now; by a ``first`` look only what is not known better."""
        if not (first and self._seen):
            self._user, self._seen = user, True

    def objection(self, now: datetime) -> str:
        """What stands in the way of the login; empty if nothing does."""
        if self._user is None:
            return "he is there no more" if self._stored else ""
        return self._user.objection(now, self._address)

    def when_revoked(self, end: Callable[[str], object]) -> None:
        """See :meth:`ftptls.interfaces.IRevocable.when_revoked`."""
        self._end = end
        if self._barred:
            end(self._barred)

    def bar(self, objection: str) -> None:
        """The login is over, and his session is to end."""
        self._barred = objection
        self.leave()
        if self._end is not None:
            self._end(objection)

    def leave(self) -> None:
        """Watch this login no more; harmless when repeated."""
        self._leave(self)


class Watch:
    """Looks now and then whether those who are logged in still may be.

    While nobody is, it does nothing. It costs one statement, and only where something
    was changed it looks for the users.

    Args:
        reactor: For the time between two looks.
        users: The store.
        lookups: Threads to ask it on.
        clock: The present time, with a time zone.
    """

    def __init__(self, reactor: Any, users: Users, lookups: IWorkers, clock: Clock) -> None:
        self._reactor = reactor
        self._users = users
        self._lookups = lookups
        self._clock = clock
        self._logins: set[Watched] = set()
        self._next: Any = None
        self._looking = False
        self._changes: int | None = None
        self._troubled = False

    def enter(self, name: str, address: str, *, stored: bool) -> Watched:
        """Watch a login; to be called before its user is looked for, so that nothing is missed.

        Args:
            name: Whose.
            address: Where the client is.
            stored: Whether it is over when there is no such user.
        """
        login = Watched(name, address, stored, self._leave)
        self._logins.add(login)
        self._look_later()
        return login

    def _leave(self, login: Watched) -> None:
        self._logins.discard(login)
        if not self._logins and self._next is not None:
            self._next.cancel()
            self._next = None

    def _look_later(self) -> None:
        if self._logins and self._next is None and not self._looking:
            self._next = self._reactor.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        self._next = None
        self._looking = True
        Deferred.fromCoroutine(self._find_out()).addErrback(self._failed).addCallback(self._looked)

    def _looked(self, _: object) -> None:
        self._looking = False
        self._look_later()

    async def _find_out(self) -> None:
        names = {login.name for login in self._logins}
        found = await self._lookups.run(self._read, names)
        self._troubled = False
        for login in list(self._logins):
            if login.name in found:
                login.know(found[login.name])
            elif login.name not in names:
                self._changes = None  # he came while the others were looked for
        now = self._clock()
        for login in list(self._logins):
            objection = login.objection(now)
            if objection:
                login.bar(objection)

    def _read(self, names: Collection[str]) -> Found:
        """The users, if anything was changed; runs on a thread, one at a time."""
        changes = self._users.changes()
        if changes == self._changes:
            return {}
        found = {name: self._users.find(name) for name in names}
        self._changes = changes
        return found

    def _failed(self, failure: Failure) -> None:
        """Nobody is thrown out because the database does not answer."""
        if failure.check(BusyError):
            return
        if not failure.check(StoreError):
            _log.failure("unforeseen error in the watch over users", failure)
        elif not self._troubled:
            self._troubled = True
            _log.warn("Who is logged in cannot be looked after: {why}", why=failure.value)
