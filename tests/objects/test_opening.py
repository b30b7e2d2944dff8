"""From what an operator writes to a store, or to a sentence that says what to do."""

from __future__ import annotations

import sys

import pytest

from ftptls.errors import MissingExtraError
from ftptls.settings.objects import Objects
from ftptls.vfs.objects.generic import FsspecStore
from ftptls.vfs.objects.opening import (
    Stores,
    StoreURLError,
    check_store_url,
    is_store_url,
    read_options,
    shown,
)
from ftptls.vfs.objects.s3 import S3Store
from tests.objects.bench import Bench, filesystem
from tests.objects.s3_server import options

bench = Bench()


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("s3://key:secret@bucket/prefix", "credentials"),
        ("sftp://user:secret@host/", "credentials"),
        ("file:///srv/drop", "path"),
        ("s3://", "bucket"),
        ("s3:///prefix", "bucket"),
        ("gopher://host/", "gopher"),
        ("adl://store/", "library"),
    ],
)
def test_urls_that_lead_nowhere(url, word):
    with pytest.raises(StoreURLError, match=word) as caught:
        check_store_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket", "s3a://bucket/a/{user}", "memory://", "memory://a"])
def test_urls_that_may_lead_somewhere(url):
    assert is_store_url(url)
    check_store_url(url)


def test_no_credentials_are_opened_or_shown():
    with pytest.raises(StoreURLError):
        Stores().open("sftp://user:secret@host/folder")
    assert shown("sftp://user:secret@host/folder") == "sftp://host/folder"
    assert shown("s3://bucket/{user}") == "s3://bucket/{user}"


def test_a_path_is_no_url():
    assert not is_store_url("/srv/drop")
    assert not is_store_url("public")


@pytest.mark.parametrize(
    ("hidden", "url", "extra"),
    [
        ("s3fs", "s3://bucket", "s3"),
        ("fsspec", "s3://bucket", "s3"),
        ("fsspec", "memory://", "fsspec"),
    ],
)
def test_libraries_that_are_not_installed(monkeypatch, hidden, url, extra):
    monkeypatch.setitem(sys.modules, hidden, None)
    # What it has found before does not count.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    for opened in (check_store_url, Stores().open):
        with pytest.raises(MissingExtraError) as caught:
            opened(url)
        assert f"pip install 'ftptls[{extra}]'" in str(caught.value)


def test_options_are_json_or_text():
    lines = ["anon=true", "account=example", 'config_kwargs={"a": {"b": 1}}', "sign=a=b", "none="]
    assert read_options(lines) == {
        "anon": True,
        "account": "example",
        "config_kwargs": {"a": {"b": 1}},
        "sign": "a=b",
        "none": "",
    }


def test_what_a_bucket_is_known_for_is_known_to_all_its_users():
    stores = Stores(options("http://127.0.0.1:1"))
    first, second = stores.open("s3://bucket/alice"), stores.open("s3://bucket/bob/")
    other = stores.open("s3://another")
    assert isinstance(first, S3Store)
    assert first.calls is second.calls
    assert first.calls is not other.calls


def test_a_store_of_fsspec():
    assert isinstance(Stores().open("memory://somewhere"), FsspecStore)


def test_nothing_is_asked_when_it_is_opened(faults, bucket):
    filesystem(faults.url, bucket)
    assert faults.requests == []


def test_credentials_come_from_a_profile(faults, bucket, monkeypatch, tmp_path):
    written = tmp_path / "credentials"
    written.write_text(
        "[default]\naws_access_key_id = wrong\naws_secret_access_key = x\n"
        "[ftp]\naws_access_key_id = of-the-profile\naws_secret_access_key = y\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(written))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    given = Objects(endpoint_url=faults.url, region="us-east-1", aws_credentials="ftp")
    store = Stores.from_settings(given).open(f"s3://{bucket}")
    assert store.find("a") is None
    assert all("Credential=of-the-profile/" in each.authorization for each in faults.requests)
