"""Checkers from the strings of ``--auth``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from twisted.cred.checkers import (
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.strcred import InvalidAuthArgumentString, makeChecker

from ftptls.cred.mapfile import MapFile
from ftptls.cred.mappers import Field, Issuer, Mapper, Pins, Subjects
from ftptls.cred.x509 import X509Checker

# Up to the next colon; one with a backslash before it belongs to the part. Other backslashes
# are RFC 4514's.
_PART = re.compile(r"(?:\\:|[^:])+")

_FILES: Mapping[str, Callable[[str], Mapper]] = {
    "pins": Pins,
    "subjects": Subjects,
    "map": MapFile,
}


class AuthStringError(InvalidAuthArgumentString):
    """What is wrong with the string of ``--auth``, in a sentence without secrets."""


def make_checker(description: str) -> ICredentialsChecker:
    """A credentials checker from a Cred string, for names and passwords as octets.

    Args:
        description: Such as ``memory:alice:secret``, ``file:/etc/ftptls.passwd``,
            ``x509:cn`` or ``anonymous``.

    Raises:
        twisted.cred.strcred.StrcredException: The string is of no known kind.
        AuthStringError: It is of one of ours, and cannot be used.
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


def make_x509_checker(argument: str) -> X509Checker:
    """The checker of ``x509:``.

    Args:
        argument: What is behind it, such as ``email:pins=/etc/pins:issuer=CN=Partners``:
            mappers in the order in which they are tried, and issuers. A colon within a
            part has a backslash before it.

    Raises:
        AuthStringError: It cannot be used.
        MissingExtraError: A map file is named, and RE2 is not installed.
    """
    mappers: list[Mapper] = []
    issuers: list[Issuer] = []
    for part in _parts(argument):
        key, equals, value = part.partition("=")
        if equals and not value:
            raise AuthStringError(f"there is nothing behind {part}.")
        try:
            if key == "issuer":
                issuers.append(Issuer(value))
            elif equals:
                mappers.append(_from_file(key, value))
            else:
                mappers.append(Field(key))
        except ValueError as error:
            raise AuthStringError(f"{part} cannot be used: {error}.") from None
        except OSError as error:
            raise AuthStringError(f"cannot read {value}: {error.strerror}.") from None
    if not mappers:
        raise AuthStringError(
            "it does not say how a certificate is mapped to a user; write x509:cn, "
            "x509:email or x509:pins=FILE, for example."
        )
    return X509Checker(mappers, issuers)


def _from_file(kind: str, path: str) -> Mapper:
    if kind not in _FILES:
        raise ValueError(f"there are only {', '.join(_FILES)} and issuer to be set")
    return _FILES[kind](path)


def _parts(argument: str) -> Iterator[str]:
    for part in _PART.findall(argument):
        yield part.replace("\\:", ":")
