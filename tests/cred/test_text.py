"""Checkers that want names and passwords as text."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail
from twisted.protocols.ftp import FTPShell, IFTPShell, SystemFTPRealm
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.cred.text import TextChecker


def portal() -> Portal:
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser("root", "gehe!m ü")
    return Portal(SystemFTPRealm("/nowhere"), [TextChecker(checker)])


def log_in(name: bytes, password: bytes) -> FTPShell:
    results = []
    portal().login(UsernamePassword(name, password), None, IFTPShell).addBoth(results.append)
    (result,) = results
    if isinstance(result, tuple):
        return result[1]
    result.raiseException()
    raise AssertionError


def test_it_is_a_checker() -> None:
    assert verifyObject(ICredentialsChecker, TextChecker(portal()))
    assert portal().listCredentialsInterfaces() == [IUsernamePassword]


def test_octets_become_text_and_so_is_the_name_of_the_avatar() -> None:
    assert log_in(b"root", "gehe!m ü".encode()).filesystemRoot.path == "/root"


@pytest.mark.parametrize(
    ("name", "password"),
    [(b"root", b"wrong"), (b"nobody knows", b"x"), (b"\xff", b"x"), (b"root", b"gehe!m \xfc")],
)
def test_others_are_not_let_in(name: bytes, password: bytes) -> None:
    with pytest.raises(UnauthorizedLogin):
        log_in(name, password)


def test_a_checker_may_take_its_time() -> None:
    later: Deferred[str] = Deferred()

    @implementer(ICredentialsChecker)
    class Slow:
        credentialInterfaces = (IUsernamePassword,)

        def requestAvatarId(self, credentials: UsernamePassword) -> Deferred[str]:
            return later if credentials.username == "bob" else fail(UnauthorizedLogin())

    results: list[object] = []
    TextChecker(Slow()).requestAvatarId(UsernamePassword(b"bob", b"")).addBoth(results.append)
    assert results == []
    later.callback("bob the text")
    assert results == ["bob the text"]
