"""S1: what an attacker puts behind AUTH is never executed, nor answered under TLS.

S2: AUTH resets what RFC 4217 §4.2 lists.
"""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftptls.testing.dialogue import PASSWORD, USER, Client
from ftptls.testing.wires import Wire

MECHANISMS = ["TLS", "TLS-C", "SSL", "TLS-P", "tls"]
INJECTED = b"USER alice\r\nPASS open sesame\r\nDELE precious\r\n"
CONTENT = {"/precious": b"gold"}


@pytest.fixture
def client(serve, settings) -> Client:
    """Greeted, in clear text, where login in clear is possible at all."""
    return serve(CONTENT, settings(relax=True)).connect()


def client_hello(client: Client) -> bytes:
    """One without an octet that would be a Telnet command in clear text, and be answered."""
    hello = b"\xff"
    while b"\xff" in hello:
        tls = SSL.Connection(client.context, None)
        tls.set_connect_state()
        with pytest.raises(SSL.WantReadError):
            tls.do_handshake()
        hello = tls.bio_read(1 << 16)
    return hello


def assert_refused(client: Client) -> None:
    """421 in clear text, nothing else, and the connection is closed."""
    assert client.expect(421)
    assert client.quiet
    assert client.closed
    assert client.server.logged_in == 0
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    "behind",
    [
        INJECTED,
        b"NOOP\r\n",
        b"N",
        b"\r\n",
        b"\n",
        b"\r",
        b"\xff\xf1",
        b"\xff",
        b"\0",
        b"AUTH TLS\r\n",
        b"x" * 100_000,
    ],
    ids=lambda b: repr(b[:12]),
)
def test_in_the_same_segment(client, mechanism, behind):
    client.control.send(f"AUTH {mechanism}\r\n".encode() + behind)
    assert_refused(client)


def test_in_the_same_segment_with_a_client_hello(client):
    hello = client_hello(client)
    for data in (INJECTED + hello, hello, hello + INJECTED):
        another = client.server.connect()
        another.control.send(b"AUTH TLS\r\n" + data)
        assert_refused(another)


def test_in_pieces_that_arrive_before_the_reply_is_on_its_way(client):
    client.control.send(b"AUTH TLS\r\n")
    client.control.send(INJECTED)
    assert_refused(client)


def test_behind_commands_that_are_pipelined(client):
    client.send("NOOP", "SYST", "AUTH TLS", "USER alice")
    client.expect(200)
    client.expect(215)
    assert_refused(client)


@pytest.mark.parametrize("size", [1, 5, 11, 12])
def test_injected_behind_auth_octet_by_octet(client, size):
    """Where nothing is behind AUTH yet, the next octets are TLS's: clear text fails."""
    client.server.reactor.deliver_in([size])
    client.control.send(b"AUTH TLS\r\n" + INJECTED)
    data = client.control.take()
    assert b"331" not in data
    assert b"230" not in data
    assert client.closed
    assert client.server.logged_in == 0
    assert client.server.filesystem.contents() == CONTENT


def test_in_the_next_segment(client):
    """No TLS ever began: 421 in clear text (RFC 4217 §10.1), and nothing is executed."""
    client.ask("AUTH TLS", 234)
    client.control.send(INJECTED)
    assert_refused(client)


def test_between_the_records_of_the_handshake(client):
    client.ask("AUTH TLS", 234)
    client.control.begin_tls(client.context)
    client.control.send_raw(INJECTED)
    client.server.reactor.settle()
    assert client.closed
    assert client.server.logged_in == 0
    assert client.server.filesystem.contents() == CONTENT


def test_behind_the_first_record_in_one_segment(client):
    client.ask("AUTH TLS", 234)
    client.control.send_raw(client_hello(client) + INJECTED)
    client.server.reactor.settle()
    assert client.closed
    assert client.server.logged_in == 0


def test_clear_text_among_records_once_tls_is_up(client):
    client.secure()
    client.control.send_raw(b"NOOP\r\n")
    assert client.closed
    assert client.control.take() == b""


def test_an_unfinished_line_before_auth_is_not_continued_under_tls(client):
    client.control.send(b"AUTH TLS\r\nUSER ")
    assert_refused(client)


def test_octets_are_never_left_over_from_clear_text_to_tls(client):
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)
    client.ask("SYST", 215)
    assert client.quiet


def test_telnet_that_began_in_clear_text_ends_there(client):
    """IAC SB at the end of the AUTH line must not swallow what comes under TLS."""
    client.control.send(b"AUTH TLS\r\n\xff\xfa")
    assert_refused(client)


def test_auth_is_answered_once_nothing_else_is_due(client):
    client.send("NOOP")
    client.expect(200)
    client.secure()
    client.log_in()


def test_tls_in_clear_text_without_auth(client):
    client.control.send(client_hello(client))
    client.control.send(b"\r\n" * 30)
    client.server.reactor.settle()
    data = client.control.take()
    assert b"\x16\x03" not in data
    assert b"500 " in data or b"421 " in data


def test_auth_twice(client):
    client.secure()
    client.ask("AUTH TLS", 503)
    client.ask("NOOP", 200)


def test_a_failed_handshake_leaves_nothing_usable(client):
    client.ask("AUTH TLS", 234)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_PEER)  # it trusts nobody
    client.control.begin_tls(context)
    client.server.reactor.settle()
    assert client.control.failure
    client.control.send_raw(INJECTED)
    assert client.closed
    assert client.server.logged_in == 0


# --- S2 --------------------------------------------------------------------------------------


@pytest.fixture
def before(serve, settings) -> Client:
    """Logged in before AUTH, which is allowed here."""
    server = serve({**CONTENT, "/sub/": b""}, settings(relax=True, auth_after_login=True))
    client = server.connect()
    client.log_in()
    return client


def upgrade(client: Client) -> None:
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)


def test_s2_auth_logs_out(before):
    upgrade(before)
    assert before.server.logged_in == 0
    before.ask("PWD", 530)
    before.ask(f"PASS {PASSWORD}", 503)


def test_s2_auth_forgets_a_pending_user(client):
    client.ask(f"USER {USER}", 331)
    upgrade(client)
    client.ask(f"PASS {PASSWORD}", 503)


def test_s2_auth_forgets_directory_type_and_facts(before):
    before.ask("CWD sub", 250)
    before.ask("TYPE I", 200)
    before.ask("OPTS MLST size;", 200)
    upgrade(before)
    assert "type*;size*;modify*;" in before.ask("FEAT", 211).text
    before.ask(f"USER {USER}", 331)
    before.ask(f"PASS {PASSWORD}", 230)
    assert before.ask("PWD", 257).text.startswith('"/" ')
    assert "TYPE: A" in before.ask("STAT", 211).text


@pytest.mark.parametrize("opener", ["RNFR precious", "REST 2"])
def test_s2_auth_forgets_sequences(before, opener):
    before.ask(opener, 350)
    upgrade(before)
    before.log_in()
    before.ask("RNTO elsewhere", 503)
    before.protect_data()
    assert before.download("RETR precious") == b"gold"


def test_s2_auth_closes_the_passive_port(before):
    wire = before.open().wire
    port = wire.memory.getPeer().port
    upgrade(before)
    assert len(before.server.reactor.listeners) == 1
    assert wire.take() == b""
    assert wire.end is not None
    before.log_in()
    before.send("RETR precious")
    assert before.expect(150, 425).code == 425 or before.expect(425)
    assert before.dial(port).end is not None


def test_s2_auth_forgets_the_active_target(before):
    before.open("PORT")
    attempts = len(before.server.reactor.attempts)
    upgrade(before)
    before.log_in()
    before.send("RETR precious")
    assert before.expect(150, 425).code == 425 or before.expect(425)
    assert len(before.server.reactor.attempts) == attempts


def test_s2_auth_lifts_epsv_all(before):
    before.ask("EPSV ALL", 200)
    upgrade(before)
    before.log_in()
    before.ask("PASV", 227)


def test_s2_after_auth_data_is_clear_and_pbsz_is_due_again(client):
    upgrade(client)
    client.ask("PROT P", 503)
    client.log_in()
    assert "PROT C" in client.ask("STAT", 211).text


@pytest.mark.parametrize(
    ("mechanism", "level"), [("TLS", "C"), ("TLS-C", "C"), ("SSL", "P"), ("TLS-P", "P")]
)
def test_s2_the_mechanism_decides_the_first_level(client, mechanism, level):
    client.ask(f"AUTH {mechanism}", 234)
    client.control.start_tls(client.context)
    client.log_in()
    assert f"PROT {level}" in client.ask("STAT", 211).text


def test_implicit_tls_starts_private(serve):
    client = serve(CONTENT, implicit=True).connect()
    client.log_in()
    assert "PROT P" in client.ask("STAT", 211).text
    assert client.download("RETR precious") == b"gold"
    client.ask("AUTH TLS", 503)


def test_s2_failed_logins_are_counted_across_auth(client):
    for _ in range(2):
        client.ask(f"USER {USER}", 331)
        client.send("PASS wrong")
        client.wait(2)
        client.expect(530)
    upgrade(client)
    client.ask(f"USER {USER}", 331)
    client.send("PASS wrong")
    client.wait(3)
    client.expect(421)


def test_auth_after_login_is_refused_by_default(serve, settings):
    client = serve(settings=settings(relax=True)).connect()
    client.log_in()
    client.ask("AUTH TLS", 503)
    client.ask("PWD", 257)


def test_implicit_tls_gives_clear_text_no_word(serve):
    server = serve(CONTENT, implicit=True)
    wire = Wire.connect(server.reactor, server.host, server.port, "192.0.2.1")
    assert wire.take() == b""
    wire.send(INJECTED)
    assert b"331" not in wire.take()
    assert wire.end is not None
    wire.close()
