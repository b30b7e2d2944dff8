"""Real clients against a real server: each module has its own server process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop import certificates
from tests.interop.certificates import Certificates
from tests.interop.server import Server

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def throwaway(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Whom to trust, and what servers show."""
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def start_server(
    tmp_path_factory: pytest.TempPathFactory, throwaway: Certificates
) -> Iterator[StartServer]:
    """Start servers with other settings; they are stopped, and their logs looked at, behind us."""
    with ExitStack() as stack:

        def start(**settings: object) -> Server:
            server = Server(tmp_path_factory.mktemp("server"), throwaway, **settings)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    """A server with its defaults, shared by the tests of a module."""
    return start_server()


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest) -> Path:
    """A folder for this test alone, in the root of the module's server."""
    made = server.root / request.node.name.translate({ord(sign): "_" for sign in "[]/ :"})
    made.mkdir()
    return made
