"""The realm of the user store: what each user is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import Interface, implementer

from ftptls.cred.realm import LocalRealm, user_name
from ftptls.interfaces import IFilesystem, IProtection, IRevocable, IWorkers
from ftptls.session import Session
from ftptls.settings.rights import Rights
from ftptls.store.records import User
from ftptls.store.users import Users
from ftptls.store.watch import Clock, Watch, Watched
from ftptls.vfs.rights import Restricted

_Avatar = tuple[Any, Any, Callable[[], None]]
_AvatarId = bytes | str | tuple[()]

_log = Logger(namespace="ftptls")


class StoredName(bytes):
    """The avatar id of a user of a store: without his record there he is nobody.

    Args:
        name: The name, in UTF-8.
        users: The store.
    """

    users: Users

    def __new__(cls, name: bytes, users: Users) -> Self:
        """The name."""
        made = super().__new__(cls, name)
        made.users = users
        return made


@implementer(IProtection, IRevocable)
class StoreAvatar:
    """A user's files, how his policy differs, and when he is barred.

    Args:
        filesystem: The files.
        policy: See :class:`ftptls.interfaces.IProtection`.
        user: His record, with what his groups say.
        login: His present login.
    """

    def __init__(
        self, filesystem: IFilesystem, policy: Mapping[str, Any], user: User, login: Watched
    ) -> None:
        self._filesystem = filesystem
        self._login = login
        self.policy = policy
        self.user = user

    def when_revoked(self, end: Callable[[str], object]) -> None:
        """See :meth:`ftptls.interfaces.IRevocable.when_revoked`."""
        self._login.when_revoked(end)

    def __conform__(self, interface: type[Interface]) -> IFilesystem | None:
        return self._filesystem if interface is IFilesystem else None


@implementer(IRealm)
class StoreRealm:
    """Gives the users of a store their folders, with their rights and policies.

    A user is refused here, too, if he may not log in now, or not from where he is: whoever
    checked his password may not know of that. That takes the session as Cred's *mind*, as
    the server passes it.

    Args:
        users: The store.
        lookups: Threads to ask it on.
        rooted: Makes a realm that gives a folder, in which ``{user}`` stands for the name.
        fallback: For users without a folder of their own, and for those of other checkers
            who are not in the store.
        clock: The present time, with a time zone.
        watch: What looks after those who are logged in.
    """

    def __init__(
        self,
        users: Users,
        lookups: IWorkers,
        rooted: Callable[[str], IRealm],
        fallback: IRealm,
        clock: Clock,
        watch: Watch,
    ) -> None:
        self._users = users
        self._lookups = lookups
        self._rooted = rooted
        self._fallback = fallback
        self._clock = clock
        self._watch = watch

    def requestAvatar(
        self,
        avatarId: _AvatarId,  # noqa: N803
        mind: object,
        *interfaces: Any,
    ) -> Deferred[_Avatar]:
        """The files of a user who has proven to be one.

        Args:
            avatarId: What the checker said.
            mind: The session.
            interfaces: What is asked for; must contain ``IFilesystem``.

        Returns:
            A Deferred of ``(IFilesystem, avatar, logout)``; it fails with
            ``UnauthorizedLogin`` if the user may not log in, or has no folder.

        Raises:
            NotImplementedError: Only ``IFilesystem`` is available.
        """
        if IFilesystem not in interfaces:
            raise NotImplementedError("StoreRealm gives an IFilesystem and nothing else")
        return Deferred.fromCoroutine(self._avatar(avatarId, mind, interfaces))

    async def _avatar(self, avatar_id: _AvatarId, mind: object, interfaces: Any) -> _Avatar:
        stored = isinstance(avatar_id, StoredName)
        elsewhere = isinstance(avatar_id, StoredName) and avatar_id.users is not self._users
        if elsewhere or avatar_id == ANONYMOUS:
            return await _requested(self._fallback, avatar_id, mind, interfaces)
        name = user_name(avatar_id)
        here = mind.peers.client if isinstance(mind, Session) else ""
        login = self._watch.enter(name, here, stored=stored)
        try:
            user = await self._lookups.run(self._users.find, name)
            login.know(user, first=True)
            if user is not None:
                self._refuse_barred(user, here)
                realm = self._fallback if user.home is None else self._rooted(user.home)
                realm = await self._counted(realm, user)
                found = await _requested(realm, avatar_id, mind, interfaces)
                return _as_stored(user, login, found)
            if stored:
                raise UnauthorizedLogin("removed a moment ago")
        except BaseException:
            login.leave()
            raise
        login.leave()
        return await _requested(self._fallback, avatar_id, mind, interfaces)

    async def _counted(self, realm: IRealm, user: User) -> IRealm:
        """A realm where storage is counted for the user and his groups, if it is at all."""
        if not isinstance(realm, LocalRealm) or realm.quotas is None:
            return realm
        accounts = await self._lookups.run(self._users.quotas, user.name)
        if not accounts:
            raise UnauthorizedLogin("removed a moment ago")
        return realm.with_accounts(realm.quotas.accounts(accounts[0], accounts[1:]))

    def _refuse_barred(self, user: User, here: str) -> None:
        objection = user.objection(self._clock(), here)
        if objection:
            report_barred(user, objection)
            raise UnauthorizedLogin("not now, or not from there")


def report_barred(user: User, objection: str) -> None:
    """Tell the operator why somebody is not let in who has proven to be who he is."""
    _log.info(
        "Login refused, although the proof was right: {user}: {objection}.",
        user=ascii(user.name),
        objection=objection,
    )


async def _requested(realm: IRealm, avatar_id: _AvatarId, mind: object, interfaces: Any) -> _Avatar:
    request: Any = realm.requestAvatar  # a realm may answer at once
    found: _Avatar = await maybeDeferred(request, avatar_id, mind, *interfaces)
    return found


def _as_stored(user: User, login: Watched, found: _Avatar) -> _Avatar:
    """What a realm gives, and what the record of the user makes of it."""
    _, inner, logout = found
    filesystem = IFilesystem(inner)
    if user.rights:
        filesystem = Restricted(filesystem, Rights(user.rights))
    policy = inner.policy if IProtection.providedBy(inner) else {}

    def log_out() -> None:
        login.leave()
        logout()

    return IFilesystem, StoreAvatar(filesystem, {**policy, **user.policy}, user, login), log_out
