"""Logins: from credentials to a folder, with the checkers that Twisted brings."""

from __future__ import annotations

import os
import pwd
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.cred.checkers import ANONYMOUS, FilePasswordDB
from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import StrcredException, makeChecker
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from zope.interface import Interface
from zope.interface.verify import verifyObject

from ftptls.cred import LocalRealm, accept_octets, make_checker, user_name
from ftptls.errors import PermanentError, TransientError
from ftptls.interfaces import IFilesystem, IUpload, Store
from ftptls.settings import Anonymous as AnonymousSettings
from ftptls.settings import UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.layers import Layers
from ftptls.vfs.sealing import Keys
from twisted.plugins import cred_unix

P = PurePosixPath
WORKERS = InlineWorkers()


def result(deferred: Deferred[Any]) -> Any:
    """What a Deferred has now; raises what it failed with."""
    found: list[Any] = []
    failed: list[BaseException] = []
    deferred.addCallbacks(found.append, lambda failure: failed.append(failure.value))
    if failed:
        raise failed[0]
    return found[0]


def avatar(realm: LocalRealm, avatar_id: Any) -> IFilesystem:
    interface, filesystem, logout = result(realm.requestAvatar(avatar_id, None, IFilesystem))
    assert interface is IFilesystem
    assert verifyObject(IFilesystem, filesystem)
    assert logout() is None
    return filesystem


def open_write(filesystem: IFilesystem) -> IUpload:
    return run_now(filesystem.open_write(P("/new"), Store.REPLACE, 0))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("alice", "bob", "anonymous", "jürgen"):
        (tmp_path / "home" / name).mkdir(parents=True)
        (tmp_path / "home" / name / "whose").write_bytes(name.encode())
    (tmp_path / "home" / "file").write_bytes(b"")
    (tmp_path / "home" / ".hidden").mkdir()
    (tmp_path / "other").mkdir()
    return tmp_path / "home"


def whose(filesystem: IFilesystem) -> str:
    async def read() -> str:
        reader = await filesystem.open_read(P("/whose"))
        data = await reader.read_at(0, 100)
        await reader.close()
        return data.decode()

    return run_now(read())


def test_the_realm_is_one(home: Path) -> None:
    assert verifyObject(IRealm, LocalRealm(str(home), WORKERS))


def test_one_folder_for_all(home: Path) -> None:
    realm = LocalRealm(str(home / "alice"), WORKERS)
    for avatar_id in (b"alice", "bob", b"../x", b".", ANONYMOUS):
        assert whose(avatar(realm, avatar_id)) == "alice"


def test_a_folder_for_each(home: Path) -> None:
    realm = LocalRealm(f"{home}/{{user}}", WORKERS)
    assert whose(avatar(realm, b"alice")) == "alice"
    assert whose(avatar(realm, "bob")) == "bob"
    assert whose(avatar(realm, "jürgen".encode())) == "jürgen"
    assert whose(avatar(realm, ANONYMOUS)) == "anonymous"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../other", "a/b", "/", "/etc", ".hidden", "alice/", "nul\0", "{user}",
     "nobody", "file", "octet \udcff", "half a pair \ud800", "n" * 300, "alice/../bob"],
)  # fmt: skip
def test_names_without_a_folder(home: Path, name: str) -> None:
    realm = LocalRealm(f"{home}/{{user}}", WORKERS)
    with pytest.raises(UnauthorizedLogin):
        avatar(realm, name)
    assert sorted(os.listdir(home)) == [".hidden", "alice", "anonymous", "bob", "file", "jürgen"]


def test_octets_that_are_no_text_are_still_a_name(home: Path) -> None:
    (home / os.fsdecode(b"\xff")).mkdir()
    realm = LocalRealm(f"{home}/{{user}}", WORKERS)
    assert avatar(realm, b"\xff")


def test_a_missing_folder_is_told_once(home: Path) -> None:
    realm = LocalRealm(f"{home}/{{user}}", WORKERS)
    told: list[Any] = []
    globalLogPublisher.addObserver(told.append)
    try:
        for _ in range(3):
            for name in (b"nobody", b"noone"):
                with pytest.raises(UnauthorizedLogin):
                    avatar(realm, name)
    finally:
        globalLogPublisher.removeObserver(told.append)
    assert [event["folder"] for event in told] == [f"{home}/nobody", f"{home}/noone"]


def test_who_may_change_what(home: Path) -> None:
    for read_only, avatar_id, refused in (
        (False, b"alice", False),
        (True, b"alice", True),
        (False, ANONYMOUS, True),
    ):
        filesystem = avatar(LocalRealm(str(home), WORKERS, read_only=read_only), avatar_id)
        if refused:
            with pytest.raises(PermanentError, match="550 You may not store"):
                open_write(filesystem)
        else:
            open_write(filesystem)


def test_the_upload_mode_is_passed_on(home: Path) -> None:
    for mode in UploadMode:
        filesystem = avatar(LocalRealm(str(home), WORKERS, upload_mode=mode), b"alice")
        assert open_write(filesystem).in_place is (mode is UploadMode.DIRECT)


def test_another_root(home: Path) -> None:
    """It complains of missing folders, and counts who is anonymous, together with the first."""
    first = LocalRealm(f"{home}/{{user}}", WORKERS, anonymous=AnonymousSettings(sessions=1))
    other = first.with_root(f"{home}/../home/alice/{{user}}")
    assert verifyObject(IRealm, other)
    (home / "alice" / "bob").mkdir()
    (home / "alice" / "bob" / "whose").write_bytes(b"alice's bob")
    assert whose(avatar(other, b"bob")) == "alice's bob"
    assert whose(avatar(first, b"bob")) == "bob"
    told: list[Any] = []
    globalLogPublisher.addObserver(told.append)
    try:
        for _ in range(2):
            with pytest.raises(UnauthorizedLogin):
                avatar(first.with_root(f"{home}/none/{{user}}"), b"alice")
    finally:
        globalLogPublisher.removeObserver(told.append)
    assert len(told) == 1
    (home / "alice" / "anonymous").mkdir()
    *_, leave = result(first.requestAvatar(ANONYMOUS, None, IFilesystem))
    with pytest.raises(TransientError, match="421 Too many"):
        avatar(other, ANONYMOUS)
    leave()
    avatar(other, ANONYMOUS)


def test_only_a_filesystem_is_given(home: Path) -> None:
    class IOther(Interface):
        pass

    realm = LocalRealm(str(home), WORKERS)
    for interfaces in ((), (IOther,)):
        with pytest.raises(NotImplementedError):
            realm.requestAvatar(b"alice", None, *interfaces)
    assert result(realm.requestAvatar(b"alice", None, IOther, IFilesystem))[0] is IFilesystem


def test_a_relative_root_stays_where_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    realm = LocalRealm("{user}", WORKERS)
    monkeypatch.chdir("/")
    assert whose(avatar(realm, b"alice")) == "alice"


def test_names_of_avatars() -> None:
    assert user_name(b"alice") == user_name("alice") == "alice"
    assert user_name(ANONYMOUS) == "anonymous"


# With the checkers that Twisted brings


def log_in(home: Path, checker: Any, credentials: Any) -> str:
    portal = Portal(LocalRealm(f"{home}/{{user}}", WORKERS), [checker])
    return whose(result(portal.login(credentials, None, IFilesystem))[1])


def test_the_memory_checker_of_twisted_knows_no_octets(home: Path) -> None:
    """Why ``accept_octets`` exists; when this fails, it may go."""
    with pytest.raises(UnauthorizedLogin):
        log_in(home, makeChecker("memory:alice:secret"), UsernamePassword(b"alice", b"secret"))


@pytest.mark.parametrize("name", ["alice", "jürgen"])
def test_memory(home: Path, name: str) -> None:
    checker = make_checker(f"memory:bob:x:{name}:sécret")
    assert log_in(home, checker, UsernamePassword(name.encode(), "sécret".encode())) == name
    assert accept_octets(checker) is checker
    assert log_in(home, checker, UsernamePassword(b"bob", b"x")) == "bob"
    for user, password in ((name.encode(), b"x"), (b"none", b"x"), (b"", b"")):
        with pytest.raises(UnauthorizedLogin):
            log_in(home, checker, UsernamePassword(user, password))


def test_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("alice:secret\njürgen:sécret\n", encoding="utf-8")
    checker = make_checker(f"file:{tmp_path}/passwords")
    assert isinstance(checker, FilePasswordDB)
    assert log_in(home, checker, UsernamePassword(b"alice", b"secret")) == "alice"
    assert log_in(home, checker, UsernamePassword("jürgen".encode(), "sécret".encode())) == "jürgen"
    with pytest.raises(UnauthorizedLogin):
        log_in(home, checker, UsernamePassword(b"alice", b"x"))


def test_unix(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = {"alice": SimpleNamespace(pw_passwd="secret")}
    monkeypatch.setattr(pwd, "getpwnam", accounts.__getitem__)
    monkeypatch.setattr(
        cred_unix, "verifyCryptedPassword", lambda crypted, given: crypted == given.decode()
    )
    checker = make_checker("unix")
    credentials = UsernamePassword(b"alice", b"secret")
    assert result(checker.requestAvatarId(credentials)) == "alice"  # text, unlike the others
    assert log_in(home, checker, credentials) == "alice"
    with pytest.raises(UnauthorizedLogin):
        log_in(home, checker, UsernamePassword(b"none", b"secret"))


def test_anonymous(home: Path) -> None:
    assert log_in(home, make_checker("anonymous"), Anonymous()) == "anonymous"


def test_a_checker_of_no_known_kind() -> None:
    with pytest.raises(StrcredException):
        make_checker("nonsense:x")


# what is around folders, and in them


def store(filesystem: IFilesystem, path: str, data: bytes) -> None:
    async def store() -> None:
        upload = await filesystem.open_write(P(path), Store.REPLACE, 0)
        await upload.begin()
        await upload.write_at(0, data)
        await upload.commit()

    run_now(store())


def test_mounts_are_folders_of_each_user(home: Path) -> None:
    realm = LocalRealm(
        str(home.parent / "other"), WORKERS, mounts={"/mine": f"{home}/{{user}}", "/all": str(home)}
    )
    alice, bob = (avatar(realm, name) for name in (b"alice", b"bob"))
    store(alice, "/mine/new", b"alice's")
    store(bob, "/top", b"bob's")
    assert (home / "alice/new").read_bytes() == b"alice's"
    assert (home.parent / "other/top").read_bytes() == b"bob's"
    assert run_now(bob.stat(P("/all/alice/new"))).size == 7


def test_a_user_without_the_folder_of_a_mount_is_refused_and_told_of(home: Path) -> None:
    realm = LocalRealm(str(home), WORKERS, mounts={"/mine": f"{home}/{{user}}"})
    assert avatar(realm, b"alice")
    told: list[Any] = []
    globalLogPublisher.addObserver(told.append)
    try:
        with pytest.raises(UnauthorizedLogin):
            avatar(realm, b"carol")
    finally:
        globalLogPublisher.removeObserver(told.append)
    assert [event["folder"] for event in told] == [f"{home}/carol"]


def test_an_anonymous_user_with_a_root_of_his_own_has_no_mounts(home: Path) -> None:
    settings = AnonymousSettings(enabled=True, root=str(home / "anonymous"))
    realm = LocalRealm(
        str(home), WORKERS, anonymous=settings, mounts={"/mine": str(home.parent / "other")}
    )
    with pytest.raises(FileNotFoundError):
        run_now(avatar(realm, ANONYMOUS).stat(P("/mine")))
    assert run_now(avatar(realm, b"alice").stat(P("/mine"))).is_directory


def test_layers_are_around_every_folder(home: Path) -> None:
    layers = Layers(Keys([bytes(32)]), versions=1)
    realm = LocalRealm(str(home), WORKERS, mounts={"/m": str(home.parent / "other")}, layers=layers)
    files = avatar(realm, b"alice")
    for data in (b"first", b"second"):
        store(files, "/bob/a", data)
        store(files, "/m/a", data)
    for folder in (home / "bob", home.parent / "other"):
        assert (folder / "a").read_bytes().startswith(b"ftptls\x01\n")
    for folder in (home / ".versions/bob/a", home.parent / "other/.versions/a"):
        (version,) = folder.iterdir()
        assert version.read_bytes().startswith(b"ftptls\x01\n")
    assert run_now(files.stat(P("/m/a"))).size == 6


def test_new_files_and_directories_lack_the_bits_of_the_umask(home: Path) -> None:
    files = avatar(LocalRealm(str(home), WORKERS, umask=0o027), b"alice")
    store(files, "/new", b"")
    run_now(files.make_directory(P("/made")))
    assert [(home / name).stat().st_mode & 0o777 for name in ("new", "made")] == [0o640, 0o750]
