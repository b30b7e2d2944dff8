"""What is measured: a row of the table each, taken of one server at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ftptls.testing.certificates import KeyKind
from tests.bench.accounting import pss_kib
from tests.bench.clients import BenchError, Curl, Session, WrongContentError
from tests.bench.contenders import FIELD, OURS
from tests.bench.figures import Sample
from tests.bench.listings import names_in
from tests.bench.subjects import Load, Subject

Take = Callable[[Subject, Load], Sample]


@dataclass(frozen=True)
class Row:
    """One thing that is measured.

    Attributes:
        name: In the table.
        unit: Of the server's figure.
        take: Takes a sample.
        private: Whether over TLS.
        kind: Of the server's key.
        verb: What the server must have for it.
        factor: From seconds (or KiB) to the unit.
        anywhere: Whether another host can be asked for it.
        warmed: Whether round 0 takes it, too.
    """

    name: str
    unit: str
    take: Take
    private: bool = True
    kind: KeyKind = KeyKind.RSA
    verb: str = ""
    factor: float = 1
    anywhere: bool = True
    warmed: bool = True


def download(subject: Subject, load: Load, *, private: bool, number: int = 1) -> Sample:
    """The large file, so many times at once; octets are compared in round 0."""
    kept = [subject.content.folder.parent / f"got-{each}" for each in range(number)]
    into = kept if subject.first else [Path("/dev/null")] * number
    curl = Curl(subject.target, private=private)
    sample = subject.moved(partial(curl.download, subject.large, *into), number * load.octets)
    for each in kept if subject.first else ():
        subject.same(each)
    return sample


_ATTEMPTS = 3
_PEERS = {each.name for each in FIELD} - {OURS}


def upload(subject: Subject, load: Load, *, private: bool, number: int = 1) -> Sample:
    """The large file, so many times at once; octets are compared each time.

    A client that closes with session tickets unread resets the connection, and a server that
    sends them there may lose what it had not read yet, and say 226. A peer that does may try
    again; the page tells how often. We must not.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _upload(subject, load, private=private, number=number)
        except WrongContentError:
            if subject.name not in _PEERS:
                raise
            subject.lost += 1
    return _upload(subject, load, private=private, number=number)


def _upload(subject: Subject, load: Load, *, private: bool, number: int) -> Sample:
    paths = [f"{subject.inbox}{subject.name.replace(' ', '-')}-{each}" for each in range(number)]
    curl = Curl(subject.target, private=private)
    source = subject.content.folder / "large"
    sample = subject.moved(partial(curl.upload, source, *paths), number * load.octets)
    for path in paths:
        if subject.server:
            subject.same(subject.content.folder / path)
        else:
            with subject.session(private=private) as session:
                session.ask(f"DELE {path}", 250)
    return sample


def login(subject: Subject, load: Load) -> Sample:
    """Connection, AUTH TLS with a full handshake, USER, PASS and QUIT."""
    context = subject.target.context()
    return subject.repeated(
        lambda: Session(subject.target, context).quit(), load.logins, load.seconds
    )


def small_file(subject: Subject, load: Load, *, private: bool, resumed: bool = False) -> Sample:
    """PASV, RETR of 1 KiB, and its data connection, in one session.

    Raises:
        BenchError: The file was not right, or a full handshake was not one.
    """
    wanted = (subject.content.folder / "small").read_bytes()
    reused: list[bool] = []

    def fetch() -> None:
        got, was_resumed = session.fetch(f"RETR {subject.small}", resumed=resumed)
        if got != wanted:
            raise BenchError(f"the small file came with {len(got)} other octets")
        reused.append(was_resumed)

    with subject.session(private=private) as session:
        sample = subject.repeated(fetch, load.files, load.seconds)
        session.quit()
    if any(reused) and not resumed:
        raise BenchError("it resumed a TLS session that was not offered")
    return replace(sample, resumed=all(reused))


def listing(subject: Subject, load: Load, *, verb: str) -> Sample:
    """The folder of many names, over TLS; every name must be there."""
    with subject.session(private=True) as session:
        session.ask("TYPE A", 200)
        session.ask("CWD many", 250)
        got: list[bytes] = []
        sample = subject.repeated(lambda: got.append(session.fetch(verb)[0]), 1)
        names = names_in(verb, got[0])
        if len(names) != len(subject.content.names) or set(names) != subject.content.names:
            raise BenchError(f"{len(names)} names came, not {len(subject.content.names)}")
        session.quit()
    return sample


def noop(subject: Subject, load: Load) -> Sample:
    """NOOP, again and again."""
    with subject.session(private=True) as session:
        sample = subject.repeated(lambda: session.ask("NOOP", 200), load.commands, load.seconds)
        session.quit()
    return sample


def idle(subject: Subject, load: Load) -> Sample:
    """Sessions that are logged in over TLS, with PROT P, and do nothing: KiB of each.

    A server of Python keeps memory that is free again, so a new one is asked each time. Some
    sessions come before those that count: they have it import what it needs.
    """
    with subject.anew() as fresh, ExitStack() as stack:
        assert fresh.server
        taken, context = [], fresh.target.context()
        for number in (10, load.sessions):
            for _ in range(number):
                stack.enter_context(Session(fresh.target, context).ready())
            taken.append(pss_kib(fresh.server.account.pids()))
    return Sample((taken[1] - taken[0]) / load.sessions)


MS, US = 1e3, 1e6
ROWS = (
    Row("download, TLS", "s/GiB", partial(download, private=True)),
    Row("upload, TLS", "s/GiB", partial(upload, private=True)),
    Row("download, clear", "s/GiB", partial(download, private=False), private=False),
    Row("upload, clear", "s/GiB", partial(upload, private=False), private=False),
    Row("two downloads, TLS", "s/GiB", partial(download, private=True, number=2)),
    Row("two uploads, TLS", "s/GiB", partial(upload, private=True, number=2)),
    Row("login, RSA-2048", "ms", login, factor=MS),
    Row("login, P-256", "ms", login, kind=KeyKind.EC, factor=MS),
    Row("1 KiB, full handshake", "ms", partial(small_file, private=True), factor=MS),
    Row("1 KiB, resumed", "ms", partial(small_file, private=True, resumed=True), factor=MS),
    Row("1 KiB, clear", "ms", partial(small_file, private=False), private=False, factor=MS),
    Row("LIST, TLS", "s", partial(listing, verb="LIST"), verb="LIST", anywhere=False),
    Row("MLSD, TLS", "s", partial(listing, verb="MLSD"), verb="MLSD", anywhere=False),
    Row("NOOP, TLS", "us", noop, factor=US),
    Row("idle session, TLS", "KiB", idle, anywhere=False, warmed=False),
)
"""The table, in its order."""
