"""Logins over TLS: how many a second, and what one costs; ``python -m tests.bench.logins``.

Each round logs in to every server, one after the other; round 0 warms up and does not count.
One login is a connection, AUTH TLS with a full handshake, USER and PASS (or a certificate),
and QUIT.
"""

from __future__ import annotations

import argparse
import json
import ssl
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ftptls.cred.passwords import hash_password
from ftptls.store import User, Users
from ftptls.store.importing import Line
from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import peers
from tests.bench.clients import Session, Target
from tests.bench.contenders import Contender, Server, chosen, running
from tests.bench.figures import spread
from tests.bench.peers import PASSWORD, USER, Place


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
    Contender("ProFTPD, cheap hash", peers.proftpd),
    Contender("ProFTPD, certificate", peers.proftpd, certificate=True),
    Contender("vsftpd, anonymous", peers.vsftpd, user="anonymous"),
    Contender("pyftpdlib, password in clear", peers.pyftpdlib),
    Contender("ftptls, password in clear", peers.ftptls(f"memory:{USER}:{PASSWORD}")),
    Contender("ftptls, certificate", peers.ftptls("x509:cn", certificates=True), certificate=True),
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
    with running(contenders, authority, kind) as servers:
        for number in range(rounds + 1):
            for each in servers:
                taken = _sample(each, authority, logins)
                if number:
                    samples[each.contender.name].append(taken)
    return [_result(name, taken) for name, taken in samples.items()]


def _sample(each: Server, authority: Authority, logins: int) -> tuple[float, float, float]:
    contender, place = each.contender, each.place
    shown = context(authority, place.folder, certificate=contender.certificate)
    target = Target("127.0.0.1", place.port, contender.user)
    processes, server = len(each.account.pids()), each.account.cpu_seconds()
    client, clock = time.process_time(), time.perf_counter()
    for _ in range(logins):
        Session(target, shown).quit()
    seconds, client_cpu = time.perf_counter() - clock, time.process_time() - client
    each.settle(processes)
    return (
        logins / seconds,
        1000 * (each.account.cpu_seconds() - server) / logins,
        1000 * client_cpu / logins,
    )


def _result(name: str, taken: Sequence[tuple[float, float, float]]) -> Result:
    rate, server, client = (statistics.median(column) for column in zip(*taken, strict=True))
    return Result(name, rate, server, client, spread([each[1] for each in taken]))


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
    parser.add_argument("--only", default="", help="parts of the names of servers, by commas")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    results = measure(
        chosen(CONTENDERS, given.only), given.rounds, given.logins, KeyKind(given.key)
    )
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
