"""Checkers that were written for ``twisted.protocols.ftp``, which gives them text."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred
from zope.interface import implementer


@implementer(ICredentialsChecker)
class TextChecker:
    """A checker of names and passwords that wants both as text.

    Cred declares them as octets, and this server gives them so. Twisted's own FTP server gives
    text; then the avatar's name is text as well, as ``SystemFTPRealm`` needs it.

    Args:
        checker: The one that wants text; it must be for ``IUsernamePassword``.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, checker: ICredentialsChecker) -> None:
        self._checker = checker

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """See :class:`twisted.cred.checkers.ICredentialsChecker`.

        It fails with :exc:`~twisted.cred.error.UnauthorizedLogin` also if the name or the
        password is no text in UTF-8.
        """
        try:
            name, password = credentials.username.decode(), credentials.password.decode()
        except UnicodeDecodeError:
            return fail(UnauthorizedLogin())
        given = UsernamePassword(name, password)
        return maybeDeferred(self._checker.requestAvatarId, given)
