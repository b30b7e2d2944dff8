"""Names and password hashes in a plain file, as ``htpasswd`` writes it."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ftptls.cred.passwords import DUMMY, Cost, HashError, Hashing, check_hash, verify
from ftptls.interfaces import INeedsThreads, IWorkers

_LARGEST = 64 << 20  # octets
_KEPT = "its users are those from before"
_UNSETTLED = 2_000_000_000  # nanoseconds; some disks tell no finer when a file was changed


class HtpasswdError(ValueError):
    """The file cannot be used; says which line, and why."""


def parse(octets: bytes) -> tuple[dict[bytes, str], list[str]]:
    """The users of a file: ``name:hash`` on each line; blank ones and ``#`` tell nothing.

    Names are octets, and their case counts.

    Returns:
        The hash of each name, and what is weak about some of them.

    Raises:
        HtpasswdError: A line is damaged, or a name is there twice.
        MissingExtraError: The libraries that verify hashes are not installed.
    """
    users: dict[bytes, str] = {}
    weak: list[str] = []
    for number, line in enumerate(octets.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        name, colon, rest = line.partition(b":")
        if not (name and colon):
            raise HtpasswdError(f"line {number}: it is not name:hash")
        if name in users:
            raise HtpasswdError(f"line {number}: the name is there twice")
        users[name] = rest.rstrip().decode("ascii", "replace")
        try:
            weakness = check_hash(users[name])
        except HashError as error:
            raise HtpasswdError(f"line {number}: {error}") from None
        if weakness:
            weak.append(f"line {number}: {weakness}")
    return users, weak


@implementer(ICredentialsChecker, INeedsThreads)
class HtpasswdChecker:
    """Checks names and passwords against a file, which is read again when it changes.

    A file that is damaged, half written or gone changes nothing: who was in it may log in
    until there is a whole one, and the log says what is wrong. An empty file is whole.

    Args:
        path: The file.
        hashing: Where passwords are verified; by default threads of its own.

    Raises:
        HtpasswdError: The file cannot be used.
        OSError: It cannot be read.
    """

    credentialInterfaces = (IUsernamePassword,)
    _log = Logger(namespace="ftptls")

    def __init__(self, path: str | os.PathLike[str], hashing: Hashing | None = None) -> None:
        self._path = os.path.abspath(path)
        self._hashing = hashing
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(16)
        self._stamp: object = None
        self._users: Mapping[bytes, str] = {}
        self._names: tuple[bytes, ...] = ()
        self._news = self._said = ""
        self._read()
        self._say(self._news)

    def use(self, reactor: Any, workers: IWorkers) -> None:
        """See :meth:`ftptls.interfaces.INeedsThreads.use`."""
        self._hashing = self._hashing or Hashing(reactor)

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """The name, if the password is its.

        Returns:
            A Deferred that fails with ``UnauthorizedLogin``, or
            :class:`~ftptls.errors.BusyError`.
        """
        return Deferred.fromCoroutine(self._check(credentials.username, credentials.password))

    async def _check(self, name: bytes, password: bytes) -> bytes | tuple[()]:
        if self._hashing is None:
            raise RuntimeError("the checker has no threads: call use() first")
        ok, news = await self._hashing.run(self._verify, name, password, self._hashing.cost)
        self._say(news)
        if not ok:
            raise UnauthorizedLogin
        return name

    def _verify(self, name: bytes, password: bytes, cost: Cost) -> tuple[bool, str]:
        """On a thread: whether it is the password, and what the log should say."""
        with self._lock:
            news = self._refresh()
            users, names = self._users, self._names
        known = name in users
        stored = users[name if known else self._decoy(name, names)] if names else DUMMY
        return verify(password, stored, cost).ok and known, news

    def _decoy(self, name: bytes, names: tuple[bytes, ...]) -> bytes:
        """Somebody else for an unknown name, always the same: a hash like his is no news."""
        digest = hashlib.blake2b(name, key=self._key, digest_size=8).digest()
        return names[int.from_bytes(digest) % len(names)]

    def _refresh(self) -> str:
        """Read the file if it has changed; what the log should say of it."""
        try:
            self._read()
        except HtpasswdError:
            pass  # it is in the news
        except OSError as error:
            return f"{error.strerror}; {_KEPT}"
        return self._news

    def _read(self) -> None:
        with open(self._path, "rb") as file:
            info = os.fstat(file.fileno())
            stamp = info.st_mtime_ns, info.st_size, info.st_ino
            if stamp == self._stamp:
                return
            octets = file.read(_LARGEST)
        # A change that follows at once might have the same stamp.
        self._stamp = stamp if time.time_ns() - info.st_mtime_ns > _UNSETTLED else None
        try:
            users, weak = parse(octets)
        except HtpasswdError as error:
            self._news = f"{error}; {_KEPT}"
            raise
        self._users, self._names = users, tuple(users)
        self._news = "; ".join(weak[:3]) + ("; and more" if len(weak) > 3 else "")

    def _say(self, news: str) -> None:
        """To the log, once: whoever may try passwords could fill it otherwise."""
        if news and news != self._said:
            self._log.warn("The password file {path}: {news}", path=self._path, news=news)
        self._said = news
