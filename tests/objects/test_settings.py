"""A URL in ``files.root``: what the settings say of it, and what the realm gives."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.testing import MemoryReactor

from ftptls import config
from ftptls.config import ConfigError
from ftptls.cred import LocalRealm
from ftptls.interfaces import IFilesystem
from ftptls.service import make_service
from ftptls.settings import Files, Objects, Settings, Unix
from ftptls.testing.filesystem import InlineWorkers, run_now
from ftptls.vfs.objects.filesystem import ObjectFilesystem
from ftptls.vfs.objects.opening import Stores
from ftptls.vfs.objects.stores import MIB
from tests.objects.s3_server import S3Server, options

WORKERS = InlineWorkers()


class InlineFilesystems:
    """As the server's own, but without threads."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def open(self, url: str) -> ObjectFilesystem:
        return ObjectFilesystem(self._stores.open(url), WORKERS)


def avatar(realm: LocalRealm, name: bytes):
    found = []
    realm.requestAvatar(name, None, IFilesystem).addBoth(found.append)
    (result,) = found
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result[1]


def test_a_url_is_not_looked_for_beside_the_file(tmp_path: Path) -> None:
    written = tmp_path / "ftptls.toml"
    written.write_text('[files]\nroot = "s3://bucket/{user}"\nmounts = ["/a = memory://a"]')
    assert config.load(written).files.root == "s3://bucket/{user}"


def test_everything_that_can_be_set_arrives() -> None:
    given = Objects(
        endpoint_url="http://127.0.0.1:9",
        region="eu-central-1",
        aws_credentials="ftp",
        options=('client_kwargs={"verify": false}', "anon=true"),
        piece=16,
        parallel=3,
        renamed=7,
        tries=2,
        timeout=4.5,
    )
    stores = Stores.from_settings(given)
    assert stores.options == {
        "endpoint_url": "http://127.0.0.1:9",
        "profile": "ftp",
        "anon": True,
        "client_kwargs": {"verify": False, "region_name": "eu-central-1"},
    }
    bounds = stores.open("s3://bucket").bounds
    assert bounds.piece == 16 * MIB
    assert (bounds.parallel, bounds.renamed, bounds.tries, bounds.patience) == (3, 7, 2, 4.5)


@pytest.mark.parametrize(
    ("root", "word"),
    [
        ("s3://key:secret@bucket", "credentials"),
        ("file:///srv", "path"),
        ("gopher://host", "gopher"),
        ("s3://", "bucket"),
    ],
)
def test_roots_that_cannot_be_served(root: str, word: str) -> None:
    settings = Settings(auth=("memory:alice:wonderland",), files=Files(root=root))
    with pytest.raises(ConfigError, match=word) as caught:
        make_service(settings, MemoryReactor())
    assert "secret" not in str(caught.value)


def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    settings = Settings(auth=("memory:alice:wonderland",), files=Files(root="s3://bucket"))
    with pytest.raises(ConfigError, match=r"pip install 'ftptls\[s3\]'"):
        make_service(settings, MemoryReactor())


def test_users_of_the_machine_have_folders(tmp_path: Path) -> None:
    files = Files(root=str(tmp_path), mounts=("/a = s3://bucket",))
    settings = Settings(auth=("memory:a:b",), files=files, unix=Unix(enabled=True))
    with pytest.raises(ConfigError, match="folders only"):
        make_service(settings, MemoryReactor())


@pytest.mark.parametrize(
    "table",
    [
        'options = ["secret"]',
        'endpoint_url = "https://key:secret@example.com"',
        'endpoint_url = "example.com"',
        "piece = 4",
    ],
)
def test_settings_that_are_refused(tmp_path: Path, table: str) -> None:
    written = tmp_path / "ftptls.toml"
    written.write_text(f"[objects]\n{table}\n")
    with pytest.raises(ConfigError, match=r"objects\.") as caught:
        config.load(written)
    assert "secret" not in str(caught.value)


def test_a_realm_gives_each_user_a_prefix(s3: S3Server, bucket: str) -> None:
    stores = InlineFilesystems(Stores(options(s3.url)))
    realm = LocalRealm(f"s3://{bucket}/{{user}}", WORKERS, stores=stores)
    s3.put(bucket, "alice/a", b"hers")
    hers, his = avatar(realm, b"alice"), avatar(realm, b"bob")
    assert run_now(hers.stat(PurePosixPath("/a"))).size == 4
    with pytest.raises(FileNotFoundError):
        run_now(his.stat(PurePosixPath("/a")))
    for name in (b"..", b"a/b", b".hidden", b"", b"nul\0"):
        with pytest.raises(UnauthorizedLogin):
            avatar(realm, name)


def test_a_store_can_be_mounted_in_a_folder(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    stores = InlineFilesystems(Stores(options(s3.url)))
    mounts = {"/cloud": f"s3://{bucket}/{{user}}"}
    realm = LocalRealm(str(tmp_path), WORKERS, mounts=mounts, stores=stores)
    s3.put(bucket, "alice/a", b"hers")
    assert run_now(avatar(realm, b"alice").stat(PurePosixPath("/cloud/a"))).size == 4


def test_a_url_of_a_user_that_cannot_be_served(tmp_path: Path) -> None:
    stores = InlineFilesystems(Stores())
    realm = LocalRealm(str(tmp_path), WORKERS, stores=stores)
    for made in (realm.with_root("gopher://host"), LocalRealm("s3://bucket", WORKERS)):
        with pytest.raises(UnauthorizedLogin):
            avatar(made, b"alice")
