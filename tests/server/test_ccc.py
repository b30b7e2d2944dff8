"""CCC: back to a clear control connection, with everything else as it was (RFC 4217 §5)."""

from __future__ import annotations

import pytest

from ftptls.settings import SessionReuse
from ftptls.testing.dialogue import Client

CONTENT = {"/f": b"0123", "/sub/g": b"4"}
MANNERS = ["first", "second", "coalescing", "rude"]


@pytest.fixture
def enter_with_ccc(enter, settings):
    def make(**given) -> Client:
        return enter(CONTENT, settings(ccc=True, **given))

    return make


def clear(client: Client, manner: str = "first") -> None:
    """CCC, and the end of TLS as different clients bring it about."""
    client.ask("CCC", 200)
    control = client.control
    if manner == "second":
        client.wait(1)
        assert control.notified
    if manner != "rude":
        control.notify()
    if manner != "coalescing":
        client.server.reactor.settle()
    if manner != "rude":
        assert control.notified or manner == "coalescing"
    control.stop_tls()


@pytest.mark.parametrize("manner", MANNERS)
def test_the_session_goes_on_in_clear(enter_with_ccc, manner):
    client = enter_with_ccc()
    client.ask("CWD sub", 250)
    clear(client, manner)
    if manner in ("coalescing", "rude"):
        client.send("PWD")
        assert b'257 "/sub"' in client.control.take()
        return
    assert client.ask("PWD", 257).text.startswith('"/sub"')
    assert "clear" in client.ask("STAT", 211).text
    client.ask("QUIT", 221)
    assert client.closed


@pytest.mark.parametrize("reuse", SessionReuse)
def test_data_stays_protected_and_resumes_the_session(enter_with_ccc, reuse):
    client = enter_with_ccc(session_reuse=reuse)
    session = client.control.session
    clear(client)
    for how in ("PASV", "PORT"):
        port = client.open(how)
        client.ask("RETR f", 150)
        port.wire.start_tls(client.context, session)
        assert port.wire.resumed
        assert port.wire.take() == b"0123"
        client.expect(226)


@pytest.mark.parametrize("line", ["PBSZ 0", "PROT C", "PROT P"])
def test_pbsz_and_prot_are_over(enter_with_ccc, line):
    client = enter_with_ccc()
    clear(client)
    client.ask(line, 503)


def test_ccc_twice(enter_with_ccc):
    client = enter_with_ccc()
    clear(client)
    client.ask("CCC", 533)


def test_auth_again_starts_anew(enter_with_ccc):
    client = enter_with_ccc()
    clear(client)
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)
    client.ask("PWD", 530)
    client.protect_data()
    client.log_in()
    assert client.download("RETR f") == b"0123"


def test_injection_behind_the_second_auth(enter_with_ccc):
    client = enter_with_ccc()
    clear(client)
    client.send("AUTH TLS", "DELE f")
    client.expect(421)
    assert client.closed
    assert client.server.filesystem.contents() == CONTENT


def test_what_is_still_said_under_tls_behind_ccc_comes_too_late(enter_with_ccc):
    client = enter_with_ccc()
    client.ask("CCC", 200)
    client.send("DELE f")
    client.control.notify()
    client.server.reactor.settle()
    client.control.stop_tls()
    client.ask("NOOP", 200)
    assert client.server.filesystem.contents() == CONTENT


def test_ccc_before_login_or_in_clear_or_where_it_is_not_allowed(serve, settings):
    client = serve(settings=settings(ccc=True, relax=True)).connect()
    client.ask("CCC", 533)
    client.secure()
    client.ask("CCC", 530)
    other = serve().connect()
    other.secure()
    other.log_in()
    other.ask("CCC", 534)
    assert "CCC" not in other.ask("FEAT", 211).text
    assert "CCC" in client.ask("FEAT", 211).text


def test_a_client_that_says_nothing_at_all_behind_ccc(enter_with_ccc):
    client = enter_with_ccc(idle_timeout=60)
    client.ask("CCC", 200)
    client.wait(62)
    assert client.closed
