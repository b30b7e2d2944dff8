"""Guessing is banned, and let in again by ``ftptls ban lift``; a flood of it stops no transfer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ftptls.cred.passwords import hash_password
from tests.conftest import CHECKOUT
from tests.interop.clients import curl, lftp, url
from tests.interop.server import Server, eventually

DENIED, NO_TLS = 67, 35
SENT_AWAY = (28, 8)  # what curl makes of 421; which one depends on its version
LFTP_FAILED = 1
FAILURES = 4
CONTENT = "0123"


@pytest.fixture
def guarded(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    server = start_server(
        limits=["login_delay = 0.01"],
        guard=[f"ban_after = {FAILURES}", f'state = "{tmp_path}/bans"'],
    )
    (server.root / "f").write_text(CONTENT)
    return server


def ban(tmp_path: Path, *arguments: str) -> Any:
    """What ``ftptls ban`` says."""
    command = [sys.executable, "-m", "ftptls", "ban", *arguments]
    command += ["--state", f"{tmp_path}/bans", "--json"]
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    return json.loads(
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60, env=environment
        ).stdout
    )


def guess(server: Server, tmp_path: Path, user: str = "mallory:wrong") -> None:
    """Once; whatever comes of it, it is no login."""
    curl(server, tmp_path, "--user", user, url(server, "f"), status=(DENIED, *SENT_AWAY))


def test_a_guesser_is_banned_and_let_in_again(guarded: Server, tmp_path: Path) -> None:
    at = url(guarded, "f")
    assert curl(guarded, tmp_path, at) == CONTENT
    for _ in range(FAILURES):
        guess(guarded, tmp_path)
    said = curl(guarded, tmp_path, "--verbose", at, status=SENT_AWAY)
    assert "421 Too many failed logins from your address" in said
    curl(guarded, tmp_path, url(guarded, "f", kind="implicit"), status=NO_TLS)
    lftp(guarded, tmp_path, "cat f", status=LFTP_FAILED)
    assert curl(guarded, tmp_path, url(guarded, "f", family=6)) == CONTENT
    eventually(lambda: [each["what"] for each in ban(tmp_path, "list")] == ["127.0.0.1"])
    (lifted,) = ban(tmp_path, "lift", "127.0.0.1")
    assert (lifted["kind"], lifted["failures"]) == ("address", FAILURES)
    guarded.wait_for("the ban of the address '127.0.0.1' was lifted")
    assert curl(guarded, tmp_path, at) == CONTENT
    assert CONTENT in lftp(guarded, tmp_path, "cat f")


def test_guesses_side_by_side(guarded: Server, tmp_path: Path) -> None:
    """Nobody guesses more often for guessing on many connections."""
    with ThreadPoolExecutor(8) as pool:
        guesses = [pool.submit(guess, guarded, tmp_path, f"mallory:{n}") for n in range(24)]
    for each in guesses:
        each.result()
    assert FAILURES <= guarded.log.count("login refused for 'mallory'") < FAILURES + 8


SOURCES, EACH, GUESSES = 12, 8, 20


def flood(port: int, stack: ExitStack) -> list[socket.socket]:
    """Connections from many addresses, each with a lot of passwords that must be hashed."""
    made = []
    for number in range(SOURCES * EACH):
        source = f"127.0.1.{number % SOURCES + 1}"
        one = socket.create_connection(("127.0.0.1", port), 60, source_address=(source, 0))
        made.append(stack.enter_context(one))
        one.sendall(f"USER user{number}\r\nPASS wrong\r\n".encode() * GUESSES)
    return made


def heard(one: socket.socket) -> bytes:
    """What was answered so far."""
    one.setblocking(False)
    with suppress(BlockingIOError):
        return one.recv(1 << 20)
    return b""


def test_a_flood_of_logins_stops_no_transfer(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    """The passwords wait for the one thread that hashes, up to so many; transfers do not."""
    users = tmp_path / "users"
    users.write_text(f"bob:{hash_password(b'builder')}\n")
    server = start_server(
        flags=["--auth", f"htpasswd:{users}", "--login-protection", "optional"],
        limits=["login_delay = 0", "login_attempts = 1000"],
        guard=["ban_time = 0", "wary_after = 1000000"],
    )
    big = os.urandom(16 << 20)
    (server.root / "big").write_bytes(big)
    with ExitStack() as stack:
        flooding = flood(server.port(), stack)
        curl(server, tmp_path, url(server, "big"), "--output", "got")
        curl(server, tmp_path, url(server, "new"), "--upload-file", "got")
        answers = b"".join(map(heard, flooding))
    assert (tmp_path / "got").read_bytes() == (server.root / "new").read_bytes() == big
    assert 0 < answers.count(b"530 Login incorrect") < len(flooding) * GUESSES / 2
    assert b"421 Too many logins at once" in answers
