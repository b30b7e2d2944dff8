"""A whole server with everything on, and two users: what one does the other sees, or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ftptls.cred.realm import LocalRealm
from ftptls.settings import Settings, UploadMode
from ftptls.testing.client import Client
from ftptls.testing.dialogue import MemoryServer
from ftptls.testing.wires import Ending
from ftptls.vfs.book import Usage
from ftptls.vfs.layers import Layers
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.quota import Quotas, size_on_disk
from ftptls.vfs.sealing import Keys
from ftptls.workers import InlineWorkers

USERS = {"alice": "of alice", "bob": "of bob"}
RIGHTS = ("/** = full", "/Common/** = no_delete", "/Common/Locked/** = nothing")
OLD, NEW = b"the old one\r\n" * 1000, b"the new one\r\n" * 1000


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(":memory:")


@pytest.fixture(params=[UploadMode.ATOMIC, UploadMode.DIRECT], ids=["atomic", "direct"])
def server(
    request: pytest.FixtureRequest,
    serve: Callable[..., MemoryServer],
    tmp_path: Path,
    ledger: Ledger,
) -> MemoryServer:
    for folder in ("homes/alice", "homes/bob", "common/Locked"):
        (tmp_path / folder).mkdir(parents=True)
    realm = LocalRealm(
        str(tmp_path / "homes/{user}"),
        InlineWorkers(),
        upload_mode=request.param,
        mounts={"/Common": str(tmp_path / "common")},
        layers=Layers(Keys([bytes(32)]), versions=2, fold_case=True),
        quotas=Quotas(ledger, octets=100_000),
        options=LocalOptions(lock_uploads=request.param is UploadMode.DIRECT),
    )
    settings = Settings()
    settings = replace(settings, files=replace(settings.files, rights=RIGHTS))
    return serve(realm=realm, users=USERS, settings=settings)


def come(server: MemoryServer, user: str) -> Client:
    client = server.connect()
    client.secure()
    client.log_in(user, USERS[user])
    return client


def names(client: Client, folder: str) -> set[str]:
    return set(client.download(f"NLST {folder}").decode().split())


def test_a_day_with_everything_on(server: MemoryServer, tmp_path: Path, ledger: Ledger) -> None:
    alice, bob = come(server, "alice"), come(server, "bob")
    # Stored by one, and found by the other in any case; on the disk it is not to be read.
    alice.upload("STOR /Common/Report.txt", OLD)
    assert bob.download("RETR /common/report.TXT") == OLD
    assert bob.ask("SIZE /COMMON/REPORT.TXT", 213).text == str(len(OLD))
    assert b"old" not in (tmp_path / "common/Report.txt").read_bytes()
    digest = hashlib.sha256(OLD).hexdigest()
    assert digest in bob.ask("HASH /common/report.txt", 213).text
    # A part of it.
    bob.ask("REST 12990", 350)
    assert bob.download("RETR /common/report.txt") == OLD[12990:]
    assert f"size={len(OLD)};" in bob.ask("MLST /common/report.txt", 250).text
    # Replaced by the other: the old one is kept, and is in no listing.
    bob.upload("STOR /common/REPORT.txt", NEW)
    assert names(alice, "/common") == {"/common/Report.txt"}
    (version,) = names(alice, "/Common/.versions/Report.txt")
    assert alice.download(f"RETR {version}") == OLD
    for line in (f"DELE {version}", f"STOR {version}", f"MKD {version}x", f"RNFR {version}"):
        alice.open()
        reply = alice.ask(line, 550, 350, 553)
        if reply.code == 350:
            alice.ask("RNTO /mine", 550)
    # Restored by a copy.
    alice.ask(f'SITE COPY "{version}" "/Common/Report.txt"', 250)
    assert bob.download("RETR /Common/Report.txt") == OLD
    assert len(names(bob, "/Common/.versions/Report.txt")) == 2
    # Appended to, and gone on with.
    bob.upload("APPE /common/report.txt", b"!")
    bob.ask(f"REST {len(OLD)}", 350)
    bob.upload("STOR /common/report.txt", b"?more")
    assert alice.download("RETR /Common/Report.txt") == OLD + b"?more"
    # Moved and deleted, as far as rights go, and mounts.
    alice.ask("DELE /common/report.txt", 550)
    alice.ask("RNFR /common/report.txt", 350)
    alice.ask("RNTO /report.txt", 550)
    alice.upload("STOR /mine", b"mine")
    alice.ask("RNFR /mine", 350)
    alice.ask("RNTO /MINE", 250)
    assert names(alice, "/") == {"/MINE", "/Common"}
    assert names(bob, "/") == {"/Common"}
    alice.ask("DELE /mine", 250)
    alice.ask("RMD /Common", 550)
    for line in ("CWD /common/locked", "MKD /COMMON/locked/x", "RMD /common/LOCKED"):
        bob.ask(line, 550)
    ledger.recover(size_on_disk)
    assert ledger.recount(size_on_disk) == 0


def test_what_does_not_fit_leaves_what_was_there(
    server: MemoryServer, tmp_path: Path, ledger: Ledger
) -> None:
    alice = come(server, "alice")
    alice.upload("STOR /a", OLD)
    room = int(alice.ask("AVBL /", 213).text)
    assert room == 100_000 - (tmp_path / "homes/alice/a").stat().st_size
    wire = alice.begin("STOR /b")
    wire.send(bytes(200_000))
    wire.stop(Ending.RESET)
    alice.expect(552, 426)
    assert alice.download("RETR /a") == OLD
    for name in names(alice, "/") - {"/a", "/Common"}:  # in place, a part of it is there
        alice.ask(f"DELE {name}", 250)
    assert int(alice.ask("AVBL /", 213).text) == room
    usage = ledger.usage()
    assert usage["user:alice"] == Usage(100_000 - room, 1)
    # Versions count, too.
    for _ in range(2):
        alice.upload("STOR /a", NEW)
    assert ledger.usage()["user:alice"].files == 3
    assert "user:bob" not in usage
    assert ledger.recount(size_on_disk) == 0


def test_an_upload_that_breaks_off_leaves_the_other_users_file(server: MemoryServer) -> None:
    alice, bob = come(server, "alice"), come(server, "bob")
    alice.upload("STOR /Common/a", OLD)
    wire = bob.begin("STOR /common/A")
    wire.send(NEW[:5000])
    wire.stop(Ending.RESET)
    bob.expect(426)
    found = alice.download("RETR /common/a")
    if found != OLD:  # in place: what was there is kept
        assert NEW.startswith(found)
        (version,) = names(alice, "/Common/.versions/a")
        assert alice.download(f"RETR {version}") == OLD
    bob.upload("STOR /common/A", NEW)
    assert alice.download("RETR /common/a") == NEW


def test_two_replace_one_file_at_the_same_time(server: MemoryServer) -> None:
    alice, bob = come(server, "alice"), come(server, "bob")
    alice.upload("STOR /Common/a", OLD)
    wire = alice.begin("STOR /Common/a")
    wire.send(b"of alice")
    data_port = bob.open()
    told = bob.ask("STOR /common/A", 150, 450)
    if told.code == 150:  # whole files: the later one is the file, and no version is lost
        bob_wire = data_port.wire
        bob.protect(bob_wire)
        bob_wire.send(b"of bob")
        bob_wire.stop(Ending.POLITE)
        bob.expect(226)
    wire.stop(Ending.POLITE)
    alice.expect(226)
    assert bob.download("RETR /Common/a") == b"of alice"
    versions = {alice.download(f"RETR {each}") for each in names(bob, "/Common/.versions/a")}
    assert versions == ({OLD, b"of bob"} if told.code == 150 else {OLD})
