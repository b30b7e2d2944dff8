"""Who logs in again gets what he would get the first time, and nothing of another session."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as searched
from hypothesis import strategies as st
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin

from ftptls.cred import LocalRealm, realm
from ftptls.interfaces import IFilesystem
from ftptls.settings import Anonymous, Links, UploadMode
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.jail import Jail
from ftptls.vfs.layers import Layers
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.stats import Describer

WORKERS = InlineWorkers()
HOW: tuple[dict[str, Any], ...] = (
    {},
    {"umask": 0o077, "options": LocalOptions(links=Links.HIDE)},
    {"upload_mode": UploadMode.ATOMIC_RESUME, "anonymous": Anonymous(enabled=True)},
    {"read_only": True},
    {"layers": Layers(fold_case=True)},
    {"layers": Layers(versions=3), "mounts": {"/pub": "{root}/alice"}},
    {"mounts": {"/pub": "{root}/bob"}},
)
NAMES = (b"alice", "alice", b"bob", b"nobody", b"..", b"anonymous", ANONYMOUS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("alice", "bob", "anonymous"):
        (tmp_path / name).mkdir()
    return tmp_path


def made(home: Path, root: str, how: dict[str, Any]) -> LocalRealm:
    mounts = {point: to.format(root=home) for point, to in how.get("mounts", {}).items()}
    return LocalRealm(f"{home}/{root}", WORKERS, **{**how, "mounts": mounts})


def avatar(realm: LocalRealm, name: Any) -> Any:
    found: list[Any] = []
    failed: list[Any] = []
    realm.requestAvatar(name, None, IFilesystem).addCallbacks(found.append, failed.append)
    for failure in failed:
        failure.raiseException()
    interface, filesystem, logout = found[0]
    assert interface is IFilesystem
    assert logout() is None
    return filesystem


def told(thing: Any) -> Any:
    """All that there is to a filesystem, with what it is around."""
    if isinstance(thing, dict):
        return {key: told(value) for key, value in thing.items()}
    if isinstance(thing, Jail) or IFilesystem.providedBy(thing):
        return type(thing), told(vars(thing))
    return thing


def outcome(realm: LocalRealm, name: Any) -> str:
    try:
        return re.sub(" at 0x[0-9a-f]+", "", repr(told(avatar(realm, name))))
    except UnauthorizedLogin:
        return "refused"


@searched(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    how=st.sampled_from(HOW),
    root=st.sampled_from(["", "alice", "{user}"]),
    names=st.lists(st.sampled_from(NAMES), max_size=8),
)
def test_each_time_it_is_as_if_it_were_the_first(
    home: Path, how: dict[str, Any], root: str, names: list[Any]
) -> None:
    again = made(home, root, how)
    for name in names:
        assert outcome(again, name) == outcome(made(home, root, how), name)


def test_each_session_has_a_filesystem_of_its_own(home: Path) -> None:
    realm = made(home, "{user}", {})
    first, second, third = (avatar(realm, b"alice") for _ in range(3))
    second.umask = 0
    assert len({id(first), id(second), id(third), id(avatar(realm, b"alice"))}) == 4
    assert first.umask == third.umask == avatar(realm, b"alice").umask == 0o022


def test_what_one_has_found_out_of_owners_is_not_for_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm = made(home, "{user}", {})
    for name in ("somebody", "somebody else"):
        monkeypatch.setattr(Describer, "_named", lambda *_, name=name: (name, name, 1, 1))
        filesystem = avatar(realm, b"alice")
        for _ in range(2):
            assert run_now(filesystem.stat(PurePosixPath("/"))).owner == name
            assert filesystem.anew()._describer is not filesystem._describer


def test_a_folder_that_is_gone_and_comes_back(home: Path) -> None:
    realm = made(home, "{user}", {})
    assert avatar(realm, b"alice").root == f"{home}/alice"
    shutil.rmtree(home / "alice")
    for _ in range(2):
        with pytest.raises(UnauthorizedLogin):
            avatar(realm, b"alice")
    (home / "alice").mkdir()
    assert avatar(realm, b"alice").root == f"{home}/alice"


def test_another_root_is_another_realm(home: Path) -> None:
    realm = made(home, "{user}", {})
    avatar(realm, b"alice")
    assert avatar(realm.with_root(f"{home}/bob"), b"alice").root == f"{home}/bob"
    assert avatar(realm, b"alice").root == f"{home}/alice"


def test_only_so_many_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realm, "_MOST_KEPT", 2)
    here = made(home, "", {})
    for name in (b"a", b"b", b"c", b"a", b"c"):
        assert avatar(here, name).root == str(home)
        assert len(here._kept) <= 2
