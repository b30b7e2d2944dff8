"""Checkers from the strings of ``--auth``."""

from __future__ import annotations

from twisted.cred.checkers import (
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.strcred import makeChecker


def make_checker(description: str) -> ICredentialsChecker:
    """A credentials checker from a Cred string, for names and passwords as octets.

    Args:
        description: Such as ``memory:alice:secret``, ``file:/etc/ftptls.passwd`` or
            ``anonymous``.

    Raises:
        twisted.cred.strcred.StrcredException: The string is of no known kind.
    """
    checker: ICredentialsChecker = makeChecker(description)
    return accept_octets(checker)


def accept_octets(checker: ICredentialsChecker) -> ICredentialsChecker:
    """Repair a checker that Twisted's ``memory:`` made, in place.

    Cred declares names and passwords as octets, but the ``memory:`` plugin
    stores the text of its argument, which equals no octets: every login fails.
    """
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        users = {_octets(name): _octets(password) for name, password in checker.users.items()}
        checker.users = users
    return checker


def _octets(text: bytes | str) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
