"""Users of the operating system: libpam and its modules, with services of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pamela
import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from ftptls.cred import make_checker
from ftptls.cred.pam import PAMChecker, PAMError, authenticate, check_account
from ftptls.errors import BusyError, MissingExtraError
from ftptls.interfaces import INeedsThreads
from ftptls.settings import Policy, Requirement, Settings
from ftptls.testing.dialogue import CLIENT, MemoryServer
from ftptls.workers import InlineWorkers, Workers
from tests.pam import Services

USERS = {"alice": "wonderland", "bob": "builder", "günther": "schlüssel"}

IN_CLEAR = Settings(
    policy=Policy(login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL)
)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services(tmp_path, USERS)
    made.use(monkeypatch)
    return made


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the log says."""
    texts: list[str] = []

    def observe(event) -> None:
        texts.append(str(formatEvent(event)))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


def accepts(service: str, name: str | bytes, password: str | bytes) -> bool:
    """Whether they are let in."""
    octets = [each if isinstance(each, bytes) else each.encode() for each in (name, password)]
    try:
        authenticate(service, *octets)
    except UnauthorizedLogin:
        return False
    return True


def test_it_is_a_checker() -> None:
    checker = PAMChecker("ftptls")
    assert verifyObject(ICredentialsChecker, checker)
    assert verifyObject(INeedsThreads, checker)
    assert isinstance(make_checker("pam:ftptls"), PAMChecker)


# Passwords


def test_the_password_must_be_right(services: Services) -> None:
    service = services.by_password("files")
    for name, password in USERS.items():
        assert accepts(service, name, password)
    for name, password in [
        ("alice", "builder"),
        ("alice", "wonderland2"),
        ("alice", "wonderlan"),
        ("alice", ""),
        ("alice", b"wonderland\0"),
        ("alice", b"x" * 100_000),
        ("Alice", "wonderland"),
        (b"alice\0", "wonderland"),
        ("", "wonderland"),
        ("carol", "builder"),
        (b"\xff", b"\xff"),
    ]:
        assert not accepts(service, name, password), name


def test_many_are_asked_at_once(services: Services) -> None:
    service = services.by_password("files")
    asked = [(name, secret) for name in USERS for secret in USERS.values()] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: accepts(service, *each), asked))
    assert answers == [USERS[name] == secret for name, secret in asked]


@pytest.mark.parametrize("code", ["auth_err", "user_unknown", "maxtries", "perm_denied"])
def test_a_refusal_is_no_news(services: Services, told: list[str], code: str) -> None:
    service = services.write("no", f"auth required pam_debug.so auth={code}")
    assert not accepts(service, "alice", "wonderland")
    assert told == []


def test_a_second_question_is_refused_an_answer(services: Services, told: list[str]) -> None:
    service = services.write("code", "auth required pam_debug.so auth=conv_err")
    assert not accepts(service, "alice", "wonderland")
    (line,) = told
    assert "PAM service code refuses the account 'alice': Conversation error" in line


def test_a_name_that_a_module_changes_is_refused(
    services: Services, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = services.by_password("files")
    monkeypatch.setattr(pamela.PamHandle, "get_item", lambda *_: "Alice")
    assert not accepts(service, "alice", "wonderland")
    (line,) = told
    assert "another name" in line


def test_a_module_is_told_where_the_user_is(services: Services) -> None:
    service = services.from_only("near", "192.0.2.1")
    authenticate(service, b"alice", b"wonderland", "192.0.2.1")
    check_account(service, b"alice", "192.0.2.1")
    for address in ("192.0.2.2", ""):
        with pytest.raises(PAMError):
            authenticate(service, b"alice", b"wonderland", address)
        with pytest.raises(PAMError):
            check_account(service, b"alice", address)


# Accounts


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("acct_expired", "User account has expired"),
        ("new_authtok_reqd", "Authentication token is no longer valid; new one required"),
        ("authtok_expired", "Authentication token expired"),
        ("perm_denied", "Permission denied"),
        ("user_unknown", "User not known to the underlying authentication module"),
        ("auth_err", "Authentication failure"),
    ],
)
def test_the_account_must_be_in_use(
    services: Services, told: list[str], code: str, words: str
) -> None:
    service = services.by_password("files", account=code)
    assert not accepts(service, "alice", "builder")
    assert told == []
    assert not accepts(service, "alice", "wonderland")
    with pytest.raises(UnauthorizedLogin):
        check_account(service, b"alice")
    assert told == [f"ftptls: PAM service files refuses the account 'alice': {words}"] * 2


def test_an_account_is_looked_at_without_a_password(services: Services) -> None:
    service = services.write(
        "accounts", "auth required pam_deny.so", "account required pam_permit.so"
    )
    check_account(service, b"alice")
    assert not accepts(service, "alice", "wonderland")
    for name in (b"", b"alice\0"):
        with pytest.raises(UnauthorizedLogin):
            check_account(service, name)


# What only the operator can repair


@pytest.mark.parametrize(
    "line",
    [
        "auth required pam_debug.so auth=authinfo_unavail",
        "auth required pam_debug.so auth=system_err",
        "auth required pam_of_another_world.so",
    ],
)
def test_a_service_that_cannot_decide_is_no_refusal(services: Services, line: str) -> None:
    with pytest.raises(PAMError):
        authenticate(services.write("broken", line), b"alice", b"wonderland")


def test_a_service_that_is_not_there_lets_nobody_in(services: Services) -> None:
    with pytest.raises(PAMError):
        authenticate("missing", b"alice", b"wonderland")
    with pytest.raises(PAMError):
        check_account("missing", b"alice")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pamela", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ftptls\[pam\]'"):
        PAMChecker("ftptls")


# The checker


def ask(checker: PAMChecker) -> list[Any]:
    """What comes of a login."""
    found: list[Any] = []
    asked = checker.requestAvatarId(UsernamePassword(b"alice", b"wonderland"))
    asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


def test_the_checker_answers_with_the_name(services: Services) -> None:
    checker = PAMChecker(services.by_password("files"), InlineWorkers())
    assert ask(checker) == [b"alice"]


def test_without_threads_it_says_so() -> None:
    (error,) = ask(PAMChecker("ftptls"))
    assert "call use() first" in str(error)


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Deferred[None]] = []

    def hold(*_: Any) -> Deferred[None]:
        waiting.append(Deferred())
        return waiting[-1]

    monkeypatch.setattr(Workers, "run", hold)
    checker = PAMChecker("ftptls")
    checker.use(None, InlineWorkers())
    answers = [ask(checker) for _ in range(73)]
    assert answers[:72] == [[]] * 72
    assert isinstance(answers[72][0], BusyError)
    for each in waiting:
        each.callback(None)
    assert answers[:72] == [[b"alice"]] * 72


# A dialogue


def log_in(server: MemoryServer, name: str, password: str) -> str:
    client = server.connect()
    client.ask(f"USER {name}", 331)
    client.send(f"PASS {password}")
    client.wait(5)
    return str(client.expect(230, 530))


def test_the_address_of_the_client_is_passed_on(services: Services) -> None:
    server = MemoryServer(settings=IN_CLEAR, tls=False)
    service = services.from_only("near", CLIENT)
    server.factory.portal.registerChecker(PAMChecker(service, InlineWorkers()))
    assert log_in(server, "alice", "any").startswith("230")
    services.from_only("near", "192.0.2.200")
    assert log_in(server, "alice", "any").startswith("530 Login is not possible now")
    server.stop()


def test_a_dialogue(services: Services, told: list[str]) -> None:
    server = MemoryServer(settings=IN_CLEAR, tls=False)
    service = services.by_password("files")
    server.factory.portal.registerChecker(PAMChecker(service, InlineWorkers()))
    assert log_in(server, "günther", "schlüssel").startswith("230")
    wrong = log_in(server, "alice", "builder")
    assert wrong == log_in(server, "carol", "builder") == "530 Login incorrect."
    services.by_password("files", account="acct_expired")
    assert log_in(server, "alice", "wonderland") == wrong
    services.write("files", "auth required pam_debug.so auth=system_err")
    assert log_in(server, "alice", "wonderland").startswith("530 Login is not possible now")
    assert not any("wonderland" in line for line in told)
    server.stop()
