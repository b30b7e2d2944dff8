"""Servers in memory, and what must hold after each dialogue with one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from ftptls.settings import Guard, Limits, Policy, Requirement, Settings
from ftptls.settings import Log as LogSettings
from ftptls.testing.certificates import PKI, Authority, Pair
from ftptls.testing.dialogue import Client, MemoryServer
from ftptls.vfs.memory import MemoryFilesystem
from tests.server.disks import Disk
from tests.server.threads import ThreadedReactor


@dataclass(frozen=True)
class Mode:
    """How a client of these tests protects what it says, and what it transfers."""

    control: str
    private: bool

    def __str__(self) -> str:
        return f"{self.control}-{'P' if self.private else 'C'}"


MODES = [
    Mode("clear", private=False),
    Mode("explicit", private=False),
    Mode("explicit", private=True),
    Mode("implicit", private=False),
    Mode("implicit", private=True),
]


class Log:
    """What was logged, as text and as events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        self.events.append({**event, "text": formatEvent(event)})

    @property
    def text(self) -> str:
        return "\n".join(event["text"] for event in self.events)

    @property
    def alarms(self) -> list[str]:
        """What must never happen: our own mistakes, and Deferreds nobody looked after."""
        return [
            f"{each['text']}\n{each.get('log_failure', '')}"
            for each in self.events
            if each.get("log_level", LogLevel.info) >= LogLevel.error or "log_failure" in each
        ]


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """The log; no test of this folder may leave an alarm in it."""
    found = Log()
    globalLogPublisher.addObserver(found)
    yield found
    globalLogPublisher.removeObserver(found)
    assert not found.alarms


@pytest.fixture(scope="module", autouse=True)
def no_lost_errors() -> Iterator[None]:
    """Whatever a module's dialogues left to the garbage collector held no error."""
    yield
    found = Log()
    globalLogPublisher.addObserver(found)
    gc.collect()
    globalLogPublisher.removeObserver(found)
    assert not found.alarms


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def pki() -> PKI:
    """Authorities and certificates of every kind, for clients as well."""
    return PKI()


@pytest.fixture(scope="module")
def bob(pki: PKI) -> Pair:
    """A client's certificate that is in order."""
    return pki.client("bob")


@pytest.fixture(params=[SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def version(request) -> int:
    """A version of TLS."""
    return request.param


PIECES, STEPS, THREADS = "pieces", "steps", "threads"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "both_paths(threads=False): to be tried on both paths of the data, see data_path"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("both_paths")
    if marked and "data_path" in metafunc.fixturenames:
        threads = [THREADS] if marked.kwargs.get("threads") else []
        metafunc.parametrize("data_path", [PIECES, STEPS, *threads])


@pytest.fixture
def data_path() -> str:
    """How the data of transfers goes; tests and modules marked ``both_paths`` go both ways.

    In pieces, over transports in memory, from and to files in memory; or in steps, over
    sockets, from and to files that have descriptors, as on a real network. Steps are made at
    once, or, where that is asked for, by threads as well.
    """
    return PIECES


class Files:
    """Makes a filesystem as the path of the data needs it, from content by path.

    Attributes:
        options: What each is made with, besides its content.
        made: The last one.
    """

    def __init__(self, data_path: str, folders: pytest.TempPathFactory) -> None:
        self.options: dict[str, Any] = {}
        self.made: Any = None
        self._on_disk = data_path != PIECES
        self._folders = folders

    def __call__(self, content: Mapping[str, bytes] | None = None) -> Any:
        if self._on_disk:
            self.made = Disk(self._folders.mktemp("disk"), content or {}, **self.options)
        else:
            self.made = MemoryFilesystem(content, **self.options)
        return self.made


@pytest.fixture
def make_files(data_path: str, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(data_path, tmp_path_factory)


Serve = Callable[..., MemoryServer]


@pytest.fixture
def serve(authority: Authority, log: Log, data_path: str, make_files: Files) -> Iterator[Serve]:
    """Make servers; nothing is left of any when its clients are gone."""
    servers: list[MemoryServer] = []

    def make(content=None, settings=None, **options) -> MemoryServer:
        options.setdefault("authority", authority)
        if data_path == THREADS:
            options["sockets"] = reactor = ThreadedReactor()
            options["workers"] = make_files.options["workers"] = reactor.workers
        options.setdefault("sockets", data_path == STEPS)
        if not options.keys() & {"filesystem", "realm"}:
            options["filesystem"] = make_files(content)
        settings = replace(settings or Settings(), log=LogSettings(debug=True))
        servers.append(MemoryServer(settings=settings, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
        if isinstance(server.reactor, ThreadedReactor):
            server.reactor.stop_threads()
        assert server.reactor.connections == []
        assert server.reactor.listeners == []
        assert server.reactor.getDelayedCalls() == []
        assert server.logged_in == 0
        door = server.factory.door
        assert door.presence.sessions.total == door.presence.waiting.total == 0
        assert len(door.presence.users) == 0
        assert len(door.attempts.turns_of_addresses) == len(door.attempts.turns_of_names) == 0


def relaxed(settings: Settings | None = None) -> Settings:
    """Settings that protect nothing."""
    policy = (settings or Settings()).policy
    optional = replace(
        policy, login_protection=Requirement.OPTIONAL, data_protection=Requirement.OPTIONAL
    )
    return replace(settings or Settings(), policy=optional)


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings by the names of single ones, of policy, limits or guard; ``relax`` for no TLS."""

    def make(*, relax: bool = False, **given: Any) -> Settings:
        policy = {k: v for k, v in given.items() if k in Policy.__dataclass_fields__}
        limits = {k: v for k, v in given.items() if k in Limits.__dataclass_fields__}
        guard = {k: v for k, v in given.items() if k in Guard.__dataclass_fields__}
        assert policy.keys() | limits.keys() | guard.keys() == given.keys()
        made = Settings(policy=Policy(**policy), limits=Limits(**limits), guard=Guard(**guard))
        return relaxed(made) if relax else made

    return make


@pytest.fixture
def greet(serve: Serve) -> Callable[..., Client]:
    """A client under TLS, not logged in; its server is ``client.server``."""

    def make(content=None, settings=None, *, mode=MODES[2], source="", **options) -> Client:
        if mode.control == "clear" or not mode.private:
            settings = relaxed(settings)
        server = serve(content, settings, implicit=mode.control == "implicit", **options)
        client = server.connect(source)
        if mode.control == "explicit":
            client.secure(private=mode.private)
        elif mode.control == "implicit":
            client.protect_data(private=mode.private)
        return client

    return make


@pytest.fixture
def enter(greet: Callable[..., Client]) -> Callable[..., Client]:
    """A client under TLS and logged in."""

    def make(*args, **options) -> Client:
        client = greet(*args, **options)
        client.log_in()
        return client

    return make


@pytest.fixture(params=MODES, ids=str)
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each way to protect a session, or not."""
    return request.param


@pytest.fixture
def guarded(serve: Serve, settings: Callable[..., Settings]) -> Callable[..., MemoryServer]:
    """A server without TLS, for dialogues that are short; settings by the names of single ones."""

    def make(*, relax: bool = True, **given: Any) -> MemoryServer:
        of_server = ("users", "checkers", "host", "tls")
        options = {name: given.pop(name) for name in of_server if name in given}
        return serve({"/big": bytes(2 * 2**20)}, settings(relax=relax, **given), **options)

    return make
