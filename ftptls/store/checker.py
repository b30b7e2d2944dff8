"""The checker of the user store: by password, by certificate, or by both."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Self

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger
from zope.interface import implementer

from ftptls.cred.passwords import DUMMY, Hashing
from ftptls.cred.passwords import objection as password_objection
from ftptls.cred.realm import LocalRealm
from ftptls.errors import BusyError
from ftptls.interfaces import (
    ICertificateAndPassword,
    IGivesRealm,
    INeedsThreads,
    IWorkers,
    IX509Credentials,
)
from ftptls.settings import LoginMode
from ftptls.store.certificates import stands_for
from ftptls.store.realm import StoredName, StoreRealm, report_barred
from ftptls.store.records import StoreError, User
from ftptls.store.users import Users
from ftptls.store.watch import Clock, Watch
from ftptls.workers import BoundedWorkers

_LOOKUPS: Final = 2  # threads
_QUEUE: Final = 256

_log = Logger(namespace="ftptls")


@implementer(ICredentialsChecker, INeedsThreads, IGivesRealm)
class StoreChecker:
    """Lets in whom the user store knows, by what his login mode demands.

    A user whose record says nothing about it may log in by certificate or by password; the
    policy of the server may still demand one of them, or both. Where a certificate comes
    together with a password, both must be right.

    Whether there is a user of a name can be told neither by words nor by work: a password
    for nobody is held against the hash of somebody else, always the same one.

    The networks of a user are looked at here if the credentials tell where the client is;
    for passwords, which come without, :class:`~ftptls.store.realm.StoreRealm` does it.

    Args:
        users: The store.
        hashing: Where passwords are verified.
        lookups: Where the store is asked, and certificates are compared.
        clock: The present time, with a time zone.
    """

    credentialInterfaces = (IUsernamePassword, IX509Credentials, ICertificateAndPassword)

    def __init__(
        self,
        users: Users,
        hashing: Hashing | None = None,
        lookups: IWorkers | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.users = users
        self._hashing = hashing
        self._lookups = lookups
        self._watch: Watch | None = None
        self._clock = clock
        self._key = secrets.token_bytes(16)

    @classmethod
    def open(cls, url: str) -> Self:
        """The checker of a store that is there.

        Args:
            url: As in :meth:`ftptls.store.users.Users.open`.

        Raises:
            StoreError: There is none.
            MissingExtraError: What is needed is not installed.
        """
        return cls(Users.open(url))

    def use(self, reactor: Any, workers: IWorkers) -> None:
        """See :meth:`ftptls.interfaces.INeedsThreads.use`.

        It takes threads of its own: a flood of logins is not to keep transfers waiting. When
        the reactor ends, it closes the store.
        """
        self._hashing = self._hashing or Hashing(reactor)
        self._lookups = self._lookups or BoundedWorkers(reactor, _LOOKUPS, _QUEUE)
        self._watch = Watch(reactor, self.users, self._lookups, self._clock)
        if IReactorCore.providedBy(reactor):
            reactor.addSystemEventTrigger("after", "shutdown", self.users.close)

    def realm(self, fallback: IRealm, workers: IWorkers) -> IRealm:
        """See :meth:`ftptls.interfaces.IGivesRealm.realm`."""
        rooted = (
            fallback.with_root
            if isinstance(fallback, LocalRealm)
            else partial(LocalRealm, workers=workers)
        )
        _, lookups, watch = self._needed()
        return StoreRealm(self.users, lookups, rooted, fallback, self._clock, watch)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """The name, if what is shown proves it.

        Returns:
            A Deferred that fails with ``UnauthorizedLogin``, with
            :class:`~ftptls.errors.BusyError`, or with
            :class:`~ftptls.store.records.StoreError` if the database does not answer.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        name = _text(credentials.username)
        if ICertificateAndPassword.providedBy(credentials):
            shown = credentials.shown
            # A wrong certificate says nothing about passwords, however fast it is refused.
            if await self._by_certificate(name, shown) is None:
                raise UnauthorizedLogin
            found = await self._by_password(name, credentials.password)
            modes, address = _WITH_BOTH, shown.address
        elif IX509Credentials.providedBy(credentials):
            found = await self._by_certificate(name, credentials)
            modes, address = _WITH_CERTIFICATE, credentials.address
        else:
            found = await self._by_password(name, credentials.password)
            modes, address = _WITH_PASSWORD, None
        if found is None:
            raise UnauthorizedLogin
        self._refuse_barred(found, modes, address)
        return StoredName(found.name.encode(), self.users)

    async def _by_password(self, name: str, password: bytes) -> User | None:
        hashing, lookups, _ = self._needed()
        place = self._place(name)
        user, other = await lookups.run(self.users.find_with_decoy, name, place)
        if user is None or not user.password:
            await hashing.verify(_nobodys(password), other or DUMMY)
            return None
        verified = await hashing.verify(password, user.password)
        if not verified.ok:
            return None
        if verified.upgraded is not None:
            with suppress(BusyError):  # then at another login
                await lookups.run(self._keep, user, verified.upgraded)
        return user

    async def _by_certificate(self, name: str, shown: IX509Credentials) -> User | None:
        _, lookups, _ = self._needed()
        return await lookups.run(self._find_shown, name, shown)

    def _refuse_barred(
        self, user: User, modes: frozenset[LoginMode | None], address: str | None
    ) -> None:
        if modes is _WITH_CERTIFICATE and user.login not in modes:
            raise UnauthorizedLogin  # as usual: the password is to come
        objection = user.objection(self._clock(), address)
        if user.login not in modes:
            objection = "his login mode demands more"
        if objection:
            report_barred(user, objection)
            raise UnauthorizedLogin

    def _needed(self) -> tuple[Hashing, IWorkers, Watch]:
        if self._hashing is None or self._lookups is None or self._watch is None:
            raise RuntimeError("the checker has nothing to work with: call use() first")
        return self._hashing, self._lookups, self._watch

    def _place(self, name: str) -> int:
        """Whose hash a password is held against if nobody has the name."""
        digest = hashlib.blake2b(
            name.encode("utf-8", "surrogatepass"), key=self._key, digest_size=7
        ).digest()
        return int.from_bytes(digest)

    # on threads

    def _find_shown(self, name: str, shown: IX509Credentials) -> User | None:
        user = self.users.find(name)
        fits = user is not None and _is_his(user, shown)
        return user if fits else None

    def _keep(self, user: User, upgraded: str) -> None:
        """Store the better hash; the login does not depend on it."""
        try:
            self.users.upgrade_password(user.name, user.password, upgraded)
        except StoreError as error:
            _log.warn("The old password hash of a user was not replaced: {error}", error=error)


_WITH_PASSWORD: Final = frozenset({None, LoginMode.PASSWORD, LoginMode.EITHER})
_WITH_CERTIFICATE: Final = frozenset({None, LoginMode.CERTIFICATE, LoginMode.EITHER})
_WITH_BOTH: Final = frozenset({None, *LoginMode})


def _is_his(user: User, shown: IX509Credentials) -> bool:
    return any(stands_for(each, shown.certificate) for each in user.certificates)


def _nobodys(password: bytes) -> bytes:
    """Another password that takes the same work, so that a right guess shows in nothing."""
    unusable = bool(password_objection(password))
    return password if unusable else secrets.token_hex(len(password)).encode()[: len(password)]


def _text(name: bytes | str) -> str:
    """A name; that of nobody where the octets are not in UTF-8."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name
