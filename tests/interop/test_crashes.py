"""The server is killed while it receives: each file is the old one or the new one, and whole.

``FTPTLS_SCALE`` multiplies the number of uploads and of kills.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from ftptls.vfs.temporaries import kept_name
from tests.interop.certificates import Certificates
from tests.interop.clients import CLEAR, ftp, store
from tests.interop.server import USER, Server, scale

UPLOADS = 10  # until each kill
KILLS = max(3, round(3 * scale()))
CLIENTS = 5
PIECE = 16 * 1024
CLEANED = r"(\d+) leftovers of uploads removed, (\d+) kept"


class Round:
    """Some uploads, in the middle of which the server is killed."""

    def __init__(self, server: Server, number: int, kind: str) -> None:
        self._server = server
        self._kind = kind
        self._random = random.Random(number)
        self._sent = 0
        self._sending = threading.Lock()
        self._enough = threading.Event()
        self.new = {f"{number}-{each}": self._content() for each in range(UPLOADS)}
        # Half of them replace something.
        self.old = {name: self._content() for name in list(self.new)[::2]}
        for name, data in self.old.items():
            (server.root / name).write_bytes(data)
        whole = sum(map(len, self.new.values()))
        self._limit = self._random.uniform(0.05, 0.9) * whole

    def _content(self) -> bytes:
        return self._random.randbytes(self._random.randrange(1, 2_000_000))

    def run(self) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            done = [pool.submit(self._upload, name) for name in self.new]
            assert self._enough.wait(120)
            # What was sent may not have been taken yet: none has begun, or all before have ended.
            while not hidden(self._server, self._kind) and not all(each.done() for each in done):
                time.sleep(0.001)
            self._server.kill()
            for each in done:
                each.result()

    def _upload(self, name: str) -> None:
        protect = self._random.random() < 0.5
        with suppress(OSError, EOFError), ftp(self._server, protect=protect) as client:
            client.voidcmd("TYPE I")
            with client.transfercmd(f"STOR {name}") as data:
                for piece in self._pieces(self.new[name]):
                    data.sendall(piece)
                if protect:
                    data.unwrap()
            client.voidresp()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            with self._sending:
                self._sent += len(piece)
                if self._sent >= self._limit:
                    self._enough.set()
            yield piece

    def check(self) -> None:
        """Each target is as it was, or as it is to be."""
        for name, new in self.new.items():
            target = self._server.root / name
            found = target.read_bytes() if target.exists() else None
            assert found in (new, self.old.get(name)), (name, found and len(found))


def hidden(server: Server, kind: str) -> set[str]:
    return {each.name for each in server.root.glob(f".ftptls-*.{kind}")}


def start(folder: Path, throwaway: Certificates, mode: str) -> Server:
    return Server(folder, throwaway, flags=(*CLEAR, f"--upload-mode={mode}"))


@pytest.mark.parametrize("mode", ["atomic", "atomic-resume"])
def test_killed_in_the_middle_of_uploads(
    tmp_path: Path, throwaway: Certificates, mode: str
) -> None:
    kind = "part" if mode == "atomic" else "kept"
    server = start(tmp_path, throwaway, mode)
    left = 0
    try:
        for number in range(KILLS):
            uploads = Round(server, number, kind)
            uploads.run()
            uploads.check()
            left += len(hidden(server, kind))
            server = start(tmp_path, throwaway, mode)
            server.wait_for(CLEANED)
            assert not hidden(server, "part")
            assert mode == "atomic-resume" or not hidden(server, "kept")
            go_on(server, uploads)
            uploads.check()
            assert not hidden(server, "kept")
    finally:
        server.stop()
    assert left  # it was in the middle of some


def go_on(server: Server, uploads: Round) -> None:
    """What arrived before the crash is what was sent, and what is missing can follow."""
    with ftp(server) as client:
        client.voidcmd("TYPE I")
        for name, new in uploads.new.items():
            part = server.root / os.fsdecode(kept_name(USER, name.encode()))
            if not part.exists():
                continue
            size = part.stat().st_size
            if size:
                assert client.size(name) == size
            store(client, name, new[size:], rest=size or None)  # type: ignore[arg-type]
            assert (server.root / name).read_bytes() == new
