"""A server as the rows of the table see it: where it is, what it serves, and what it costs."""

from __future__ import annotations

import filecmp
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench.clients import (
    SUITE,
    BenchError,
    Finished,
    Session,
    Target,
    WrongContentError,
)
from tests.bench.contenders import Server, running
from tests.bench.figures import Sample
from tests.bench.listings import fill

GIB = 2**30
_ENCRYPTED = re.compile(r"SSL connection using (\S+) / (\S+)")


@dataclass(frozen=True)
class Load:
    """How much is done for one sample.

    Attributes:
        octets: Of the large file.
        logins: One after the other.
        files: Small ones, one after the other.
        commands: NOOPs.
        entries: Names in the folder that is listed.
        sessions: Idle ones.
        seconds: How long to go on with what is done many times.
    """

    octets: int = 512 * 2**20
    logins: int = 100
    files: int = 100
    commands: int = 2000
    entries: int = 50_000
    sessions: int = 100
    seconds: float = 2

    def brief(self) -> Load:
        """For round 0."""
        return replace(self, logins=5, files=5, commands=100)


QUICK = Load(128 * 2**20, logins=40, files=40, commands=1000, sessions=40, seconds=0.7)


@dataclass(frozen=True)
class Content:
    """What all servers serve: ``large``, ``small``, ``many/`` and, for uploads, ``in/``.

    Attributes:
        folder: Where.
        names: Those in ``many``.
    """

    folder: Path
    names: frozenset[bytes]

    @classmethod
    def make(cls, folder: Path, load: Load) -> Content:
        """Write the files; the cache of pages has them then."""
        folder.mkdir()
        piece = b"".join(hashlib.sha256(bytes([each, 7])).digest() for each in range(256)) * 128
        with (folder / "large").open("wb") as large:
            for begin in range(0, load.octets, len(piece)):  # no two pieces are the same
                large.write((begin.to_bytes(8) + piece[8:])[: load.octets - begin])
        (folder / "small").write_bytes(piece[:1024])
        (folder / "in").mkdir()
        (folder / "in").chmod(0o777)
        return cls(folder, fill(folder / "many", load.entries))


@dataclass
class Subject:
    """One server.

    Attributes:
        name: In the table.
        target: Where it is.
        content: What it serves, and what is uploaded.
        server: What runs here; None if it is on another host.
        large: The path of the large file.
        small: The same of the small one.
        inbox: What the paths of uploads begin with.
        first: Whether this is round 0, in which more is checked.
        authority: Whom it has its certificate of, if it runs here.
        negotiated: Version of TLS and cipher of large transfers.
        refused: What another host would not do, by row.
        lost: Uploads that it confirmed and did not have.
    """

    name: str
    target: Target
    content: Content
    server: Server | None = None
    large: str = "large"
    small: str = "small"
    inbox: str = "in/"
    first: bool = True
    authority: Authority | None = None
    negotiated: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    lost: int = 0

    def session(self, *, private: bool) -> Session:
        """Logged in."""
        return Session(self.target, self.target.context() if private else None).ready()

    def repeated(self, act: Callable[[], object], number: int, seconds: float = 1e9) -> Sample:
        """The sample of doing it so often, for one time.

        Args:
            act: What is done.
            number: How often at most.
            seconds: After which it is enough.
        """
        since = self.meter()
        client, clock = time.process_time(), time.perf_counter()
        done = 0
        while done < number and time.perf_counter() - clock < seconds:
            act()
            done += 1
        taken, client = time.perf_counter() - clock, time.process_time() - client
        return Sample(since(done), client / done, taken / done)

    def moved(self, transfer: Callable[..., Finished], octets: int) -> Sample:
        """The sample of transfers by curl, for a GiB.

        Raises:
            BenchError: It was not so much, or not encrypted as with the others.
        """
        since = self.meter()
        done = transfer(verbose=self.first)
        gib = octets / GIB
        sample = Sample(since(gib), done.cpu / gib, done.seconds / gib)
        if done.octets != octets:
            raise BenchError(f"{done.octets} octets were moved, not {octets}")
        ciphers = {f"{version} {suite}" for version, suite in _ENCRYPTED.findall(done.said)}
        if ciphers - {f"TLSv1.3 {SUITE}"}:
            raise BenchError(f"it chose {' and '.join(sorted(ciphers))}, not TLSv1.3 {SUITE}")
        self.negotiated = "".join(ciphers) or self.negotiated
        return sample

    def same(self, got: Path) -> None:
        """Compare with the large file, and remove it.

        Raises:
            WrongContentError: It is another one.
        """
        if not filecmp.cmp(self.content.folder / "large", got, shallow=False):
            size = got.stat().st_size
            raise WrongContentError(f"what was moved is not the large file: {size} octets")
        got.unlink()

    def meter(self) -> Callable[[float], float | None]:
        """Tells CPU seconds of the server since now, for one of so many units; None elsewhere."""
        server = self.server
        if server is None:
            return lambda units: None
        processes, before = len(server.account.pids()), server.account.cpu_seconds()

        def since(units: float) -> float:
            server.settle(processes)
            return (server.account.cpu_seconds() - before) / units

        return since

    @contextmanager
    def anew(self) -> Iterator[Subject]:
        """The same server, started once more: its memory is not yet used by anything."""
        assert self.server
        assert self.authority
        contender, root = self.server.contender, self.content.folder
        with running([contender], self.authority, KeyKind.RSA, root) as (server,):
            place = server.place
            target = replace(self.target, port=place.port, trusted=place.authority)
            yield replace(self, target=target, server=server)
