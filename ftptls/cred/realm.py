"""The realm that hands out folders of the local disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any, Self

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from ftptls.coroutines import outcome
from ftptls.cred.places import AnyPlaces, Places
from ftptls.cred.unix import UnixUser, UnixUsers
from ftptls.errors import MissingExtraError
from ftptls.interfaces import IFilesystem, IWorkers
from ftptls.session import Session
from ftptls.settings import ANONYMOUS as ANONYMOUS_NAME
from ftptls.settings import Anonymous, UploadMode
from ftptls.vfs.book import Account
from ftptls.vfs.layers import Layers
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.objects.filesystem import ObjectFilesystems
from ftptls.vfs.objects.opening import StoreURLError, is_store_url, shown
from ftptls.vfs.openat2 import is_known_folder
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.owners import Owner, OwnerWorkers
from ftptls.vfs.quota import Quotas
from ftptls.vfs.rights import READ_ONLY, Restricted, Rights

_USER = "{user}"
_HOME = "{home}"

_MOST_KEPT = 1000  # users

_Avatar = tuple[Any, Any, Callable[[], None]]


def user_name(avatar_id: bytes | str | tuple[()]) -> str:
    """The text of an avatar id; checkers return octets, text or ``ANONYMOUS``."""
    if avatar_id == ANONYMOUS:
        return ANONYMOUS_NAME
    if isinstance(avatar_id, bytes):
        return avatar_id.decode("utf-8", "surrogateescape")
    return str(avatar_id)


@implementer(IRealm)
class LocalRealm:
    """Gives every user a folder of the local disk, and the anonymous one what he may have.

    ::

        portal = Portal(LocalRealm("/srv/drop/{user}", workers), [checker])

    Args:
        root: The folder, or the URL of a store. ``{user}`` in it stands for the user's name,
            and ``{home}`` for the home folder that he has on this machine; the folders must
            exist, none is made.
        workers: Where the calls that block are made.
        upload_mode: See :class:`~ftptls.vfs.local.LocalFilesystem`.
        read_only: Whether nobody may change anything.
        anonymous: What the anonymous user is given; by default he may only read.
        mounts: What else is served, by path: folders as ``root`` is one. The anonymous user
            has none of them if he has a root of his own.
        layers: What is around each folder.
        quotas: How much everybody may store; by default that is not counted.
        unix: As whom users act; by default all of them are the server itself.
        stores: Opens URLs; without, none can be served.
        umask: Permission bits that new files and directories do not get.
        options: See :class:`~ftptls.vfs.local.LocalFilesystem`.
        places: For anonymous users; by default as many as ``anonymous`` says.

    Attributes:
        quotas: The same.
    """

    _log = Logger()

    def __init__(
        self,
        root: str,
        workers: IWorkers,
        *,
        upload_mode: UploadMode = UploadMode.ATOMIC,
        read_only: bool = False,
        anonymous: Anonymous | None = None,
        mounts: Mapping[str, str] | None = None,
        layers: Layers | None = None,
        quotas: Quotas | None = None,
        unix: UnixUsers | None = None,
        stores: ObjectFilesystems | None = None,
        umask: int = 0o022,
        options: LocalOptions | None = None,
        places: AnyPlaces | None = None,
    ) -> None:
        self._root = _whole(root)
        self._stores = stores
        self._mounts = dict(mounts or {})
        self._layers = layers or Layers()
        self.quotas = quotas
        self._accounts: Sequence[Account] | None = None
        self._workers = workers
        self._upload_mode = upload_mode
        self._umask = umask
        self._options = options
        self._read_only = read_only
        self._anonymous = anonymous or Anonymous()
        self._unix = unix
        self._places = places or Places(self._anonymous.sessions)
        self._missing: set[str] = set()
        # Whether users have a folder of the disk, and nothing around it.
        self._is_plain = not (mounts or quotas or unix or read_only) and self._layers == Layers()
        self._kept: dict[bytes, LocalFilesystem] = {}

    def with_root(self, root: str) -> Self:
        """The same realm with another folder, in which ``{user}`` stands for the name, too.

        Both count the sessions of anonymous users, and complain of missing folders, together.
        """
        other = copy(self)
        other._root = _whole(root)
        other._kept = {}
        return other

    def with_accounts(self, accounts: Sequence[Account]) -> Self:
        """The same realm for users for whom these accounts must have room."""
        other = copy(self)
        other._accounts = tuple(accounts)
        return other

    def requestAvatar(
        self,
        avatarId: bytes | str | tuple[()],  # noqa: N803
        mind: object,
        *interfaces: Any,
    ) -> Deferred[_Avatar]:
        """The filesystem of a user who has proven to be one.

        Args:
            avatarId: What the checker said.
            mind: The session, from which PAM learns where the user is.
            interfaces: What is asked for; must contain ``IFilesystem``.

        Returns:
            A Deferred of ``(IFilesystem, filesystem, logout)``; it fails with
            ``UnauthorizedLogin`` if the user has no folder.

        Raises:
            NotImplementedError: Only ``IFilesystem`` is available.
        """
        if IFilesystem not in interfaces:
            raise NotImplementedError("LocalRealm gives an IFilesystem and nothing else")
        filesystem = self._at_once(avatarId)
        if filesystem is not None:
            return succeed((IFilesystem, filesystem, _logout))
        return outcome(self._avatar(avatarId, mind))

    def _at_once(self, avatar_id: bytes | str | tuple[()]) -> LocalFilesystem | None:
        """What a user was given before, if it would be no other now; None if that is not known."""
        kept = self._kept.get(avatar_id) if isinstance(avatar_id, bytes) else None
        if kept is None or not is_known_folder(kept.root):
            return None
        return kept.anew()

    def _keep(self, avatar_id: bytes, filesystem: LocalFilesystem) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[avatar_id] = filesystem.anew()

    async def _avatar(self, avatar_id: bytes | str | tuple[()], mind: object) -> _Avatar:
        anonymous = avatar_id == ANONYMOUS
        name = user_name(avatar_id)
        here = mind.peers.client if isinstance(mind, Session) else ""
        user = await self._unix.find(name, here, anonymous=anonymous) if self._unix else None
        owner = user.owner if user else None
        if anonymous and self._anonymous.root:
            root, mounts = _whole(self._anonymous.root), {}
        else:
            root = self._folder(self._root, name, user)
            mounts = {point: self._folder(each, name, user) for point, each in self._mounts.items()}
        opened = {point: await self._open(each, owner, name) for point, each in mounts.items()}
        served = await self._open(root, owner, name)
        if self._is_plain and isinstance(avatar_id, bytes) and isinstance(served, LocalFilesystem):
            self._keep(avatar_id, served)
        filesystem = self._layers.around(served, opened, self._workers)
        if self._read_only:
            filesystem = Restricted(filesystem, READ_ONLY)
        if not anonymous:
            return IFilesystem, filesystem, _logout
        filesystem = Restricted(filesystem, Rights(self._anonymous.rights))
        return IFilesystem, filesystem, await self._places.take()

    async def _open(self, folder: str, owner: Owner | None, name: str) -> IFilesystem:
        """The filesystem of a folder, which must be there; or of a store."""
        store = is_store_url(folder)
        workers = OwnerWorkers(self._workers, owner) if owner else self._workers
        if store:
            filesystem = await self._open_store(folder, owner)
        else:
            filesystem = await self._open_folder(folder, owner, name, workers)
        if self.quotas is None:
            return filesystem
        # Without links: users who share a folder share its quota.
        space = folder if store else await workers.run(os.path.realpath, folder)
        accounts = self.quotas.of(name) if self._accounts is None else self._accounts
        return self.quotas.around(filesystem, space, accounts, self._workers)

    async def _open_folder(
        self, folder: str, owner: Owner | None, name: str, workers: IWorkers
    ) -> IFilesystem:
        known = owner is None and is_known_folder(folder)
        if not known and not await workers.run(os.path.isdir, folder):
            self._complain(folder)
            raise UnauthorizedLogin("no folder for this user")
        mode = self._upload_mode
        if name == ANONYMOUS_NAME and mode is UploadMode.ATOMIC_RESUME:
            mode = UploadMode.ATOMIC  # one of them would go on with what another one began
        return LocalFilesystem(
            folder,
            self._workers,
            upload_mode=mode,
            umask=self._umask,
            owner=owner,
            user=name,
            options=self._options,
        )

    async def _open_store(self, url: str, owner: Owner | None) -> IFilesystem:
        if self._stores is not None and owner is None:
            with suppress(MissingExtraError, StoreURLError):
                return await self._stores.open(url)
        self._complain(shown(url))
        raise UnauthorizedLogin("no store for this user")

    def _folder(self, root: str, name: str, user: UnixUser | None) -> str:
        """The folder that a root with ``{user}`` and ``{home}`` is for a user."""
        _, in_home, below = root.partition(_HOME)
        if not in_home:
            return _for_user(root, name)
        if user is None or not os.path.isabs(user.home):
            self._complain(root)
            raise UnauthorizedLogin("not a user who has a home")
        # It begins at the root of the disk, whatever a relative setting was put behind.
        return user.home + _for_user(below, name)

    def _complain(self, folder: str) -> None:
        """Once for each folder; whoever has a password could fill the log otherwise."""
        if folder not in self._missing:
            self._missing.add(folder)
            self._log.error(
                "Login refused: {folder!r} is not a folder that the user can enter; "
                "make it for him.",
                folder=folder,
            )


def _whole(root: str) -> str:
    """A root that does not depend on where the server was started."""
    return root if is_store_url(root) else os.path.abspath(root)


def _for_user(root: str, name: str) -> str:
    """A folder with the user's name in its place."""
    if _USER not in root:
        return root
    # One component below the folder of all users: nothing that leads elsewhere or hides.
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise UnauthorizedLogin("not a name that can have a folder")
    return root.replace(_USER, name)


def _logout() -> None:
    """Nothing is held for an avatar between its calls."""
