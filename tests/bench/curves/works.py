"""What sessions of a crowd do; each logs in first, and goes on until the process ends."""

from __future__ import annotations

import os
import time

from tests.bench.curves.crowd import Counts, NewSession
from tests.bench.curves.loop import until
from tests.bench.curves.session import Session

BIG, TARGET = "big", "upload"
UPLOADED = 16 * 2**20
SLOW = 10_000  # octets a second
# A slow reader's kernel keeps no more than this unread, so that it is slow to the server, too.
_ROOM = 16 * 1024


async def idle(new_session: NewSession, counts: Counts) -> None:
    """Log in, and no more."""
    session = new_session()
    await session.log_in()
    counts.ready += 1
    _kept.append(session)


async def answer(new_session: NewSession, counts: Counts) -> None:
    """Every session that is idle has to answer."""
    for session in _kept:
        await session.command("NOOP", "200")
    counts.ready += 1
    counts.done += len(_kept)


async def download(new_session: NewSession, counts: Counts) -> None:
    """One file again and again."""
    session = new_session()
    await session.log_in()
    counts.ready += 1
    while True:
        async for octets in session.retrieve(f"RETR {BIG}"):
            counts.octets += octets
        counts.done += 1


async def upload(new_session: NewSession, counts: Counts) -> None:
    """One file again and again, each session its own."""
    session = new_session()
    await session.log_in()
    counts.ready += 1
    name = f"{TARGET}-{os.getpid()}-{id(session)}"
    while True:
        async for octets in session.store(f"STOR {name}", UPLOADED):
            counts.octets += octets
        counts.done += 1


async def log_in(new_session: NewSession, counts: Counts) -> None:
    """In and out, again and again."""
    counts.ready += 1
    while True:
        session = new_session()
        await session.log_in()
        await session.quit()
        counts.done += 1


async def crawl(new_session: NewSession, counts: Counts) -> None:
    """Download, but slowly."""
    session = new_session()
    await session.log_in()
    due = 0.0
    async for octets in session.retrieve(f"RETR {BIG}", _ROOM):
        due = due or _begin(counts)
        counts.octets += octets
        due += octets / SLOW
        await until(due)
    counts.done += 1


def _begin(counts: Counts) -> float:
    counts.ready += 1
    return time.monotonic()


_kept: list[Session] = []
