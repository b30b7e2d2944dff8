"""An upload breaks off; its user, and nobody else, goes on with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftptls.cred.realm import LocalRealm
from ftptls.settings import Anonymous, UploadMode
from ftptls.testing.client import Client
from ftptls.testing.dialogue import MemoryServer
from ftptls.testing.wires import Ending
from ftptls.workers import InlineWorkers

pytestmark = pytest.mark.both_paths

USERS = {"alice": "of alice", "bob": "of bob"}
DATA = bytes(range(256)) * 100


@pytest.fixture
def start(serve: Callable[..., MemoryServer], tmp_path: Path) -> Callable[[], MemoryServer]:
    """Servers of one folder."""

    def make() -> MemoryServer:
        anonymous = Anonymous(enabled=True, rights=("/** = full",))
        realm = LocalRealm(
            str(tmp_path),
            InlineWorkers(),
            upload_mode=UploadMode.ATOMIC_RESUME,
            anonymous=anonymous,
        )
        return serve(realm=realm, users=USERS, anonymous=True)

    return make


def come(server: MemoryServer, user: str = "alice") -> Client:
    client = server.connect()
    client.secure()
    client.log_in(user, USERS.get(user, "guest@"))
    return client


def break_off(client: Client, line: str, data: bytes) -> str:
    wire = client.begin(line)
    wire.send(data)
    wire.stop(Ending.RESET)
    return client.expect(426).text


def test_it_goes_on_after_a_new_connection(
    start: Callable[[], MemoryServer], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    server = start()
    client = come(server)
    told = break_off(client, "STOR a", DATA[:10_000])
    assert told.endswith(" 10000 octets are kept for you to go on from there.")
    client.leave()
    client = come(server)
    assert client.ask("SIZE a", 213).text == "10000"
    assert client.download("RETR a") == b"old"
    assert "size=3;" in client.ask("MLST a", 250).text
    client.ask("REST 10000", 350)
    client.upload("STOR a", DATA[10_000:])
    assert client.ask("SIZE a", 213).text == str(len(DATA))
    assert client.download("RETR a") == DATA


def test_it_goes_on_after_the_server_started_again(
    start: Callable[[], MemoryServer], tmp_path: Path
) -> None:
    break_off(come(start()), "STOR a", DATA[:10_000])
    server = start()
    client = come(server)
    client.ask("RETR a", 550, 425)
    assert b" a\r\n" not in client.download("MLSD")
    assert client.ask("SIZE a", 213).text == "10000"
    client.upload("APPE a", DATA[10_000:])
    assert client.download("RETR a") == DATA


def test_it_is_its_users_alone(start: Callable[[], MemoryServer]) -> None:
    server = start()
    alice, bob = come(server), come(server, "bob")
    break_off(alice, "STOR a", DATA[:10_000])
    bob.ask("SIZE a", 550)
    bob.open()
    bob.ask("REST 10000", 350)
    bob.ask("STOR a", 554)
    bob.upload("APPE a", b"of bob")
    assert alice.ask("SIZE a", 213).text == "10000"
    assert alice.download("RETR a") == b"of bob"


def test_anonymous_users_are_many(start: Callable[[], MemoryServer], tmp_path: Path) -> None:
    client = come(start(), "anonymous")
    assert break_off(client, "STOR a", DATA[:10_000]).endswith("Nothing was stored.")
    client.ask("SIZE a", 550)
    assert list(tmp_path.iterdir()) == []


def test_a_hole_is_refused_with_where_to_go_on(start: Callable[[], MemoryServer]) -> None:
    client = come(start())
    break_off(client, "STOR a", DATA[:10_000])
    client.ask("REST 10001", 350)
    client.open()
    assert "10000" in client.ask("STOR a", 554).text


def test_what_is_deleted_is_forgotten(start: Callable[[], MemoryServer], tmp_path: Path) -> None:
    client = come(start())
    break_off(client, "STOR a", DATA[:10_000])
    client.ask("DELE a", 250)
    client.ask("SIZE a", 550)
    client.ask("DELE a", 550)
    assert list(tmp_path.iterdir()) == []


def test_a_new_upload_starts_anew(start: Callable[[], MemoryServer]) -> None:
    client = come(start())
    break_off(client, "STOR a", DATA)
    client.upload("STOR a", b"new")
    assert client.ask("SIZE a", 213).text == "3"
    assert client.download("RETR a") == b"new"


def test_an_abort_keeps_it_too(start: Callable[[], MemoryServer]) -> None:
    client = come(start())
    wire = client.begin("STOR a")
    wire.send(DATA[:10_000])
    assert not wire.peek()
    assert "10000 octets are kept" in client.ask("ABOR", 426).text
    client.expect(226)
    assert client.ask("SIZE a", 213).text == "10000"


def test_in_type_a_nothing_is_told(start: Callable[[], MemoryServer]) -> None:
    client = come(start())
    break_off(client, "STOR a", DATA[:10_000])
    client.ask("TYPE A", 200)
    client.ask("SIZE a", 550)
