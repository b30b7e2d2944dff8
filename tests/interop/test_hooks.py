"""Hooks of a real server: curl and lftp upload, programs scan, and a receiver is told."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from ftplib import error_perm
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.conftest import Process, Spawn
from tests.hooks import receiver as program
from tests.interop.certificates import Certificates
from tests.interop.clients import Bare, curl, fetch, ftp, lftp, store, url
from tests.interop.server import USER, Server, eventually

KEY = "whsec_" + "c2VjcmV0" * 5
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCAN = """#!/bin/sh
echo $$ >> "{folder}/scans"
while [ -e "{folder}/busy" ]; do sleep 0.02; done
if grep -q EICAR-STANDARD-ANTIVIRUS-TEST-FILE; then
    echo "Eicar-Test-Signature FOUND"
    exit 1
fi
"""
PARTIAL_FILE = 18  # what curl makes of an error behind the data
LFTP_FAILED = 1


@pytest.fixture
def scanner(tmp_path: Path) -> Path:
    program = tmp_path / "scan"
    program.write_text(SCAN.format(folder=tmp_path))
    program.chmod(0o755)
    return program


@pytest.fixture
def scanned(start_server: Callable[..., Server], scanner: Path) -> Server:
    """A server with a scanner that decides about uploads."""
    return start_server(hooks=[[f'program = ["{scanner}"]', 'events = ["upload_held"]']])


class Receiver:
    """An HTTP server that is told of events, and can be started anew."""

    def __init__(self, spawn: Spawn, folder: Path) -> None:
        self._spawn = spawn
        self._record = folder / "record"
        self._process: Process | None = None
        self.port = 0

    def start(self, plan: str = "") -> None:
        command = [sys.executable, program.__file__, str(self.port), str(self._record), plan]
        self._process = self._spawn(*command)
        self.port = int(self._process.wait_for(r"receives on (\d+)")[1])

    def stop(self) -> None:
        assert self._process is not None
        self._process.end()

    @property
    def got(self) -> list[dict[str, Any]]:
        """The requests so far."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The events that it took, whose signatures are in order."""
        taken = [each for each in self.got if each["step"] == "204"]
        return [Webhook(KEY).verify(each["body"], each["headers"]) for each in taken]


@pytest.fixture
def receiver(spawn: Spawn, tmp_path: Path) -> Receiver:
    return Receiver(spawn, tmp_path)


def hook_of(receiver: Receiver, folder: Path, *more: str) -> list[str]:
    (folder / "key").write_text(KEY)
    return [
        f'url = "http://127.0.0.1:{receiver.port}/"',
        f'key = "{folder}/key"',
        f'queue = "{folder}/hooks.db"',
        *more,
    ]


def test_curl_uploads_what_is_clean_and_nothing_else(scanned: Server, tmp_path: Path) -> None:
    (tmp_path / "clean.csv").write_bytes(b"1;2;3\n" * 100_000)
    (tmp_path / "bad.txt").write_bytes(bytes(300_000) + EICAR)
    curl(scanned, tmp_path, "--upload-file", "clean.csv", url(scanned))
    bad = ["--verbose", "--upload-file", "bad.txt"]
    said = curl(scanned, tmp_path, *bad, url(scanned), status=PARTIAL_FILE)
    assert "550 Refused: Eicar-Test-Signature FOUND. Nothing was stored." in said
    assert os.listdir(scanned.root) == ["clean.csv"]
    assert (scanned.root / "clean.csv").read_bytes() == (tmp_path / "clean.csv").read_bytes()
    assert "refused '/bad.txt' of 'alice': 'Eicar-Test-Signature FOUND'" in scanned.log


def test_lftp_uploads_what_is_clean_and_nothing_else(scanned: Server, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/clean.csv").write_bytes(b"1;2;3\n")
    (tmp_path / "bad.txt").write_bytes(EICAR)
    lftp(scanned, tmp_path, "mirror --reverse out in")
    said = lftp(scanned, tmp_path, "put bad.txt", status=LFTP_FAILED)
    assert "Refused: Eicar-Test-Signature FOUND" in said
    assert os.listdir(scanned.root) == ["in"]
    assert os.listdir(scanned.root / "in") == ["clean.csv"]


def test_a_hostile_name_reaches_no_shell(scanned: Server, tmp_path: Path) -> None:
    name = "$(touch gone) `id`;'\"&|<>* -rf é.txt"
    with ftp(scanned) as client:
        store(client, name, b"clean")
        with pytest.raises(error_perm, match="Refused: Eicar"):
            store(client, f"{name}.bad", EICAR)
    assert os.listdir(scanned.root) == [name]


def test_a_client_aborts_while_the_scanner_works(scanned: Server, tmp_path: Path) -> None:
    (tmp_path / "busy").touch()
    with Bare(scanned) as client:
        data = client.transfer("STOR new")
        data.sendall(b"clean")
        data.unwrap().close()
        scans = tmp_path / "scans"
        eventually(scans.exists)
        assert "being checked" in client.command("STAT", 211)
        client.command("ABOR", 426, 226)
        client.command("SIZE new", 550)
        pid = scans.read_text().strip()
        eventually(lambda: not runs(pid))
    assert os.listdir(scanned.root) == []


def runs(pid: str) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_others_are_served_while_scanners_work(scanned: Server, tmp_path: Path) -> None:
    """More uploads wait than scanners may run, and more than there are threads."""
    (scanned.root / "old").write_bytes(b"old")
    (tmp_path / "busy").touch()
    waiting = [Bare(scanned) for _ in range(12)]
    try:
        for at, client in enumerate(waiting):
            data = client.transfer(f"STOR {at}")
            data.sendall(b"clean")
            data.unwrap().close()
        scans = tmp_path / "scans"
        eventually(lambda: scans.exists() and len(scans.read_text().split()) == 4)
        with ftp(scanned) as other:
            assert fetch(other, "old") == b"old"
        (tmp_path / "busy").unlink()
        for client in waiting:
            client.expect(226)
    finally:
        for client in waiting:
            client.close()
    assert len(os.listdir(scanned.root)) == 13


def test_the_server_ends_although_a_scanner_does_not(
    start_server: Callable[..., Server], scanner: Path, tmp_path: Path
) -> None:
    server = start_server(hooks=[[f'program = ["{scanner}"]', 'events = ["upload_held"]']])
    (tmp_path / "busy").touch()
    with Bare(server) as client:
        data = client.transfer("STOR new")
        data.sendall(b"clean")
        data.unwrap().close()
        eventually((tmp_path / "scans").exists)
        server.stop()
    assert os.listdir(server.root) == []
    pid = (tmp_path / "scans").read_text().strip()
    eventually(lambda: not runs(pid))


def test_a_receiver_is_told_everything_however_it_fails(
    start_server: Callable[..., Server], receiver: Receiver, tmp_path: Path
) -> None:
    receiver.start("500 reset 204 503")
    events = 'events = ["login", "upload", "download", "rename", "delete"]'
    server = start_server(hooks=[hook_of(receiver, tmp_path, events, "sha256 = true")])
    (tmp_path / "a").write_bytes(b"1;2;3\n")
    actions = ["put a", "cat a", "mv a b", "rm b"]
    lftp(server, tmp_path, *actions)
    eventually(lambda: [each for each in receiver.taken if each["event"] == "delete"])
    told = [each for each in receiver.taken if each["event"] != "login"]
    assert [each["event"] for each in told] == ["upload", "download", "rename", "delete"]
    (stored, fetched, renamed, deleted) = told
    assert stored["sha256"] == hashlib.sha256(b"1;2;3\n").hexdigest()
    assert stored["real_path"] == f"{server.root}/a"
    assert stored["user"] == USER
    assert stored["tls_version"] == "TLSv1.3"
    assert (fetched["path"], fetched["octets"]) == ("/a", 6)
    assert (renamed["path"], renamed["target"], deleted["path"]) == ("/a", "/b", "/b")
    assert len({each["id"] for each in receiver.taken}) == len(receiver.taken)


def test_what_a_killed_server_told_nobody_is_told_by_the_next(
    receiver: Receiver, tmp_path: Path, throwaway: Certificates
) -> None:
    receiver.start()
    receiver.stop()
    hooks = [hook_of(receiver, tmp_path, 'events = ["upload"]')]
    (tmp_path / "first").mkdir()
    server = Server(tmp_path / "first", throwaway, hooks=hooks)
    try:
        with ftp(server) as client:
            for at in range(5):
                store(client, str(at), b"x")
    finally:
        server.kill()
    receiver.start()
    (tmp_path / "second").mkdir()
    again = Server(tmp_path / "second", throwaway, hooks=hooks)
    try:
        eventually(lambda: len(receiver.taken) == 5)
        assert [each["path"] for each in receiver.taken] == [f"/{at}" for at in range(5)]
    finally:
        again.stop()


def test_no_transfer_waits_for_a_receiver(
    start_server: Callable[..., Server], receiver: Receiver, tmp_path: Path
) -> None:
    receiver.start("slow slow slow")
    events = 'events = ["upload"]'
    server = start_server(hooks=[hook_of(receiver, tmp_path, events, "timeout = 3600")])
    with ftp(server) as client:
        for at in range(5):
            store(client, str(at), b"x")
    eventually(lambda: len(receiver.got) == 1)
