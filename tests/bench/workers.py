"""Whether a second worker helps: logins and small files a second, of one worker and of two.

Clients share the processors with the server, so they are as cheap as can be: a few processes
that verify no certificate and send what they can at once. And the key is RSA-4096, which costs
a server most and its clients least. What is possible is told beside: with one worker, a processor
is the worker's and another one the clients'; with two, all of them do all of the work.

And the same is measured where each process of a server has a share of a processor, and no more,
so that the clients have room: see :mod:`tests.bench.shares`. There, two workers can be twice as
fast as one by the clock, if the work is shared and costs no more.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import BrokenBarrierError
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
from tests.bench.shares import PERIOD, SHARE, NoSharesError, Shares, shares

_CLIENTS = 8
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


Rates = tuple[Rate, Rate]
"""Of one worker, and of two."""


def measure(
    rows: Sequence[str], root: Path, rounds: int, seconds: float
) -> tuple[list[dict[str, Any]], str]:
    """By turns, one worker and two, with all that the machine has and with shares of it.

    Args:
        rows: Names of what is measured.
        root: What is served.
        rounds: That count.
        seconds: For each of one round.

    Returns:
        What is written as JSON of each row, and a sentence about shares.
    """
    free: dict[str, list[Rates]] = {name: [] for name in rows}
    held: dict[str, list[Rates]] = {name: [] for name in rows}
    shown = _long_key()
    both = [_with(number, shown) for number in (1, 2)]
    with ExitStack() as stack:
        servers = stack.enter_context(contenders.running(both, Authority(), KeyKind.RSA, root))
        given, told = _shares(servers, stack)
        for number in range(rounds + 1):
            for name in rows:
                pair = _pair(ROWS[name], servers, seconds)
                if number:
                    free[name].append(pair)
                if not given:
                    continue
                with ExitStack() as while_held:
                    for each in given:
                        while_held.enter_context(each.held())
                    pair = _pair(ROWS[name], servers, seconds)
                if number:
                    held[name].append(pair)
    return [_result(name, free[name], held[name]) for name in rows], told


def _shares(servers: Sequence[Server], stack: ExitStack) -> tuple[list[Shares], str]:
    """Those of the processes of all servers, and what they are."""
    try:
        given = [stack.enter_context(shares(each.account)) for each in servers]
    except NoSharesError as error:
        return [], f"none were to be had: {error}."
    return given, f"{SHARE:.0%} of a processor for each process, by {PERIOD // 1000} ms."


def _pair(act: Act, servers: Sequence[Server], seconds: float) -> Rates:
    one, two = (_rate(act, server, seconds) for server in servers)
    return one, two


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
        with suppress(BrokenBarrierError):  # one of them says why
            barrier.wait()
        before, began = server.account.cpu_seconds(), time.perf_counter()
        told = [pipe.recv() for pipe in pipes]
        took, used = time.perf_counter() - began, server.account.cpu_seconds() - before
    failed = [each for each in told if isinstance(each, str) and each]
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
    except BrokenBarrierError:
        pipe.send("")  # another one says why
    except (BenchError, OSError) as error:
        barrier.abort()
        pipe.send(f"{type(error).__name__}: {error}")


def _result(name: str, free: Sequence[Rates], held: Sequence[Rates]) -> dict[str, Any]:
    return {
        "name": name,
        **_compared(free),
        "possible": statistics.median(one.possible for one, _ in free),
        "server": statistics.median(one.server for one, _ in free),
        "client": statistics.median(one.client for one, _ in free),
        "held": _compared(held) if held else None,
    }


def _compared(pairs: Sequence[Rates]) -> dict[str, float]:
    return {
        "one": statistics.median(one.done for one, _ in pairs),
        "two": statistics.median(two.done for _, two in pairs),
        "ratio": statistics.median(two.done / one.done for one, two in pairs),
    }
