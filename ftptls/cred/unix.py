"""Avatars that are users of the operating system, whoever has checked that they are."""

from __future__ import annotations

import pwd
from dataclasses import dataclass

from twisted.cred.error import UnauthorizedLogin
from twisted.logger import Logger

from ftptls.cred import pam
from ftptls.interfaces import IWorkers
from ftptls.settings import Unix
from ftptls.vfs.owners import Owner

_log = Logger(namespace="ftptls")


@dataclass(frozen=True, slots=True)
class UnixUser:
    """A user of the operating system.

    Attributes:
        owner: His numbers.
        home: His home folder.
    """

    owner: Owner
    home: str


class UnixUsers:
    """Finds the user of the operating system as whom somebody acts who is logged in.

    His name must be exactly what the system calls him, for rules are about names. A user whom
    the settings refuse has proven to be who he is, so the log says why.

    Args:
        settings: Who is refused.
        workers: Threads to ask on: a directory service, or PAM, may be slow.

    Raises:
        MissingExtraError: A service of PAM is to be asked, and its library is not installed.
    """

    def __init__(self, settings: Unix, workers: IWorkers) -> None:
        if settings.account_service:
            pam.load()
        self._settings = settings
        self._workers = workers

    async def find(self, name: str, address: str = "", *, anonymous: bool = False) -> UnixUser:
        """The user of this name.

        Args:
            name: Of the avatar.
            address: Where he is, for PAM.
            anonymous: He is anonymous; his name does not matter then.

        Raises:
            UnauthorizedLogin: There is none, or he may not log in.
            PAMError: PAM could not decide whether he may.
        """
        if anonymous:
            return await self._workers.run(self._anonymous)
        return await self._workers.run(self._find, name, address)

    def _anonymous(self) -> UnixUser:
        user = look_up(self._settings.anonymous)
        if user is None or user.owner.uid == 0:
            raise _refusal(self._settings.anonymous, "unix.anonymous names nobody who may be used")
        return user

    def _find(self, name: str, address: str) -> UnixUser:
        user = look_up(name)
        if user is None:
            raise _refusal(name, "there is no user of this machine who is called so")
        uid, least = user.owner.uid, self._settings.minimum_uid
        if uid < least:
            raise _refusal(name, f"the number of the user, {uid}, is below unix.minimum_uid")
        service = self._settings.account_service
        if service:
            pam.check_account(service, name.encode("utf-8", "surrogateescape"), address)
        return user


def look_up(name: str) -> UnixUser | None:
    """The user whom the system calls exactly so. This blocks."""
    try:
        found = pwd.getpwnam(name)
        owner = Owner.of(found)
    except (KeyError, ValueError):  # ValueError: no name, such as one with a NUL, or no number
        return None
    if found.pw_name != name:  # some directories do not care about case
        return None
    return UnixUser(owner, found.pw_dir)


def _refusal(name: str, reason: str) -> UnauthorizedLogin:
    _log.warn("Login refused: {name}: {reason}.", name=ascii(name), reason=reason)
    return UnauthorizedLogin(reason)
