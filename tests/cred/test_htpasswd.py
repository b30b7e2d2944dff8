"""A password file, as it is read again and again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from twisted.logger import formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from ftptls.cred import passwords
from ftptls.cred.htpasswd import HtpasswdChecker, parse
from ftptls.cred.passwords import Cost, Hashing, Verified, hash_password
from ftptls.errors import BusyError, MissingExtraError
from ftptls.interfaces import INeedsThreads
from ftptls.settings import Policy, Requirement, Settings
from ftptls.testing.dialogue import Client, MemoryServer
from ftptls.workers import Workers

CHEAP = Cost(memory=64, passes=1)
ALICE = hash_password(b"wonderland", CHEAP)
BOB = hash_password(b"builder", CHEAP)
# openssl passwd -apr1 -salt TqI9WECO myPassword
APR1 = "$apr1$TqI9WECO$pYz4P0XYK0ExAbW8VAWyc."
FILE = f"# who may come in\n\nalice:{ALICE}\nbob:{BOB}  \r\nGünther:{BOB}\n"


IN_CLEAR = Settings(
    policy=Policy(login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL)
)


class Here(Hashing):
    """Without threads: each password is verified at once."""

    def __init__(self) -> None:
        super().__init__(None, cost=CHEAP)

    def run(self, call, *args) -> Deferred[Any]:
        return succeed(call(*args))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text(FILE)
    return path


@pytest.fixture
def told():
    """What the log says."""
    texts: list[str] = []

    def observe(event) -> None:
        texts.append(str(formatEvent(event)))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


def ask(checker: HtpasswdChecker, name: str | bytes, password: str | bytes) -> bytes | None:
    """The name, or None if the login is refused."""
    octets = [each if isinstance(each, bytes) else each.encode() for each in (name, password)]
    found: list[Any] = []
    checker.requestAvatarId(UsernamePassword(*octets)).addBoth(found.append)
    if isinstance(found[0], bytes):
        return found[0]
    assert found[0].check(UnauthorizedLogin)
    return None


def replace(path: Path, text: str) -> None:
    """As programs should: a new file takes the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def test_it_is_a_checker(file: Path) -> None:
    checker = HtpasswdChecker(file, Here())
    assert verifyObject(ICredentialsChecker, checker)
    assert verifyObject(INeedsThreads, checker)


def test_who_is_in_the_file_may_log_in(file: Path) -> None:
    checker = HtpasswdChecker(file, Here())
    assert ask(checker, "alice", "wonderland") == b"alice"
    assert ask(checker, "bob", "builder") == b"bob"
    assert ask(checker, "Günther", "builder") == "Günther".encode()
    for name, password in [
        ("alice", "builder"),
        ("Alice", "wonderland"),
        ("carol", "builder"),
        ("carol", "wonderland"),
        ("", "builder"),
        ("# who may come in", ""),
        (b"\xff\0", b"builder"),
        ("alice", ""),
        ("alice", b"wonderland\0"),
        ("alice", b"x" * 100_000),
    ]:
        assert ask(checker, name, password) is None


def test_an_unknown_name_is_the_work_of_a_known_one(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    def spy(password: bytes, stored: str, cost: Cost, *, upgrade: bool) -> Verified:
        assert not upgrade  # nobody would keep the new hash
        verified.append(stored)
        return passwords.verify(password, stored, cost, upgrade=upgrade)

    monkeypatch.setattr("ftptls.cred.htpasswd.verify", spy)
    checker = HtpasswdChecker(file, Here())
    for name in ("carol", "carol", "alice"):
        assert ask(checker, name, "wrong") is None
    assert len(verified) == 3
    assert verified[0] == verified[1] in (ALICE, BOB)
    assert verified[2] == ALICE
    replace(file, "")
    assert ask(checker, "carol", "wrong") is None
    assert verified[3:] == [passwords.DUMMY]


def test_a_change_counts_at_the_next_login(file: Path) -> None:
    checker = HtpasswdChecker(file, Here())
    replace(file, f"alice:{BOB}\ncarol:{ALICE}\n")
    assert ask(checker, "alice", "wonderland") is None
    assert ask(checker, "alice", "builder") == b"alice"
    assert ask(checker, "carol", "wonderland") == b"carol"
    assert ask(checker, "bob", "builder") is None
    replace(file, "")
    assert ask(checker, "carol", "wonderland") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FILE + "carol\n", "line 6: it is not name:hash"),
        (FILE + f":{ALICE}\n", "line 6: it is not name:hash"),
        (FILE + f"alice:{BOB}\n", "line 6: the name is there twice"),
        (FILE + "carol:\n", "line 6: not a password hash of a known form"),
        (FILE + "carol:secret\n", "line 6: not a password hash of a known form"),
        (FILE + "carol:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "line 6: not a password hash of"),
        (FILE + f"carol:{ALICE[:-25]}\n", "line 6: a damaged password hash"),
        (FILE + f"carol:{ALICE}", "line 6: it does not end; is the file half written"),
        (FILE + f"alice:{ALICE}:extra\n", "line 6: the name is there twice"),
    ],
)
def test_a_damaged_file_changes_nothing_and_is_told(
    file: Path, told: list[str], text: str, why: str
) -> None:
    checker = HtpasswdChecker(file, Here())
    replace(file, text)
    for _ in range(3):
        assert ask(checker, "alice", "wonderland") == b"alice"
        assert ask(checker, "carol", "wonderland") is None
    (line,) = [each for each in told if "users" in each]
    assert why in line
    assert str(file) in line
    assert "$argon2" not in line
    assert "secret" not in line
    replace(file, f"carol:{ALICE}\n")
    assert ask(checker, "carol", "wonderland") == b"carol"
    assert ask(checker, "alice", "wonderland") is None
    replace(file, text)
    with pytest.raises(ValueError, match=why):
        HtpasswdChecker(file)


def test_a_file_that_is_gone_changes_nothing(file: Path, told: list[str]) -> None:
    checker = HtpasswdChecker(file, Here())
    file.unlink()
    for _ in range(3):
        assert ask(checker, "alice", "wonderland") == b"alice"
    assert len([each for each in told if str(file) in each]) == 1
    with pytest.raises(FileNotFoundError):
        HtpasswdChecker(file)


@given(st.integers(min_value=1, max_value=len(FILE) - 1))
def test_half_a_line_is_never_read(size: int) -> None:
    half = FILE[:size]
    if not half.endswith("\n"):
        with pytest.raises(ValueError, match="it does not end"):
            parse(half)
        return
    users, _ = parse(half)
    assert users.verify(b"alice", b"wonderland", CHEAP) is ("alice:" in half)
    assert users.verify(b"bob", b"builder", CHEAP) is ("bob:" in half)


def test_weak_hashes_are_accepted_and_told(file: Path, told: list[str]) -> None:
    replace(file, f"alice:{APR1}\n")
    checker = HtpasswdChecker(file, Here())
    assert ask(checker, "alice", "myPassword") == b"alice"
    assert ask(checker, "alice", "mypassword") is None
    assert len([each for each in told if "line 1: MD5 is quickly guessed" in each]) == 1


def test_without_the_libraries_it_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords._context.cache_clear()
    monkeypatch.setitem(sys.modules, "passlib.context", None)
    replace(file, "")
    with pytest.raises(MissingExtraError, match=r"pip install 'ftptls\[passwords\]'"):
        HtpasswdChecker(file)


def test_without_threads_it_says_so(file: Path) -> None:
    failed: list[Any] = []
    HtpasswdChecker(file).requestAvatarId(UsernamePassword(b"a", b"b")).addErrback(failed.append)
    assert "call use() first" in str(failed[0].value)


def log_in(client: Client, name: str, password: str) -> str:
    """The answer to PASS."""
    client.ask(f"USER {name}", 331)
    client.send(f"PASS {password}")
    client.wait(5)
    return str(client.expect(230, 530))


def test_a_dialogue(file: Path) -> None:
    server = MemoryServer(settings=IN_CLEAR, tls=False)
    server.factory.portal.registerChecker(HtpasswdChecker(file, Here()))
    client = server.connect()
    wrong = log_in(client, "alice", "builder")
    assert wrong.startswith("530")
    assert log_in(client, "nobody", "builder") == wrong
    assert log_in(client, "Günther", "builder").startswith("230")
    client.ask("PWD", 257)


class Held:
    """Threads that do nothing before they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[tuple[Deferred[Any], Any, tuple[Any, ...]]] = []
        monkeypatch.setattr(Workers, "run", lambda _, call, *args: self._hold(call, args))

    def _hold(self, call, args) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.waiting.append((result, call, args))
        return result

    def let_go(self) -> None:
        while self.waiting:
            result, call, args = self.waiting.pop(0)
            result.callback(call(*args))


def test_a_flood_of_logins_stops_no_transfer(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(file, "".join(f"user{number}:{BOB}\n" for number in range(201)))
    held = Held(monkeypatch)
    server = MemoryServer({"/hello": b"hello"}, IN_CLEAR, tls=False)
    at_work = server.connect()
    at_work.log_in()
    checker = HtpasswdChecker(file, Hashing(None, threads=2, queue=8, cost=CHEAP))
    server.factory.portal.registerChecker(checker)
    flood = [server.connect(f"192.0.2.{number}") for number in range(200)]
    for number, client in enumerate(flood):
        client.ask(f"USER user{number}", 331)
        client.send("PASS builder")
    server.reactor.settle()
    assert len(held.waiting) == 10
    assert at_work.download("RETR hello") == b"hello"
    for client in flood[10:]:
        assert "Too many logins at once; try again later." in str(client.expect(421))
        assert client.closed
    held.let_go()
    for client in flood[:10]:
        client.expect(230)
    late = server.connect()
    late.ask("USER user200", 331)
    late.send("PASS builder")
    server.reactor.settle()
    held.let_go()
    late.expect(230)


def test_being_busy_says_nothing_about_the_password(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    checker = HtpasswdChecker(file, Hashing(None, threads=1, queue=0, cost=CHEAP))
    found: list[Any] = []
    for password in (b"wonderland", b"wonderland", b"wrong"):
        checker.requestAvatarId(UsernamePassword(b"alice", password)).addBoth(found.append)
    assert all(each.check(BusyError) for each in found)
    assert len(found) == 2
    held.let_go()
    assert found[2] == b"alice"
