"""The realm of the user store: what each user is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import Interface, implementer

from ftptls.cred.realm import user_name
from ftptls.interfaces import IFilesystem, IProtection, IWorkers
from ftptls.session import Session
from ftptls.settings.rights import Rights
from ftptls.store.records import User
from ftptls.store.users import Users
from ftptls.vfs.rights import Restricted

Clock = Callable[[], datetime]
_Avatar = tuple[Any, Any, Callable[[], None]]


class StoredName(bytes):
    """The avatar id of a user of the store: without his record he is nobody."""

    __slots__ = ()


@implementer(IProtection)
class StoreAvatar:
    """A user's files, and how his policy differs.

    Args:
        filesystem: The files.
        policy: See :class:`ftptls.interfaces.IProtection`.
    """

    def __init__(self, filesystem: IFilesystem, policy: Mapping[str, Any]) -> None:
        self._filesystem = filesystem
        self.policy = policy

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
    """

    _log = Logger(namespace="ftptls")

    def __init__(
        self,
        users: Users,
        lookups: IWorkers,
        rooted: Callable[[str], IRealm],
        fallback: IRealm,
        clock: Clock,
    ) -> None:
        self._users = users
        self._lookups = lookups
        self._rooted = rooted
        self._fallback = fallback
        self._clock = clock

    def requestAvatar(
        self,
        avatarId: bytes | str | tuple[()],  # noqa: N803
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
        return Deferred.fromCoroutine(self._avatar(avatarId, mind))

    async def _avatar(self, avatar_id: bytes | str | tuple[()], mind: object) -> _Avatar:
        user = None
        if avatar_id != ANONYMOUS:
            user = await self._lookups.run(self._users.find, user_name(avatar_id))
        if user is None and isinstance(avatar_id, StoredName):
            raise UnauthorizedLogin("removed a moment ago")
        realm = self._fallback
        if user is not None:
            self._refuse_barred(user, mind)
            realm = realm if user.home is None else self._rooted(user.home)
        request: Any = realm.requestAvatar  # a realm may answer at once
        found: _Avatar = await maybeDeferred(request, avatar_id, mind, IFilesystem)
        if user is None:
            return found
        _, inner, logout = found
        return IFilesystem, _avatar_of(user, inner), logout

    def _refuse_barred(self, user: User, mind: object) -> None:
        here = mind.peers.client if isinstance(mind, Session) else ""
        objection = user.objection(self._clock(), here)
        if objection:
            report_barred(self._log, user, objection)
            raise UnauthorizedLogin("not now, or not from there")


def report_barred(log: Logger, user: User, objection: str) -> None:
    """Tell the operator why somebody is not let in who has proven to be who he is."""
    log.info(
        "Login refused, although the proof was right: {user!r}: {objection}.",
        user=user.name,
        objection=objection,
    )


def _avatar_of(user: User, inner: Any) -> StoreAvatar:
    filesystem = IFilesystem(inner)
    if user.rights:
        filesystem = Restricted(filesystem, Rights(user.rights))
    policy = inner.policy if IProtection.providedBy(inner) else {}
    return StoreAvatar(filesystem, {**policy, **user.policy})
