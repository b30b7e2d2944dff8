"""Names and password hashes in a plain file, as ``htpasswd`` writes it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ftptls.cred.passwords import DUMMY, Cost, HashError, Hashing, check_hash, load, verify
from ftptls.cred.rereading import Rereading, whole_lines
from ftptls.interfaces import INeedsThreads, IWorkers

_KEY = secrets.token_bytes(16)  # so that nobody can say whose hash serves for which name

_log = Logger(namespace="ftptls")


class Users:
    """Who is in the file.

    Args:
        hashes: By name, as octets; case counts.
    """

    def __init__(self, hashes: Mapping[bytes, str]) -> None:
        self._hashes = hashes
        self._names = tuple(hashes)

    def verify(self, name: bytes, password: bytes, cost: Cost) -> bool:
        """Whether it is the password of this user; no faster for a name that nobody has."""
        known = name in self._hashes
        stored = self._hashes[name] if known else self._decoy(name)
        return verify(password, stored, cost, upgrade=False).ok and known

    def _decoy(self, name: bytes) -> str:
        """For an unknown name a user's hash, always the same one: they may differ in work."""
        if not self._names:
            return DUMMY
        digest = hashlib.blake2b(name[:1024], key=_KEY, digest_size=8).digest()
        return self._hashes[self._names[int.from_bytes(digest) % len(self._names)]]


def parse(text: str) -> tuple[Users, list[str]]:
    """The users of a file: ``name:hash`` on each line; blank ones and ``#`` tell nothing.

    Returns:
        They, and what is weak about some of the hashes.

    Raises:
        ValueError: A line is damaged or not whole, or a name is there twice; says which one
            and why.
        MissingExtraError: The libraries that verify hashes are not installed.
    """
    hashes: dict[bytes, str] = {}
    weak: list[str] = []
    for number, line in enumerate(whole_lines(text), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, stored = line.rstrip().partition(":")
        if not (name and colon):
            raise ValueError(f"line {number}: it is not name:hash")
        octets = name.encode()
        if octets in hashes:
            raise ValueError(f"line {number}: the name is there twice")
        try:
            weakness = check_hash(stored)
        except HashError as error:
            raise ValueError(f"line {number}: {error}") from None
        hashes[octets] = stored
        if weakness:
            weak.append(f"line {number}: {weakness}")
    return Users(hashes), weak


@implementer(ICredentialsChecker, INeedsThreads)
class HtpasswdChecker:
    """Checks names and passwords against a file, which is read again when it changes.

    A file that is damaged, half written or gone changes nothing: who was in it may log in
    until there is a whole one, and the log says what is wrong. An empty file is whole.

    Args:
        path: The file; names in it are in UTF-8.
        hashing: Where passwords are verified; by default threads of its own.

    Raises:
        OSError: The file cannot be read.
        ValueError: It cannot be used.
        MissingExtraError: The libraries that verify hashes are not installed.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, path: str | os.PathLike[str], hashing: Hashing | None = None) -> None:
        load()
        self._hashing = hashing
        self._path = os.path.abspath(path)
        self._told = ""
        self._file = Rereading(self._path, self._parse)

    def use(self, reactor: Any, workers: IWorkers) -> None:
        """See :meth:`ftptls.interfaces.INeedsThreads.use`."""
        self._hashing = self._hashing or Hashing(reactor)

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        """The name, if the password is its.

        Returns:
            A Deferred that fails with ``UnauthorizedLogin``, or with
            :class:`~ftptls.errors.BusyError`.
        """
        return Deferred.fromCoroutine(self._check(credentials.username, credentials.password))

    async def _check(self, name: bytes, password: bytes) -> bytes | tuple[()]:
        if self._hashing is None:
            raise RuntimeError("There are no threads to verify passwords on: call use() first.")
        if not await self._hashing.run(self._verify, name, password, self._hashing.cost):
            raise UnauthorizedLogin
        return name

    def _verify(self, name: bytes, password: bytes, cost: Cost) -> bool:
        return self._file.content().verify(name, password, cost)

    def _parse(self, text: str) -> Users:
        users, weak = parse(text)
        news = "; ".join(weak[:3]) + ("; and more" if len(weak) > 3 else "")
        if news and news != self._told:
            _log.warn("ftptls: {path}: {news}", path=self._path, news=news)
        self._told = news
        return users
