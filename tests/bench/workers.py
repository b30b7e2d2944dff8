"""Whether a second worker helps: logins and small files a second, of one worker and of two.

Clients share the processors with the server, so they are as cheap as can be: a few processes
that verify no certificate and send what they can at once. And the key is RSA-4096, which costs
a server most and its clients least. What is possible is told beside: with one worker, a processor
is the worker's and another one the clients'; with two, all of them do all of the work.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from ftptls.authority.certificates import Pair, builder, new_key
from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import contenders
from tests.bench.clients import BenchError, Session, Target
from tests.bench.contenders import FIELD, OURS, Contender, Server
from tests.bench.peers import Place

_CLIENTS = 4
_FORK = multiprocessing.get_context("fork")
Act = Callable[[Target], Iterator[None]]
"""Each step of it is a login, or a file."""


def logins(target: Target) -> Iterator[None]:
    """In and out with a full handshake; what comes behind it is sent at once."""
    context = target.context()
    lines = f"USER {target.user}\r\nPASS {target.password}\r\nQUIT\r\n".encode()
    while True:
        with socket.create_connection((target.host, target.port), 60) as clear:
            clear.recv(4096)
            clear.sendall(b"AUTH TLS\r\n")
            clear.recv(4096)
            with context.wrap_socket(clear) as connected:
                connected.sendall(lines)
                told = b"".join(iter(lambda: connected.recv(4096), b""))
        if b"\r\n230 " not in told:
            raise BenchError(f"no login: {told.decode(errors='replace')}")
        yield


def small_files(target: Target) -> Iterator[None]:
    """RETR of 1 KiB in one session, each with a full handshake."""
    with Session(target, target.context()).ready() as session:
        while True:
            got, _ = session.fetch("RETR small")
            if len(got) != 1024:
                raise BenchError(f"{len(got)} octets came of the small file")
            yield


ROWS: dict[str, Act] = {"login rate": logins, "small-file rate": small_files}


@dataclass(frozen=True)
class Rate:
    """Of one server in one round.

    Attributes:
        done: In a second.
        server: CPU seconds of all of its processes for one.
        client: The same of the clients.
    """

    done: float
    server: float
    client: float

    @property
    def possible(self) -> float:
        """By how much two workers can be faster than one that does this, on this machine."""
        cores = os.cpu_count() or 1
        alone = min(1 / self.server, cores / (self.server + self.client))
        return min(2 / self.server, cores / (self.server + self.client)) / alone


def measure(rows: Sequence[str], root: Path, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """By turns, one worker and two.

    Args:
        rows: Names of what is measured.
        root: What is served.
        rounds: That count.
        seconds: For each of one round.

    Returns:
        What is written as JSON of each row.
    """
    taken: dict[str, list[tuple[Rate, Rate]]] = {name: [] for name in rows}
    shown = _long_key()
    both = [_with(number, shown) for number in (1, 2)]
    with contenders.running(both, Authority(), KeyKind.RSA, root) as servers:
        for number in range(rounds + 1):
            for name in rows:
                one, two = (_rate(ROWS[name], server, seconds) for server in servers)
                if number:
                    taken[name].append((one, two))
    return [_result(name, pairs) for name, pairs in taken.items()]


def _long_key() -> Pair:
    """A certificate of no authority."""
    key, now = new_key(KeyKind.RSA, 4096), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = builder(name, key.public_key(), now, now + timedelta(days=1))
    return Pair(key, made.issuer_name(name).sign(key, SHA256()))


def _with(workers: int, shown: Pair) -> Contender:
    (ours,) = [each for each in FIELD if each.name == OURS]

    def prepare(place: Place) -> None:
        place.chain.write_bytes(shown.certificate_pem)
        place.key.write_bytes(shown.key_pem())

    def command(place: Place) -> list[str]:
        return [*ours.command(place), "--workers", str(workers)]

    return replace(ours, name=f"{workers} workers", command=command, prepare=prepare)


def _rate(act: Act, server: Server, seconds: float) -> Rate:
    target = Target("127.0.0.1", server.place.port, server.contender.user)
    with _clients(act, target, seconds) as (barrier, pipes):
        barrier.wait()
        before, began = server.account.cpu_seconds(), time.perf_counter()
        told = [pipe.recv() for pipe in pipes]
        took, used = time.perf_counter() - began, server.account.cpu_seconds() - before
    failed = [each for each in told if isinstance(each, str)]
    if failed:
        raise SystemExit(f"{server.contender.name}: {failed[0]}")
    done, cpu = (sum(column) for column in zip(*told, strict=True))
    return Rate(done / took, used / done, cpu / done)


@contextmanager
def _clients(
    act: Act, target: Target, seconds: float
) -> Iterator[tuple[Barrier, list[Connection]]]:
    barrier = _FORK.Barrier(_CLIENTS + 1)
    pipes, processes = [], []
    for _ in range(_CLIENTS):
        ours, theirs = _FORK.Pipe()
        process = _FORK.Process(target=_serve, args=(act, target, seconds, barrier, theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        yield barrier, pipes
    finally:
        for process in processes:
            process.join()


def _serve(act: Act, target: Target, seconds: float, barrier: Barrier, pipe: Connection) -> None:
    """A client process: tells how many it did, and its CPU seconds; or what went wrong."""
    steps = act(target)
    try:
        next(steps)
        barrier.wait()
        used, until, done = time.process_time(), time.perf_counter() + seconds, 0
        while time.perf_counter() < until:
            next(steps)
            done += 1
        pipe.send((done, time.process_time() - used))
    except (BenchError, OSError) as error:
        barrier.abort()
        pipe.send(f"{type(error).__name__}: {error}")


def _result(name: str, pairs: Sequence[tuple[Rate, Rate]]) -> dict[str, Any]:
    return {
        "name": name,
        "one": statistics.median(one.done for one, _ in pairs),
        "two": statistics.median(two.done for _, two in pairs),
        "ratio": statistics.median(two.done / one.done for one, two in pairs),
        "possible": statistics.median(one.possible for one, _ in pairs),
        "server": statistics.median(one.server for one, _ in pairs),
        "client": statistics.median(one.client for one, _ in pairs),
    }
