"""Guessing with curl and lftp: it is banned, and let in again by ``ftptls ban lift``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

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


def test_those_who_take_all_places_keep_nobody_out(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(guard=["waiting = 10"])
    (server.root / "f").write_text(CONTENT)
    with ExitStack() as stack:
        crowd = []
        for number in range(10):
            source = (f"127.0.3.{number % 2 + 1}", 0)
            where = ("127.0.0.1", server.port())
            crowd.append(stack.enter_context(socket.create_connection(where, 60, source)))
            assert crowd[-1].recv(1000).startswith(b"220 ")
        assert curl(server, tmp_path, url(server, "f")) == CONTENT
        assert crowd[0].recv(1000).startswith(b"421 Too many connections")
        for each in crowd[1:]:
            each.sendall(b"NOOP\r\n")
            assert each.recv(1000).startswith(b"200 ")
