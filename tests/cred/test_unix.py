"""From the name of an avatar to a user of the operating system, and to his folder."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor
from twisted.logger import formatEvent, globalLogPublisher

from ftptls import logins, service
from ftptls.config import ConfigError
from ftptls.cred import LocalRealm, unix
from ftptls.cred.pam import PAMError
from ftptls.cred.unix import UnixUser, UnixUsers, look_up
from ftptls.errors import MissingExtraError
from ftptls.interfaces import IFilesystem
from ftptls.service import StartError, make_service
from ftptls.settings import Anonymous, Files, Policy, Requirement, Settings, Unix
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.owners import Owner
from tests.pam import Services
from tests.unix import ALICE, BOB, as_root, give, reachable_folder

HERE = InlineWorkers()


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the log says."""
    texts: list[str] = []

    def observe(event) -> None:
        texts.append(str(formatEvent(event)))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> dict[str, pwd.struct_passwd]:
    """The user database of an imaginary system, which does not care about case."""
    entries: dict[str, pwd.struct_passwd] = {}

    def getpwnam(name: str) -> pwd.struct_passwd:
        if "\0" in name:
            raise ValueError("embedded null byte")
        return entries[name.lower()]

    for name, number, home in [
        ("root", 0, "/root"),
        ("daemon", 1, "/"),
        ("last", 999, "/"),
        ("first", 1000, "/home/first"),
        ("alice", 4001, "/home/alice"),
        ("homeless", 4002, ""),
        ("minus", -1, "/"),
        ("half", 4003, "/"),
    ]:
        gid = -1 if name == "half" else number
        entries[name] = pwd.struct_passwd((name, "x", number, gid, "", home, "/bin/sh"))
    monkeypatch.setattr(unix.pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(os, "getgrouplist", lambda _, gid: [gid, 5000])
    return entries


def find(name: str, settings: Unix | None = None, *, anonymous: bool = False) -> UnixUser | None:
    """Who it is; None if he is refused."""
    users = UnixUsers(settings or Unix(enabled=True), HERE)
    try:
        return run_now(users.find(name, anonymous=anonymous))
    except UnauthorizedLogin:
        return None


# Who it is


def test_a_user_has_the_numbers_and_the_home_of_the_system() -> None:
    groups = tuple(os.getgrouplist(ALICE.pw_name, ALICE.pw_gid))
    expected = UnixUser(Owner(ALICE.pw_uid, ALICE.pw_gid, groups), ALICE.pw_dir)
    assert look_up(ALICE.pw_name) == expected


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("alice", True),
        ("first", True),
        ("last", False),
        ("daemon", False),
        ("root", False),
        ("minus", False),
        ("half", False),
        ("Alice", False),
        ("ROOT", False),
        ("mallory", False),
        ("", False),
        ("alice\0", False),
    ],
)
def test_who_is_refused(database: Any, told: list[str], name: str, found: bool) -> None:
    assert (find(name) is not None) is found
    assert len(told) == (0 if found else 1)
    assert all(ascii(name) in line for line in told)


def test_who_is_refused_is_set(database: Any, told: list[str]) -> None:
    everybody = Unix(enabled=True, minimum_uid=0)
    assert find("root", everybody) == UnixUser(Owner(0, 0, (0, 5000)), "/root")
    assert find("daemon", everybody)
    for name in ("minus", "half", "mallory"):
        assert find(name, everybody) is None
    assert find("alice", Unix(enabled=True, minimum_uid=4002)) is None
    assert told[-1] == (
        "Login refused: 'alice': the number of the user, 4001, is below unix.minimum_uid."
    )


def test_the_anonymous_one_is_a_user_of_the_system_but_not_root(
    database: Any, told: list[str]
) -> None:
    daemon = find("anonymous", Unix(anonymous="daemon"), anonymous=True)
    assert daemon
    assert daemon.owner.uid == 1
    assert told == []
    for name in ("root", "mallory", ""):
        assert find("anonymous", Unix(anonymous=name, minimum_uid=0), anonymous=True) is None
    assert len(told) == 3
    assert find("anonymous") is None  # who only has the name


# Accounts


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services(tmp_path, {})
    made.use(monkeypatch)
    return made


def test_the_account_must_be_in_use(database: Any, services: Services, told: list[str]) -> None:
    asking = Unix(enabled=True, account_service="accounts")
    services.write("accounts", "account required pam_permit.so")
    assert find("alice", asking)
    services.write("accounts", "account required pam_debug.so acct=acct_expired")
    assert find("alice", asking) is None
    assert find("alice")
    assert [line for line in told if "expired" in line]
    services.write("accounts", "account required pam_debug.so acct=system_err")
    with pytest.raises(PAMError):
        find("alice", asking)


def test_accounts_take_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pamela", None)
    with pytest.raises(MissingExtraError):
        UnixUsers(Unix(account_service="accounts"), HERE)


# His folder


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder for two users of the system, and one for nobody else but root."""
    with reachable_folder() as folder:
        for entry in (ALICE, BOB):
            (folder / entry.pw_name).mkdir()
            give(folder / entry.pw_name, entry, 0o700)
        (folder / "closed").mkdir(mode=0o700)
        yield folder


def avatar(root: str, name: Any, settings: Unix | None = None, **options: Any) -> Any:
    """The filesystem that somebody is given; None if he is refused."""
    users = UnixUsers(settings or Unix(enabled=True, minimum_uid=1), HERE)
    realm = LocalRealm(root, HERE, unix=users, **options)
    found: list[Any] = []
    failed: list[Any] = []
    asked = realm.requestAvatar(name, None, IFilesystem)
    asked.addCallbacks(found.append, lambda failure: failed.append(failure.value))
    if failed:
        assert isinstance(failed[0], UnauthorizedLogin)
        return None
    return found[0][1]


def make_folder(filesystem: Any, path: Path) -> int:
    """Who owns what is made."""
    run_now(filesystem.make_directory(PurePosixPath("/made")))
    owner = (path / "made").stat().st_uid
    (path / "made").rmdir()
    return owner


@as_root
def test_everybody_has_his_own(disk: Path) -> None:
    for entry in (ALICE, BOB):
        filesystem = avatar(f"{disk}/{{user}}", entry.pw_name.encode())
        assert make_folder(filesystem, disk / entry.pw_name) == entry.pw_uid


@as_root
def test_a_folder_that_he_cannot_enter_is_none(disk: Path, told: list[str]) -> None:
    assert avatar(f"{disk}/closed", ALICE.pw_name) is not None  # it is there,
    (disk / "closed/inner").mkdir()
    assert avatar(f"{disk}/closed/inner", ALICE.pw_name) is None
    assert "is not a folder that the user can enter" in told[-1]
    assert avatar(f"{disk}/none", ALICE.pw_name) is None


@as_root
@pytest.mark.parametrize("before", ["", "/etc/ftptls/"])
def test_his_home(disk: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    at_home = {
        entry.pw_name: pwd.struct_passwd([*entry[:5], f"{disk}/{entry.pw_name}", ""])
        for entry in (ALICE, BOB)
    }
    monkeypatch.setattr(unix.pwd, "getpwnam", at_home.__getitem__)
    filesystem = avatar(f"{before}{{home}}", BOB.pw_name)
    assert make_folder(filesystem, disk / BOB.pw_name) == BOB.pw_uid
    (disk / BOB.pw_name / BOB.pw_name).mkdir()
    give(disk / BOB.pw_name / BOB.pw_name, BOB, 0o700)
    filesystem = avatar(f"{before}{{home}}/{{user}}", BOB.pw_name)
    assert make_folder(filesystem, disk / BOB.pw_name / BOB.pw_name) == BOB.pw_uid


def test_no_home_is_no_folder(database: Any, told: list[str]) -> None:
    assert avatar("{home}", "homeless") is None
    assert "{home}' is not a folder" in told[-1]
    realm = LocalRealm("{home}", HERE)
    failed: list[Any] = []
    realm.requestAvatar(b"alice", None, IFilesystem).addErrback(failed.append)
    assert failed[0].check(UnauthorizedLogin)


@as_root
def test_the_anonymous_one_acts_as_the_user_of_his(disk: Path) -> None:
    (disk / "public").mkdir()
    give(disk / "public", ALICE, 0o700)
    settings = Unix(enabled=True, anonymous=ALICE.pw_name)
    anonymous = Anonymous(root=f"{disk}/public", rights=("full",))
    filesystem = avatar(f"{disk}/{{user}}", ANONYMOUS, settings, anonymous=anonymous)
    assert make_folder(filesystem, disk / "public") == ALICE.pw_uid
    other = replace(settings, anonymous=BOB.pw_name)
    filesystem = avatar(f"{disk}/{{user}}", ANONYMOUS, other, anonymous=anonymous)
    with pytest.raises(PermissionError):
        make_folder(filesystem, disk / "public")


# The service


CLEAR = Policy(login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL)


def served(root: Path | str, unix_settings: Unix, **more: Any) -> Settings:
    auth = ("memory:alice:secret",)
    return Settings(auth=auth, policy=CLEAR, files=Files(str(root)), unix=unix_settings, **more)


def refusal(settings: Settings) -> str:
    with pytest.raises(ConfigError) as caught:
        make_service(settings, reactor)
    return str(caught.value)


def test_a_home_takes_users(tmp_path: Path) -> None:
    assert "add --unix-users" in refusal(served("{home}", Unix()))


def test_without_the_right_to_it_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "objection", lambda: "it takes the rights of root")
    text = refusal(served(tmp_path, Unix(enabled=True)))
    assert text == "--unix-users cannot work: it takes the rights of root."


@as_root
def test_what_cannot_work_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service(served("{home}", Unix(enabled=True)), reactor)
    anybody = Anonymous(enabled=True)
    for name in ("root", "no such user", ""):
        settings = served("{home}", Unix(enabled=True, anonymous=name), anonymous=anybody)
        assert "name a user of this machine, not root" in refusal(settings)
        make_service(replace(settings, anonymous=Anonymous()), reactor)
    make_service(replace(settings, unix=Unix(enabled=True, anonymous=BOB.pw_name)), reactor)
    monkeypatch.setitem(sys.modules, "pamela", None)
    text = refusal(served("{home}", Unix(enabled=True, account_service="ftptls")))
    assert text.startswith("unix.account_service: To check users by PAM")


@as_root
def test_a_server_that_gives_its_rights_away_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_service(served(tmp_path, Unix(enabled=True)), reactor)
    (last,) = [child for child in made if not isinstance(child, service.Listener)]
    last.startService()
    monkeypatch.setattr(service, "objection", lambda: "it takes the rights of root")
    with pytest.raises(StartError, match="do without --uid and --gid of twistd"):
        last.startService()
