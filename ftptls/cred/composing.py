"""Several checkers for one portal, which holds only one for each kind of credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Interface, implementer

from ftptls.cred.x509 import Both
from ftptls.interfaces import ICertificateAndPassword, IX509Credentials


@implementer(ICredentialsChecker)
class AnyOf:
    """Several checkers for the same kind of credentials: the first that accepts wins.

    Args:
        interface: The kind.
        checkers: Who is asked, in this order.
    """

    def __init__(self, interface: type[Interface], checkers: Sequence[Any]) -> None:
        self.credentialInterfaces = (interface,)
        self._checkers = checkers

    def requestAvatarId(self, credentials: Any) -> Any:
        """Ask one checker after the other; one may answer at once, as Cred allows."""
        if len(self._checkers) == 1:
            return self._checkers[0].requestAvatarId(credentials)
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: Any) -> bytes | tuple[()]:
        for checker in self._checkers:
            try:
                avatar: bytes | tuple[()] = await maybeDeferred(
                    checker.requestAvatarId, credentials
                )
            except LoginFailed:
                continue
            return avatar
        raise UnauthorizedLogin


def compose(checkers: Iterable[ICredentialsChecker]) -> Iterator[ICredentialsChecker]:
    """One checker for each kind of credentials that any of these looks at.

    Where certificates and passwords are checked, but by different ones, they are also
    checked together (:class:`~ftptls.cred.x509.Both`), behind those that do that themselves.

    Args:
        checkers: Any, of Cred.
    """
    by_interface: dict[type[Interface], list[Any]] = {}
    for checker in checkers:
        for interface in checker.credentialInterfaces:
            by_interface.setdefault(interface, []).append(checker)
    composed = {interface: AnyOf(interface, several) for interface, several in by_interface.items()}
    certificates = by_interface.get(IX509Credentials, [])
    passwords = by_interface.get(IUsernamePassword, [])
    together = by_interface.get(ICertificateAndPassword, [])
    alone = [each for each in certificates + passwords if not any(each is one for one in together)]
    if certificates and passwords and alone:
        both = Both(composed[IX509Credentials], composed[IUsernamePassword])
        composed[ICertificateAndPassword] = AnyOf(ICertificateAndPassword, [*together, both])
    yield from composed.values()
