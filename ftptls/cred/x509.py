"""Checkers of client certificates, alone and together with a password."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from ftptls import observe
from ftptls.cred.credentials import NameAndPassword
from ftptls.cred.fields import UnusableError
from ftptls.cred.mappers import Issuer, Mapper
from ftptls.interfaces import (
    ICertificateAndPassword,
    INeedsThreads,
    IWorkers,
    IX509Credentials,
)
from ftptls.workers import InlineWorkers

# Nobody's own: what is read-only for everybody must not become one user's by a certificate.
_NOBODYS = frozenset({"anonymous", "ftp"})


@implementer(ICredentialsChecker, INeedsThreads)
class X509Checker:
    """Lets in who shows a certificate that may use the name in USER.

    TLS has verified the certificate; here it is only found out whose it is. The mappers are
    asked in their order, until one has the name. It must be the same, character by
    character.

    Args:
        mappers: From certificates to names.
        issuers: Authorities; a certificate must be below one of them. Without any, those
            that TLS trusts suffice.
    """

    credentialInterfaces = (IX509Credentials,)

    def __init__(self, mappers: Sequence[Mapper], issuers: Sequence[Issuer] = ()) -> None:
        self._mappers = tuple(mappers)
        self._issuers = tuple(issuers)
        self._workers: IWorkers = InlineWorkers()

    def use(self, reactor: Any, workers: IWorkers) -> None:
        """Read files and match expressions on these threads."""
        self._workers = workers

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """The name in USER, if the certificate may use it.

        Args:
            credentials: Of :class:`~ftptls.interfaces.IX509Credentials`.

        Returns:
            A Deferred that fails with ``UnauthorizedLogin`` if it may not; the log then
            has both names, and the client learns of neither.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, shown: Any) -> bytes | tuple[()]:
        found, reasons = await self._workers.run(self._names, shown)
        name: bytes = shown.username
        if name not in found:
            observe.certificate_refused(shown, found, reasons)
            raise UnauthorizedLogin
        return name

    def _names(self, shown: Any) -> tuple[Collection[bytes], Sequence[str]]:
        """The names that the certificate may use, at least as far as the one in USER; and why not.

        This blocks.
        """
        wanted: bytes = shown.username
        if self._issuers and not any(each.issued(shown.chain) for each in self._issuers):
            return (), ["it is not below the issuers that are accepted"]
        if wanted.lower().decode("utf-8", "replace") in _NOBODYS:
            return (), ["this name is nobody's"]
        found: dict[bytes, None] = {}
        reasons = []
        for mapper in self._mappers:
            try:
                names = mapper.names(shown.certificate)
            except UnusableError as error:
                reasons.append(str(error))
                continue
            found.update(dict.fromkeys(name.encode() for name in names))
            if wanted in found:
                break
        return found, reasons


@implementer(ICredentialsChecker)
class Both:
    """Lets in who has a certificate for the name in USER, and the password as well.

    Args:
        certificates: A checker of :class:`~ftptls.interfaces.IX509Credentials`.
        passwords: One of ``IUsernamePassword``; what it says is the avatar's id.
    """

    credentialInterfaces = (ICertificateAndPassword,)

    def __init__(self, certificates: Any, passwords: Any) -> None:
        self._certificates = certificates
        self._passwords = passwords

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Ask about the certificate, then, if it is right, about the password.

        A wrong certificate says nothing about passwords and users, however fast it is refused.
        """
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, both: Any) -> bytes | tuple[()]:
        await maybeDeferred(self._certificates.requestAvatarId, both.shown)
        name_and_password = NameAndPassword(both.username, both.password, both.shown.address)
        avatar: bytes | tuple[()] = await maybeDeferred(
            self._passwords.requestAvatarId, name_and_password
        )
        return avatar
