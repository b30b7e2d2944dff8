"""Servers for one example each, and what must hold of every one at its end."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hypothesis import strategies as st
from twisted.logger import globalLogPublisher

from ftptls.pi import ServerPI
from ftptls.settings import Limits, Policy, Requirement, Settings
from ftptls.testing.certificates import Authority
from ftptls.testing.dialogue import MemoryServer
from ftptls.vfs.local import LocalFilesystem
from ftptls.vfs.memory import MemoryFilesystem
from ftptls.workers import InlineWorkers
from tests.fuzz.grammar import CONTENT
from tests.fuzz.scale import done
from tests.server.conftest import Log

STRICT = Policy()
OPEN = Policy(login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL)
CLEARING = replace(STRICT, ccc=True)
LENIENT = replace(OPEN, ccc=True, auth_after_login=True)

# Time is in memory and costs nothing, but patience must not end a dialogue half-way.
LIMITS = Limits(
    login_timeout=1e6,
    idle_timeout=1e6,
    idle_maximum=1e6,
    passive_timeout=1e5,
    connect_timeout=5,
    stall_timeout=5,
    bad_commands=10_000,
)

# What one session may know at most: a few names of the longest line, and what goes with them.
_MOST_KNOWN = 12 * LIMITS.line_length
_MOST_WAITING = 2**17

AUTHORITY = Authority()
_TLS = AUTHORITY.server_context()


@dataclass(frozen=True)
class Kind:
    """A listener, what it demands, and whether files are on a disk and data goes over sockets."""

    implicit: bool
    policy: Policy
    local: bool

    def __repr__(self) -> str:
        policies = {"STRICT": STRICT, "OPEN": OPEN, "CLEARING": CLEARING, "LENIENT": LENIENT}
        (policy,) = (name for name, each in policies.items() if each == self.policy)
        return f"Kind(implicit={self.implicit}, policy={policy}, local={self.local})"

    @property
    def login_takes_tls(self) -> bool:
        return self.policy.login_protection is Requirement.REQUIRED


kinds = st.builds(
    Kind,
    implicit=st.booleans(),
    policy=st.sampled_from([STRICT, OPEN, CLEARING, LENIENT]),
    local=st.sampled_from([False, False, True]),
)


@dataclass
class Served:
    """What serves one example.

    Attributes:
        server: The server.
        root: The folder with its files; ``None`` if they are in memory.
    """

    server: MemoryServer
    root: Path | None

    @property
    def pi(self) -> ServerPI:
        """The interpreter of the only session there is."""
        (pi,) = self.server.factory._sessions
        return pi

    def contents(self) -> dict[str, bytes]:
        """Every file's octets, by path."""
        if self.root is None:
            return self.server.filesystem.contents()
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {f"/{path.relative_to(self.root)}": path.read_bytes() for path in files}


@contextmanager
def served(kind: Kind, content: Mapping[str, bytes] = CONTENT) -> Iterator[Served]:
    """A server that has nothing to be ashamed of, and nothing left, at the end."""
    log = Log()
    with ExitStack() as stack:
        globalLogPublisher.addObserver(log)
        stack.callback(globalLogPublisher.removeObserver, log)
        root = Path(stack.enter_context(tempfile.TemporaryDirectory())) if kind.local else None
        server = MemoryServer(
            filesystem=_folder(root, content) if root else MemoryFilesystem(content),
            settings=Settings(policy=kind.policy, limits=LIMITS),
            implicit=kind.implicit,
            sockets=kind.local,
            tls=_TLS,
            authority=AUTHORITY,
        )
        yield Served(server, root)
        for pi in server.factory._sessions:
            assert_bounded(pi)
        server.stop()
        server.reactor.advance(20)  # a failed login may still be waiting to be told
    assert log.alarms == []
    assert server.reactor.connections == []
    assert server.reactor.getDelayedCalls() == []
    assert server.reactor.listeners == []
    assert server.factory._sessions == set()
    assert server.logged_in == 0
    done.examples += 1


def _folder(root: Path, content: Mapping[str, bytes]) -> LocalFilesystem:
    for name, data in content.items():
        place = root.joinpath(*PurePosixPath(name).parts[1:])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return LocalFilesystem(root, InlineWorkers())


def assert_bounded(pi: ServerPI) -> None:
    """What a session keeps of a client does not grow with what it was told."""
    session = pi.session
    known = [session.parameters, session.data_port, session.security, session.host]
    assert _size([*known, session.login.user, session.login.pending]) < _MOST_KNOWN
    assert pi._lines.buffered + len(pi._switch.received) < _MOST_WAITING
    assert len(pi._after_transfer) <= 2


def _size(things: list[object]) -> int:
    """Characters and octets that are held, one in the other."""
    total = 0
    seen: set[int] = set()
    while things:
        thing = things.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        total += len(thing) if isinstance(thing, str | bytes) else 8
        things += gc.get_referents(thing)
    return total
