"""A long listing: seconds, and CPU of both sides; ``python -m tests.bench.listings``.

All servers list one folder. In each round every server in turn sends it by MLSD and by LIST,
over TLS (PROT P) and in clear; round 0 warms up and does not count. Time begins before PASV and
ends behind the 226; the login is not in it. What came is read whole, and every name must be
there. How often one server takes as long as another one is computed within each round, so that
a machine that is busy for a while is so for all.
"""

from __future__ import annotations

import argparse
import ftplib
import json
import os
import re
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import peers
from tests.bench.accounting import cpu_seconds
from tests.bench.logins import context
from tests.bench.peers import PASSWORD, USER, Place
from tests.conftest import Process

VERBS = ("MLSD", "LIST")
OURS = "ftptls"
_OPEN = '[policy]\nlogin_protection = "optional"\ndata_protection = "optional"'
_PIECE = 256 * 1024
_DAY = 86400
# What comes before the name in a line of either verb.
_BEFORE = {"MLSD": re.compile(rb"[^ ]* "), "LIST": re.compile(rb"(?:[^ ]+ +){8}")}


@dataclass(frozen=True)
class Contender:
    """A server.

    Attributes:
        name: In the table.
        command: How it is started.
        user: Who logs in.
        verbs: What it can.
    """

    name: str
    command: Callable[[Place], list[str]]
    user: str = USER
    verbs: tuple[str, ...] = VERBS


CONTENDERS = (
    Contender("ProFTPD", peers.proftpd),
    Contender("vsftpd", peers.vsftpd, user="anonymous", verbs=("LIST",)),
    Contender("Pure-FTPd", peers.pureftpd),
    Contender("pyftpdlib", peers.pyftpdlib),
    Contender(OURS, peers.ftptls(f"memory:{USER}:{PASSWORD}", settings=_OPEN)),
)


@dataclass(frozen=True)
class Sample:
    """One listing: seconds, and CPU seconds of the server's process tree and of the client."""

    seconds: float
    server: float
    client: float


@dataclass(frozen=True)
class Result:
    """Of one server and one kind of listing: medians over rounds; None where it has none.

    Attributes:
        name: The contender's.
        kind: Verb and protection, such as ``MLSD, TLS``.
        seconds: From before PASV to behind the 226.
        server: CPU seconds of the server's whole process tree.
        client: The same of the client.
        ratio: ``seconds`` by those of ftptls in the same round.
        cpu_ratio: ``server`` by that of ftptls in the same round.
        spread: Largest less smallest ``seconds``, over their median.
    """

    name: str
    kind: str
    seconds: float | None = None
    server: float | None = None
    client: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    spread: float | None = None


def fill(folder: Path, number: int) -> frozenset[bytes]:
    """Make files of many sizes and times, and some folders; returns their names."""
    folder.mkdir()
    names = [f"report-{each:06}.csv" for each in range(number)]
    now = time.time()
    for each, name in enumerate(names):
        path = folder / name
        if each % 100 == 99:
            path.mkdir()
        else:
            path.touch()
            os.truncate(path, each * 7919 % 1_000_000)
        modified = now - each * 977 % (700 * _DAY)
        os.utime(path, (modified, modified))
    return frozenset(name.encode() for name in names)


def names_in(verb: str, listing: bytes) -> list[bytes]:
    """The names of a listing, without the directory itself and the one around it."""
    before = _BEFORE[verb]
    lines = [line for line in listing.split(b"\r\n") if line and not line.startswith(b"total ")]
    names = [before.sub(b"", line, count=1) for line in lines]
    return [name for name in names if name not in (b".", b"..")]


class Session:
    """Logged in to one server.

    Args:
        contender: Which.
        place: Where it listens, and whom to trust.
        pid: Its process.
        authority: Whom to trust.
        private: Whether over TLS.
    """

    def __init__(
        self, contender: Contender, place: Place, pid: int, authority: Authority, *, private: bool
    ) -> None:
        self._pid = pid
        self._client = ftplib.FTP(timeout=300)
        if private:
            shown = context(authority, place.folder, certificate=False)
            self._client = ftplib.FTP_TLS(context=shown, timeout=300)
        self._client.connect("127.0.0.1", place.port)
        self._client.login(contender.user, PASSWORD)
        if isinstance(self._client, ftplib.FTP_TLS):
            self._client.prot_p()
        self._client.voidcmd("TYPE A")  # as RFC 959 has it for listings

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.quit()

    def list(self, verb: str) -> tuple[Sample, bytes]:
        """What it costs, and what came."""
        pieces: list[bytes] = []
        server, client, clock = cpu_seconds(self._pid), time.process_time(), time.perf_counter()
        with self._client.transfercmd(verb) as data:
            while piece := data.recv(_PIECE):
                pieces.append(piece)
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
        self._client.voidresp()
        seconds, client_cpu = time.perf_counter() - clock, time.process_time() - client
        time.sleep(0.1)  # what it still does behind its reply
        return Sample(seconds, cpu_seconds(self._pid) - server, client_cpu), b"".join(pieces)


def measure(contenders: Sequence[Contender], rounds: int, number: int) -> list[Result]:
    """Start every server, and go round them.

    Args:
        contenders: The servers.
        rounds: How many count.
        number: Names in the folder.

    Raises:
        SystemExit: A listing was not of these names.
    """
    authority = Authority()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ftptls-bench-")))
        folder.chmod(0o755)
        names = fill(folder / "root", number)
        started: list[tuple[Contender, Place, Process]] = []
        for index, each in enumerate(contenders):
            place = peers.place(folder / str(index), authority, KeyKind.EC)
            place = replace(place, root=folder / "root")
            process = stack.enter_context(peers.running(each.command(place), place))
            started.append((each, place, process))
        results: list[Result] = []
        for private in (True, False):
            samples: dict[tuple[str, str], list[Sample]] = {}
            for _ in range(rounds + 1):
                for each, place, process in started:
                    with Session(each, place, process.pid, authority, private=private) as session:
                        for verb in each.verbs:
                            sample, listing = session.list(verb)
                            _compare(each, verb, names, listing)
                            samples.setdefault((verb, each.name), []).append(sample)
            for verb in VERBS:
                taken = {each.name: samples.get((verb, each.name), [])[1:] for each in contenders}
                results += _results(f"{verb}, {'TLS' if private else 'clear'}", taken)
    return results


def _compare(contender: Contender, verb: str, names: frozenset[bytes], listing: bytes) -> None:
    came = names_in(verb, listing)
    if len(came) != len(names) or set(came) != names:
        raise SystemExit(f"{verb} of {contender.name}: {len(came)} names came, not {len(names)}")


def _results(kind: str, taken: dict[str, list[Sample]]) -> list[Result]:
    ours = taken.get(OURS, [])
    return [_result(name, kind, samples, ours) for name, samples in taken.items()]


def _result(name: str, kind: str, samples: Sequence[Sample], ours: Sequence[Sample]) -> Result:
    if not samples:
        return Result(name, kind)
    seconds = statistics.median(each.seconds for each in samples)
    spread = max(each.seconds for each in samples) - min(each.seconds for each in samples)
    pairs = list(zip(samples, ours, strict=True)) if ours else []
    return Result(
        name,
        kind,
        seconds,
        statistics.median(each.server for each in samples),
        statistics.median(each.client for each in samples),
        statistics.median(each.seconds / our.seconds for each, our in pairs) if pairs else None,
        # The kernel counts in hundredths of a second.
        statistics.median(each.server / max(our.server, 0.01) for each, our in pairs)
        if pairs
        else None,
        spread / seconds,
    )


def table(results: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        f"| listing | server | seconds | by {OURS} | server CPU, s | by {OURS} "
        "| client CPU, s | spread |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.kind} | {each.name} | {_shown(each.seconds, '.3f')} "
        f"| {_shown(each.ratio, '.2f')} | {_shown(each.server, '.2f')} "
        f"| {_shown(each.cpu_ratio, '.2f')} | {_shown(each.client, '.2f')} "
        f"| {_shown(each.spread, '.0%')} |"
        for each in results
    ]
    return "\n".join(lines)


def _shown(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--names", type=int, default=50_000, help="in the folder")
    parser.add_argument("--only", default="", help="parts of the names of servers, by commas")
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    given = parser.parse_args(arguments)
    parts = given.only.split(",")
    chosen = [each for each in CONTENDERS if any(part in each.name for part in parts)]
    results = measure(chosen, given.rounds, given.names)
    if given.json:
        given.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
