"""``ftptls user`` beside a server that runs: each change holds for the next login."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ftptls.cli import main
from ftptls.testing.certificates import PKI, Pair
from tests.interop.clients import curl, url
from tests.interop.server import Server

DENIED, FAILED_UPLOAD = 67, 25


class Store:
    """A user store, and the command that changes it.

    Args:
        folder: Where its file is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:{folder}/users.db"

    def __call__(self, *arguments: str) -> None:
        assert main([*arguments, "--store", self.url]) == 0

    def password(self, text: str) -> str:
        """A flag with a file that has this password."""
        path = self.folder / "password"
        path.write_text(f"{text}\n")
        return f"--password-file={path}"


@pytest.fixture(scope="module")
def pki() -> PKI:
    return PKI()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a group, and nobody in it."""
    made = Store(tmp_path_factory.mktemp("store"))
    made("group", "add", "staff")
    return made


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server], store: Store, pki: PKI) -> Server:
    authority = store.folder / "partners.pem"
    authority.write_bytes(pki.root.certificate_pem)
    flags = ["--auth", store.url, "--client-certificates", "optional"]
    started = start_server(
        flags=[*flags, "--client-authorities", str(authority)],
        guard=['trusted = ["127.0.0.0/8", "::1/128"]'],
        limits=["login_delay = 0.01"],
    )
    (started.root / "f").write_bytes(b"0123")
    return started


@pytest.fixture
def bob(store: Store) -> str:
    """A user with the password ``secret``, in a group."""
    store("user", "add", "bob", store.password("secret"), "--groups", "staff")
    return "bob"


@pytest.fixture(autouse=True)
def nobody_stays(store: Store, server: Server) -> object:
    """No test finds the users of another one."""
    yield
    for name in ("bob", "carol"):
        main(["user", "remove", name, "--store", store.url])
    store("group", "enable", "staff")


@pytest.fixture
def fetch(server: Server, tmp_path: Path) -> Callable[..., str]:
    """What curl gets of a file; nothing where it is not let in."""

    def call(user: str, *more: str | Path, path: str = "f", status: int = 0) -> str:
        said = curl(server, tmp_path, "--user", user, *more, url(server, path), status=status)
        return said if status == 0 else ""

    return call


Fetch = Callable[..., str]


def test_a_new_user(fetch: Fetch, store: Store) -> None:
    fetch("bob:secret", status=DENIED)
    store("user", "add", "bob", store.password("secret"))
    assert fetch("bob:secret") == "0123"


def test_another_password(fetch: Fetch, store: Store, bob: str) -> None:
    assert fetch("bob:secret") == "0123"
    store("user", "passwd", "bob", store.password("other"))
    fetch("bob:secret", status=DENIED)
    assert fetch("bob:other") == "0123"
    store("user", "passwd", "bob", "--no-password")
    fetch("bob:other", status=DENIED)


def test_barred_and_let_in_again(fetch: Fetch, store: Store, bob: str) -> None:
    for kind, name in (("user", "bob"), ("group", "staff")):
        store(kind, "disable", name)
        fetch("bob:secret", status=DENIED)
        store(kind, "enable", name)
        assert fetch("bob:secret") == "0123"


def test_another_name(fetch: Fetch, store: Store, bob: str) -> None:
    store("user", "edit", "bob", "--rename", "carol")
    fetch("bob:secret", status=DENIED)
    assert fetch("carol:secret") == "0123"


def test_removed(fetch: Fetch, store: Store, bob: str) -> None:
    assert fetch("bob:secret") == "0123"
    store("user", "remove", "bob")
    fetch("bob:secret", status=DENIED)


def test_another_folder(fetch: Fetch, store: Store, bob: str, tmp_path: Path) -> None:
    (tmp_path / "homes/bob").mkdir(parents=True)
    (tmp_path / "homes/bob/f").write_bytes(b"of bob")
    store("group", "edit", "staff", "--home", f"{tmp_path}/homes/{{user}}")
    assert fetch("bob:secret") == "of bob"
    store("group", "edit", "staff", "--home", "")
    assert fetch("bob:secret") == "0123"


def test_rights(fetch: Fetch, store: Store, bob: str, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new")
    store("user", "edit", "bob", "--rights", "read_only")
    fetch("bob:secret", "--upload-file", tmp_path / "new", path="new", status=FAILED_UPLOAD)
    store("user", "edit", "bob", "--rights", "")
    fetch("bob:secret", "--upload-file", tmp_path / "new", path="new")
    assert fetch("bob:secret", path="new") == "new"


def test_where_and_when(fetch: Fetch, store: Store, bob: str) -> None:
    for flag, value in (
        ("--networks", "192.0.2.0/24"),
        ("--valid-until", "2000-01-01T00:00:00Z"),
        ("--valid-from", "2100-01-01T00:00:00Z"),
    ):
        store("user", "edit", "bob", flag, value)
        fetch("bob:secret", status=DENIED)
        store("user", "edit", "bob", flag, "")
        assert fetch("bob:secret") == "0123"


@pytest.fixture
def shown(pki: PKI, tmp_path: Path) -> tuple[str | Path, ...]:
    """Flags for curl to show a certificate, which is in ``bob.pem``."""
    pair: Pair = pki.client("bob")
    (tmp_path / "bob.pem").write_bytes(pair.certificate_pem + pki.intermediate.certificate_pem)
    (tmp_path / "bob.key").write_bytes(pair.key_pem())
    return ("--cert", tmp_path / "bob.pem", "--key", tmp_path / "bob.key")


@pytest.mark.parametrize("key", [[], ["--key"]])
def test_a_certificate(
    fetch: Fetch,
    store: Store,
    bob: str,
    shown: tuple[str | Path, ...],
    tmp_path: Path,
    key: list[str],
) -> None:
    fetch("bob:wrong", *shown, status=DENIED)
    store("user", "cert", "add", "bob", f"{tmp_path}/bob.pem", *key)
    assert fetch("bob:", *shown) == "0123"
    fetch("bob:", status=DENIED)
    store("user", "edit", "bob", "--login", "both")
    fetch("bob:wrong", *shown, status=DENIED)
    fetch("bob:secret", status=DENIED)
    assert fetch("bob:secret", *shown) == "0123"
    store("user", "edit", "bob", "--login", "")
    store("user", "cert", "remove", "bob", f"{tmp_path}/bob.pem", *key)
    fetch("bob:wrong", *shown, status=DENIED)


def test_an_import(fetch: Fetch, store: Store, bob: str, tmp_path: Path) -> None:
    lines = [
        {"name": "bob", "plain_password": "imported"},
        {"name": "carol", "plain_password": "secret", "groups": ["staff"]},
    ]
    (tmp_path / "users.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    store("user", "import", f"{tmp_path}/users.json", "--replace")
    assert fetch("bob:imported") == fetch("carol:secret") == "0123"
