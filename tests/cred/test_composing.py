"""Several checkers, ours and other people's, for one portal."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import (
    ANONYMOUS,
    AllowAnonymousAccess,
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import (
    Anonymous,
    IAnonymous,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import LoginDenied, UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftptls.cred import CertificateAndPassword, LocalRealm
from ftptls.cred.composing import compose
from ftptls.cred.mappers import Field
from ftptls.cred.x509 import X509Checker
from ftptls.interfaces import ICertificateAndPassword, IFilesystem, IX509Credentials
from ftptls.workers import InlineWorkers

from .conftest import ask, called, shown

ALICE = called("alice")
BY_CERTIFICATE = X509Checker([Field("cn")])
# As other people's programs have them, and as they are.
BY_PASSWORD = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret", bob=b"hidden")


def both(name: str, password: str, *chain) -> CertificateAndPassword:
    return CertificateAndPassword(shown(name, *(chain or (ALICE,))), password.encode())


def password(name: str, password: str) -> UsernamePassword:
    return UsernamePassword(name.encode(), password.encode())


def composed(*checkers) -> dict:
    """The composed checkers by what they look at."""
    found = {}
    for each in compose(checkers):
        assert verifyObject(ICredentialsChecker, each)
        (interface,) = each.credentialInterfaces
        assert interface not in found
        found[interface] = each
    return found


@implementer(ICredentialsChecker)
class Recorder:
    """A checker that says what it was told, and remembers who asked."""

    def __init__(self, answer, *interfaces) -> None:
        self.credentialInterfaces = interfaces or (IUsernamePassword,)
        self._answer = answer
        self.asked: list[object] = []

    def requestAvatarId(self, credentials):
        self.asked.append(credentials)
        return self._answer() if callable(self._answer) else self._answer


def test_a_certificate_and_a_password_of_two_checkers():
    made = composed(BY_CERTIFICATE, BY_PASSWORD)[ICertificateAndPassword]
    assert ask(made, both("alice", "secret")) == b"alice"
    for name, secret in (("alice", "wrong"), ("alice", "hidden"), ("alice", ""), ("bob", "hidden")):
        assert ask(made, both(name, secret)) is None
    assert ask(made, both("bob", "hidden", called("bob"))) == b"bob"
    assert ask(made, both("bob", "secret", called("bob"))) is None


def test_without_the_right_certificate_no_password_is_checked():
    passwords = Recorder(b"alice")
    made = composed(BY_CERTIFICATE, passwords)[ICertificateAndPassword]
    assert ask(made, both("alice", "secret", called("mallory"))) is None
    assert passwords.asked == []
    assert ask(made, both("alice", "secret")) == b"alice"
    assert len(passwords.asked) == 1


def test_the_password_checker_says_whose_avatar_it_is():
    made = composed(BY_CERTIFICATE, Recorder(b"uid=alice,dc=example"))[ICertificateAndPassword]
    assert ask(made, both("alice", "secret")) == b"uid=alice,dc=example"


def test_one_alone_makes_no_two():
    assert set(composed(BY_CERTIFICATE)) == {IX509Credentials}
    assert IUsernamePassword in composed(BY_PASSWORD)
    assert ICertificateAndPassword not in composed(BY_PASSWORD, AllowAnonymousAccess())
    assert set(composed()) == set()


def test_a_checker_of_all_three_decides_by_itself():
    """As the user store, whose users differ in what they need."""
    store = Recorder(b"alice", IUsernamePassword, IX509Credentials, ICertificateAndPassword)
    made = composed(store)
    assert ask(made[ICertificateAndPassword], both("alice", "wrong")) == b"alice"
    (seen,) = store.asked
    assert ICertificateAndPassword.providedBy(seen)


def test_beside_such_a_one_others_are_put_together_too():
    store = Recorder(
        lambda: fail(UnauthorizedLogin()),
        *(IUsernamePassword, IX509Credentials, ICertificateAndPassword),
    )
    made = composed(store, BY_CERTIFICATE, BY_PASSWORD)[ICertificateAndPassword]
    assert ask(made, both("alice", "secret")) == b"alice"
    assert ask(made, both("alice", "wrong")) is None
    assert ICertificateAndPassword.providedBy(store.asked[0])


def test_checkers_that_cannot_be_told_apart_by_comparison():
    """Equality and hashes are a checker's own matter."""

    class Equal(Recorder):
        __hash__ = None

        def __eq__(self, other: object) -> bool:
            return True

    certificates, passwords = Equal(b"alice", IX509Credentials), Equal(b"alice", IUsernamePassword)
    together = Equal(lambda: fail(UnauthorizedLogin()), ICertificateAndPassword)
    made = composed(certificates, passwords, together)[ICertificateAndPassword]
    assert ask(made, both("alice", "secret")) == b"alice"


def test_the_first_that_accepts_wins():
    first, second, third = Recorder(b"1"), Recorder(b"2"), Recorder(b"3")
    refusing = Recorder(lambda: fail(UnauthorizedLogin()))
    made = composed(refusing, first, second, third)[IUsernamePassword]
    assert ask(made, password("alice", "x")) == b"1"
    assert [len(each.asked) for each in (refusing, first, second, third)] == [1, 1, 0, 0]


@pytest.mark.parametrize("error", [UnauthorizedLogin, LoginDenied, UnhandledCredentials])
@pytest.mark.parametrize("late", [False, True])
def test_every_way_to_refuse_leaves_it_to_the_next(error, late):
    def refuse():
        if late:
            return fail(error())
        raise error

    made = composed(Recorder(refuse), BY_PASSWORD)[IUsernamePassword]
    assert ask(made, password("alice", "secret")) == b"alice"
    assert ask(made, password("alice", "wrong")) is None


def test_a_checker_that_breaks_down_is_no_refusal():
    """The next one is not asked: who is locked out in one place might be known in another."""
    down, other = Recorder(lambda: fail(OSError("the directory is down"))), Recorder(b"alice")
    made = composed(down, other)[IUsernamePassword]
    found = []
    made.requestAvatarId(password("alice", "x")).addErrback(found.append)
    assert found[0].check(OSError)
    assert other.asked == []


@pytest.mark.parametrize(
    "answer",
    [b"alice", "alice", lambda: succeed(b"alice"), ANONYMOUS],
    ids=["octets", "text", "later", "anonymous"],
)
def test_answers_are_passed_on_as_they_are(answer):
    made = composed(Recorder(answer))[IUsernamePassword]
    given = answer() if callable(answer) else answer
    expected = given.result if isinstance(given, Deferred) else given
    assert ask(made, password("alice", "x")) == expected


def test_twisteds_own_work_unchanged(tmp_path):
    (tmp_path / "passwords").write_text("carol:third\n")
    checkers = [BY_PASSWORD, FilePasswordDB(str(tmp_path / "passwords")), AllowAnonymousAccess()]
    portal = Portal(LocalRealm(str(tmp_path), InlineWorkers()), [*compose(checkers)])
    for credentials, entered in (
        (password("alice", "secret"), True),
        (password("carol", "third"), True),
        (password("carol", "secret"), False),
        (password("nobody", ""), False),
        (Anonymous(), True),
    ):
        found = []
        portal.login(credentials, None, IFilesystem).addBoth(found.append)
        if entered:
            assert IFilesystem.providedBy(found[0][1])
        else:
            assert found[0].check(UnauthorizedLogin)
    assert IAnonymous in portal.listCredentialsInterfaces()


def test_no_credentials_show_their_password():
    assert "sesame" not in repr(both("alice", "sesame"))
