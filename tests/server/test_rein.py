"""REIN: everything but the connection is as it was at first (RFC 959 §4.1.1, RFC 4217 §13)."""

from __future__ import annotations

import pytest

from ftptls.session import DataPort, Login, Parameters
from ftptls.settings import Host, Settings
from ftptls.testing.dialogue import Client

from .dialogues import lower

pytestmark = pytest.mark.both_paths

CONTENT = {"/f": b"0123", "/sub/g": b"4"}

CHANGES = [
    *("TYPE I", "CWD sub", "RNFR g", "REST 5", "OPTS MLST type;", "EPSV ALL", "LANG en"),
    *("SITE IDLE 60", "CLNT me", "EPSV"),
]


def rein(client: Client) -> None:
    """REIN, and the end of TLS if there is any to end."""
    client.ask("REIN", 220)
    if client.control.tls is not None and not client.server.implicit:
        lower(client)


def session(client):
    (pi,) = client.server.factory._sessions
    return pi.session


def test_nothing_of_the_user_is_left(enter, mode):
    client = enter(CONTENT, mode=mode)
    for line in CHANGES:
        client.ask(line, 200, 229, 250, 350)
    rein(client)
    assert client.server.logged_in == 0
    now = session(client)
    assert now.login == Login()
    assert now.parameters == Parameters()
    assert now.data_port == DataPort()
    assert not now.security.buffer_agreed
    client.ask("PWD", 530)
    client.ask("RNTO x", 530)


def test_a_session_after_it_is_like_a_new_one(enter, mode):
    client = enter(CONTENT, mode=mode)
    client.ask("CWD sub", 250)
    for _ in range(3):
        rein(client)
        if mode.control == "explicit":
            client.secure(private=mode.private)
        elif mode.control == "implicit":
            client.protect_data(private=mode.private)
        client.log_in()
        assert client.ask("PWD", 257).text.startswith('"/"')
        assert client.download("RETR f") == b"0123"
        client.upload("STOR g", b"new")


def test_its_reply_is_protected_and_the_next_one_clear(enter):
    client = enter(CONTENT)
    client.send("REIN")
    client.expect(220)  # taken out of TLS records by the client
    lower(client)
    client.control.send(b"NOOP\r\n")
    assert client.control.take() == b"200 OK.\r\n"
    assert not session(client).security.secured
    assert not session(client).security.certificate


def test_what_was_protected_is_not_any_more(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    rein(client)
    client.ask("PROT P", 503)
    client.log_in()
    client.private = False
    assert client.download("RETR f") == b"0123"
    assert "PROT C" in client.ask("STAT", 211).text


def test_where_login_takes_tls_it_does_so_again(enter):
    client = enter(CONTENT)
    rein(client)
    client.ask("USER alice", 530)
    client.secure()
    client.log_in()


def test_a_session_of_before_opens_no_data_connection_after(enter, settings):
    """The tickets of the first TLS session are void: a data connection shakes hands anew."""
    client = enter(CONTENT)
    before = client.control.session
    rein(client)
    client.secure()
    client.log_in()
    port = client.open("PASV")
    client.ask("RETR f", 150)
    port.wire.start_tls(client.context, before)
    assert not port.wire.resumed
    assert port.wire.take() == b"0123"
    client.expect(226)


def test_under_implicit_tls_it_stays(serve):
    client = serve(CONTENT, implicit=True).connect()
    client.protect_data()
    client.log_in()
    client.ask("REIN", 220)
    assert session(client).security.secured
    client.log_in()
    assert client.download("RETR f") == b"0123"  # private, as it was at first


def test_after_ccc(enter, settings):
    client = enter(CONTENT, settings(ccc=True))
    client.ask("CCC", 200)
    lower(client)
    client.ask("REIN", 220)
    assert not session(client).security.cleared
    client.ask("AUTH TLS", 234)


def test_a_transfer_is_completed_first(enter, mode):
    client = enter(CONTENT, mode=mode)
    wire = client.begin("STOR new")
    client.send("REIN")
    assert client.quiet
    wire.send(b"whole")
    wire.stop()
    client.expect(226)
    client.expect(220)
    assert client.server.filesystem.contents()["/new"] == b"whole"


def test_before_login_and_again_and_again(greet):
    client = greet()
    client.ask("USER alice", 331)
    rein(client)
    client.ask("PASS open sesame", 503)
    for _ in range(5):
        client.ask("REIN", 220)


def test_failed_logins_are_not_forgotten(enter, settings):
    client = enter(CONTENT, settings(relax=True, login_attempts=2, login_delay=0))
    client.ask("USER alice", 331)
    client.send("PASS wrong")
    client.wait(0)
    client.expect(530)
    rein(client)
    client.ask("USER alice", 331)
    client.send("PASS wrong")
    client.wait(0)
    client.expect(421)


def test_no_time_is_won_by_it(greet, settings):
    client = greet(CONTENT, settings(relax=True, login_timeout=60, idle_timeout=600))
    rein(client)
    for _ in range(3):
        client.wait(19)
        client.ask("REIN", 220)
    client.wait(4)
    client.expect(421)
    assert client.closed


def test_the_open_port_is_closed(enter):
    client = enter(CONTENT)
    client.open("PASV")
    rein(client)
    (listener,) = client.server.reactor.listeners
    assert listener.port == client.server.port


def test_the_host_is_forgotten(serve):
    hosts = (Host(names=("a.example",), banner="A."),)
    client = serve(CONTENT, Settings(hosts=hosts)).connect()
    client.ask("HOST a.example", 220)
    assert session(client).host == "a.example"
    client.ask("REIN", 220)
    assert session(client).host == ""
    client.ask("HOST nowhere.example", 504)
    assert client.ask("HOST a.example", 220).text == "A."


@pytest.mark.parametrize("line", ["REIN now", "REIN x y"])
def test_it_takes_no_argument(enter, line):
    client = enter(CONTENT)
    client.ask(line, 501)
    client.ask("PWD", 257)
