"""Who takes part, started all at once: what the measurements share."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import ftptls
from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import debian, machine, peers
from tests.bench.accounting import Account, account
from tests.bench.peers import USER, Place

OURS = "ftptls"
VERBS = ("MLSD", "LIST")
_ATTEMPTS = 3
OPEN = '[policy]\nlogin_protection = "optional"\ndata_protection = "optional"'
"""Settings with which this server takes clear text, too, as the others do."""


@dataclass(frozen=True)
class Contender:
    """A server in one configuration.

    Attributes:
        name: In the table.
        command: How it is started.
        user: Who logs in.
        certificate: Whether by certificate.
        prepare: Makes the files that it needs, before it is started.
        verbs: With which it lists.
        private: Whether it speaks TLS.
        in_c: Whether it is written in C.
        version: Tells the version.
    """

    name: str
    command: Callable[[Place], list[str]]
    user: str = USER
    certificate: bool = False
    prepare: Callable[[Place], None] = lambda _place: None
    verbs: tuple[str, ...] = VERBS
    private: bool = True
    in_c: bool = False
    version: Callable[[], str] = lambda: ""

    @property
    def about(self) -> str:
        """How it is set up, in one sentence."""
        return (self.command.__doc__ or "").split("\n")[0]


_ours = Contender(
    OURS,
    peers.ftptls(f"memory:{USER}:{peers.PASSWORD}", settings=OPEN),
    version=lambda: f"ftptls {ftptls.__version__}",
)

FIELD = (
    Contender(
        "vsftpd",
        peers.vsftpd,
        user="anonymous",
        verbs=("LIST",),
        in_c=True,
        version=lambda: f"vsftpd {machine.told('dpkg-query', '-W', 'vsftpd')}",
    ),
    Contender(
        "ProFTPD",
        peers.proftpd,
        in_c=True,
        version=lambda: (
            "ProFTPD " + machine.told(*debian.program("sbin/proftpd"), "-v").split()[-1]
        ),
    ),
    Contender(
        "Pure-FTPd",
        peers.pureftpd,
        in_c=True,
        version=lambda: f"Pure-FTPd {machine.told(*debian.program('sbin/pure-ftpd'), '--help')}",
    ),
    Contender("pyftpdlib", peers.pyftpdlib, version=lambda: machine.package("pyftpdlib")),
    Contender(
        "twistd ftp", peers.twistd_ftp, private=False, version=lambda: machine.package("Twisted")
    ),
    _ours,
)


def another(name: str, checkout: Path) -> Contender:
    """This server as another checkout has it, such as one of an older commit.

    Args:
        name: In the table.
        checkout: Where it is.
    """

    def command(place: Place) -> list[str]:
        return ["env", f"PYTHONPATH={checkout}", *_ours.command(place)]

    command.__doc__ = "Another checkout, set up alike."
    return replace(_ours, name=name, command=command)


@dataclass(frozen=True)
class Server:
    """A contender that runs.

    Attributes:
        contender: Which.
        place: Where.
        account: What it costs.
    """

    contender: Contender
    place: Place
    account: Account

    def settle(self, processes: int, seconds: float = 3) -> None:
        """Wait for what is done behind a reply, and until no more processes are left than these."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and len(self.account.pids()) > processes:
            time.sleep(0.01)
        time.sleep(0.05)


@contextmanager
def running(
    contenders: Sequence[Contender], authority: Authority, kind: KeyKind, root: Path | None = None
) -> Iterator[list[Server]]:
    """All of them at once.

    Args:
        contenders: Which.
        authority: Whom they have their certificates of.
        kind: Of their keys.
        root: What they serve; by default each an empty folder of its own.
    """
    with ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="ftptls-bench-"))
        folder = Path(made)
        folder.chmod(0o755)
        servers = []
        for number, each in enumerate(contenders):
            for attempt in range(_ATTEMPTS):
                place = peers.place(folder / f"{number}-{attempt}", authority, kind)
                place = replace(place, root=root or place.root)
                each.prepare(place)
                own = account()
                try:
                    stack.enter_context(peers.running(each.command(place), place, own))
                except SystemExit:  # another one may have been given the port meanwhile
                    if attempt + 1 == _ATTEMPTS:
                        raise
                else:
                    servers.append(Server(each, place, own))
                    break
        yield servers


def chosen(contenders: Sequence[Contender], parts: str) -> list[Contender]:
    """Those whose names have one of these parts, which commas divide."""
    wanted = [part.strip() for part in parts.split(",")]
    return [each for each in contenders if any(part in each.name for part in wanted)]
