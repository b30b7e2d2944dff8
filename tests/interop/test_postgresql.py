"""Two servers with one user store in a real PostgreSQL, which goes down and comes back."""

from __future__ import annotations

import ftplib
import ssl
from collections.abc import Iterator

import pytest

from ftptls.store import User, Users
from tests import postgresql
from tests.interop.clients import PATIENCE
from tests.interop.server import Server
from tests.postgresql import Cluster

NAME, SECRET = "bob", "staple"


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """One that may be stopped."""
    with postgresql.running() as made:
        yield made


@pytest.fixture
def users(own_cluster: Cluster) -> Iterator[Users]:
    url = own_cluster.make_database()
    with Users.open(url, create=True) as made:
        made.add(User(name=NAME))
        made.set_password(NAME, SECRET.encode())
        made.url = url  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def servers(start_server, users: Users) -> list[Server]:
    trusted = ['trusted = ["127.0.0.0/8", "::1/128"]']
    flags = ["--auth", f"store:{users.url}"]
    return [start_server(flags=flags, guard=trusted) for _ in range(2)]


def connect(server: Server) -> ftplib.FTP_TLS:
    context = ssl.create_default_context(cafile=server.authority)
    client = ftplib.FTP_TLS(context=context, timeout=PATIENCE)
    client.connect("localhost", server.port())
    client.auth()
    return client


def login(server: Server, password: str = SECRET) -> str:
    """The reply that ends a login."""
    with connect(server) as client:
        try:
            return client.login(NAME, password)
        except ftplib.all_errors as error:
            return str(error)


def test_changes_hold_for_the_next_login_at_every_server(servers, users):
    assert [login(each) for each in servers] == ["230 Logged in."] * 2
    users.set_password(NAME, b"battery")
    assert [login(each) for each in servers] == ["530 Login incorrect."] * 2
    assert [login(each, "battery") for each in servers] == ["230 Logged in."] * 2
    users.edit(NAME, enabled=False)
    assert [login(each, "battery") for each in servers] == ["530 Login incorrect."] * 2
    users.remove(NAME)
    assert [login(each, "battery") for each in servers] == ["530 Login incorrect."] * 2


def test_whoever_is_disabled_is_soon_logged_out_of_every_server(servers, users):
    clients = [connect(each) for each in servers]
    for client in clients:
        client.login(NAME, SECRET)
    users.edit(NAME, enabled=False)
    for client in clients:
        assert client.getline().startswith("421 You may not be logged in any more")
        client.close()


def test_while_postgresql_is_down(servers, users, own_cluster):
    server = servers[0]
    assert login(server) == "230 Logged in."
    running = connect(server)
    running.login(NAME, SECRET)
    own_cluster.stop()
    try:
        assert login(server) == "530 Login is not possible now; try again later."
        assert "257" in running.sendcmd("PWD")
        server.wait_for(
            "Who is logged in cannot be looked after: The user store cannot be used now"
        )
        assert "257" in running.sendcmd("PWD")
    finally:
        own_cluster.start()
    assert login(server) == "230 Logged in."
    users.edit(NAME, enabled=False)
    assert running.getline().startswith("421 ")
    running.close()
    assert "StoreError: 'The user store cannot be used now: " in server.log
