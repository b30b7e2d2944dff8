"""Logins over TLS: how many a second, and what one costs; ``python -m tests.bench.logins``.

Each round logs in to every server, one after the other; round 0 warms up and does not count.
One login is a connection, AUTH TLS with a full handshake, USER and PASS (or a certificate),
and QUIT.
"""

from __future__ import annotations

import argparse
import ftplib
import json
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from ftptls.cred.passwords import hash_password
from ftptls.store import User, Users
from ftptls.store.importing import Line
from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import peers
from tests.bench.accounting import cpu_seconds
from tests.bench.peers import PASSWORD, USER, Place
from tests.conftest import Process


@dataclass(frozen=True)
class Contender:
    """A server in one configuration.

    Attributes:
        name: In the table.
        command: How it is started.
        user: Who logs in.
        certificate: Whether by certificate.
        prepare: Makes the files that it needs, before it is started.
    """

    name: str
    command: Callable[[Place], list[str]]
    user: str = USER
    certificate: bool = False
    prepare: Callable[[Place], None] = lambda _place: None


@dataclass(frozen=True)
class Result:
    """Of one server: medians over rounds, and their spread.

    Attributes:
        name: The contender's.
        rate: Logins a second, one after the other.
        server_ms: CPU milliseconds of the server's whole process tree for one login.
        client_ms: The same of the client.
        spread: Largest less smallest ``server_ms``, over their median.
    """

    name: str
    rate: float
    server_ms: float
    client_ms: float
    spread: float


def _htpasswd(place: Place) -> None:
    (place.folder / "htpasswd").write_text(f"{USER}:{hash_password(PASSWORD.encode())}\n")


def _store(number: int) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        hashed = hash_password(PASSWORD.encode())
        names = [*(f"user{each:06}" for each in range(number - 1)), USER]
        people = (User(name=name, password=hashed, home=str(place.root)) for name in names)
        with Users.open(f"sqlite:{place.folder}/users.db", create=True) as users:
            users.import_many(Line(each, user) for each, user in enumerate(people, 1))

    return prepare


CONTENDERS = (
    Contender("ProFTPD, sha512-crypt", peers.proftpd),
    Contender("ProFTPD, certificate", peers.proftpd, certificate=True),
    Contender("vsftpd, anonymous", peers.vsftpd, user="anonymous"),
    Contender("pyftpdlib, password in clear", peers.pyftpdlib),
    Contender("ftptls, password in clear", peers.ftptls(f"memory:{USER}:{PASSWORD}")),
    Contender("ftptls, certificate", peers.ftptls("x509:cn"), certificate=True),
    Contender(
        "ftptls, htpasswd with Argon2id",
        peers.ftptls("htpasswd:{folder}/htpasswd"),
        prepare=_htpasswd,
    ),
    Contender(
        "ftptls, store of 10 with Argon2id",
        peers.ftptls("sqlite:{folder}/users.db"),
        prepare=_store(10),
    ),
    Contender(
        "ftptls, store of 100,000 with Argon2id",
        peers.ftptls("sqlite:{folder}/users.db"),
        prepare=_store(100_000),
    ),
)


def login(port: int, context: ssl.SSLContext, user: str) -> None:
    """Once in and out again."""
    client = ftplib.FTP_TLS(context=context, timeout=30)
    client.connect("127.0.0.1", port)
    client.auth()
    reply = client.sendcmd(f"USER {user}")
    if reply.startswith("331"):
        reply = client.sendcmd(f"PASS {PASSWORD}")
    if not reply.startswith(("230", "232")):
        raise SystemExit(f"the login was refused: {reply}")
    client.quit()


def context(authority: Authority, folder: Path, *, certificate: bool) -> ssl.SSLContext:
    """A client's, which may show a certificate."""
    made = ssl.create_default_context(cadata=authority.root.certificate_pem.decode())
    made.check_hostname = False
    if certificate:
        pair = authority.client(USER)
        path = folder / "client.pem"
        path.write_bytes(pair.certificate_pem + pair.key_pem())
        made.load_cert_chain(path)
    return made


def measure(
    contenders: Sequence[Contender], rounds: int, logins: int, kind: KeyKind
) -> list[Result]:
    """Start every server, and go round them."""
    authority = Authority()
    samples: dict[str, list[tuple[float, float, float]]] = {each.name: [] for each in contenders}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftptls-bench-")))
        folder.chmod(0o755)
        started: list[tuple[Contender, Place, Process]] = []
        for number, each in enumerate(contenders):
            place = peers.place(folder / str(number), authority, kind)
            each.prepare(place)
            process = stack.enter_context(peers.running(each.command(place), place))
            started.append((each, place, process))
        for number in range(rounds + 1):
            for each, place, process in started:
                shown = context(authority, place.folder, certificate=each.certificate)
                taken = _sample(place.port, process.pid, shown, each.user, logins)
                if number:
                    samples[each.name].append(taken)
    return [_result(name, taken) for name, taken in samples.items()]


def _sample(
    port: int, pid: int, shown: ssl.SSLContext, user: str, logins: int
) -> tuple[float, float, float]:
    server, client, clock = cpu_seconds(pid), time.process_time(), time.perf_counter()
    for _ in range(logins):
        login(port, shown, user)
    seconds, client_cpu = time.perf_counter() - clock, time.process_time() - client
    time.sleep(0.2)  # for children of the server that are just ending
    return (
        logins / seconds,
        1000 * (cpu_seconds(pid) - server) / logins,
        1000 * client_cpu / logins,
    )


def _result(name: str, taken: Sequence[tuple[float, float, float]]) -> Result:
    rate, server, client = (statistics.median(column) for column in zip(*taken, strict=True))
    costs = [each[1] for each in taken]
    spread = (max(costs) - min(costs)) / server if server else 0.0
    return Result(name, rate, server, client, spread)


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        "| server | logins/s | server CPU, ms | client CPU, ms | spread |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.name} | {each.rate:.0f} | {each.server_ms:.2f} | {each.client_ms:.2f} "
        f"| {each.spread:.0%} |"
        for each in results
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--logins", type=int, default=100, help="in each round, of each server")
    parser.add_argument("--key", choices=[kind.value for kind in KeyKind], default="ec")
    parser.add_argument("--only", default="", help="part of the names of servers")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    chosen = [each for each in CONTENDERS if given.only in each.name]
    results = measure(chosen, given.rounds, given.logins, KeyKind(given.key))
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
