"""S6: a protected data connection belongs to its control connection's TLS session.

S7 and S24: what is not whole is not stored, and nothing is touched before the handshake.
"""

from __future__ import annotations

import time

import pytest
from OpenSSL import SSL

from ftptls.settings import SessionReuse
from ftptls.testing.dialogue import Client
from ftptls.testing.wires import Ending, WireError
from ftptls.tls import contexts

pytestmark = pytest.mark.both_paths

CONTENT = {"/old": b"old", "/empty": b""}


@pytest.fixture
def strict(serve, settings, version):
    """Make clients of one server that requires resumption."""
    server = serve(CONTENT, settings(session_reuse=SessionReuse.REQUIRE, refusal_grace=1))

    def make() -> Client:
        client = server.connect(version=version)
        client.secure()
        client.log_in()
        return client

    return make


def ended_with_522(client: Client) -> None:
    client.wait(2)
    assert client.expect(522).text
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("verb", ["STOR", "APPE", "RETR"])
def test_no_session(strict, how, verb):
    client = strict()
    port = client.open(how)
    client.ask(f"{verb} old", 150)
    client.protect(port.wire, resume=False)
    assert not port.wire.resumed
    ended_with_522(client)
    assert port.wire.take() == b""
    assert port.wire.end is not None
    client.upload("STOR old", b"new", how)


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("verb", ["STOR", "RETR"])
def test_the_session_of_another_control_connection(strict, how, verb):
    mine, other = strict(), strict()
    port = mine.open(how)
    mine.ask(f"{verb} old", 150)
    port.wire.start_tls(other.context, other.control.session)
    assert not port.wire.resumed
    ended_with_522(mine)
    assert mine.download("RETR old", how) == b"old"


def test_the_session_of_another_data_connection_of_its_own(strict):
    """A session that a data connection gave is as good as the control connection's."""
    client = strict()
    wire = client.begin("RETR old")
    wire.take()
    client.expect(226)
    session = wire.session
    wire = client.open().wire
    client.ask("RETR old", 150)
    wire.start_tls(client.context, session)
    assert wire.resumed
    assert wire.take() == b"old"
    client.expect(226)


def test_the_session_of_another_connections_data(strict):
    mine, other = strict(), strict()
    theirs = other.begin("RETR old")
    theirs.take()
    other.expect(226)
    wire = mine.open().wire
    mine.ask("STOR old", 150)
    wire.start_tls(other.context, theirs.session)
    assert not wire.resumed
    ended_with_522(mine)


def test_a_session_from_before_the_present_control_connection(strict):
    first = strict()
    session = first.control.session
    context = first.context
    first.ask("QUIT", 221)
    second = strict()
    wire = second.open().wire
    second.ask("STOR old", 150)
    wire.start_tls(context, session)
    assert not wire.resumed
    ended_with_522(second)


def test_one_session_serves_a_hundred_transfers(strict):
    client = strict()
    for number in range(50):
        client.upload(f"STOR {number}", b"x")
        assert client.download(f"RETR {number}", "PORT") == b"x"


def test_each_upload_with_a_ticket_used_once(strict, version):
    """JSSE's way, which has the tickets of the handshake and of each download."""
    client = strict()
    session = client.control.session
    for _ in range(5):
        wire = client.open().wire
        client.ask("RETR old", 150)
        wire.start_tls(client.context, session)
        assert wire.take() == b"old"
        client.expect(226)
        session = wire.session


def test_the_control_connection_cannot_resume_anothers_session(serve, version):
    server = serve(CONTENT)
    first, second = (server.connect(version=version) for _ in range(2))
    first.secure()
    second.context = first.context
    second.ask("AUTH TLS", 234)
    second.control.start_tls(first.context, first.control.session)
    assert not second.control.resumed


def test_the_port_stays_open_to_the_right_client_after_a_refusal(strict):
    client = strict()
    port = client.passive_port()
    client.ask("STOR old", 150)
    client.protect(client.dial(port), resume=False)
    ended_with_522(client)
    client.ask("STOR old", 150)
    wire = client.dial(port)
    client.protect(wire)
    wire.send(b"new")
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents()["/old"] == b"new"


def test_without_tickets(strict, version):
    """The server then keeps the session itself, by its id (RFC 5246 §7.3, RFC 8446 §4.6.1)."""
    client = strict()
    client.leave()
    client = client.server.connect(version=version)
    client.context.set_options(SSL.OP_NO_TICKET)
    client.secure()
    client.log_in()
    for _ in range(3):
        assert client.download("RETR old") == b"old"
        client.upload("STOR copy", b"new")
    wire = client.open().wire
    client.ask("STOR old", 150)
    client.protect(wire, resume=False)
    client.wait(2)
    client.expect(522)
    assert client.server.filesystem.contents()["/old"] == b"old"


def test_an_expired_session(strict, monkeypatch):
    monkeypatch.setattr(contexts, "_SESSION_LIFETIME", 1)
    monkeypatch.setattr(contexts, "_CONNECTIONS", 0)  # else there is a context already
    client = strict()
    assert client.download("RETR old") == b"old"
    time.sleep(2.1)  # OpenSSL asks the system's clock
    wire = client.open().wire
    client.ask("STOR old", 150)
    client.protect(wire)
    assert not wire.resumed
    ended_with_522(client)


# --- S7, S24 ---------------------------------------------------------------------------------

BROKEN = [Ending.FIN, Ending.RESET]


@pytest.mark.parametrize("ending", BROKEN, ids=lambda e: e.name)
@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("data", [b"", b"new", b"n" * 100_000], ids=len)
def test_s7_an_upload_without_close_notify(strict, ending, how, data):
    client = strict()
    answer = client.upload("STOR old", data, how, ending=ending, code=426)
    assert "Nothing was stored" in answer.text
    client.upload("STOR fresh", data, how, ending=ending, code=426)
    assert client.server.filesystem.contents() == CONTENT


def test_s7_half_a_record(strict):
    client = strict()
    wire = client.begin("STOR old")
    wire.tls.send(b"n" * 1000)
    wire.send_raw(wire.tls.bio_read(1 << 16)[:500])
    wire.finish()
    client.expect(426)
    assert client.server.filesystem.contents() == CONTENT


def test_s7_half_a_close_notify(strict):
    client = strict()
    wire = client.begin("STOR old")
    wire.send(b"new")
    wire.tls.shutdown()
    wire.send_raw(wire.tls.bio_read(1 << 16)[:-3])
    wire.finish()
    client.expect(426)
    assert client.server.filesystem.contents() == CONTENT


def test_s7_a_forged_record(strict):
    client = strict()
    wire = client.begin("STOR old")
    wire.send(b"new")
    wire.send_raw(b"\x17\x03\x03\x00\x20" + b"f" * 32)
    client.expect(426)
    assert client.server.filesystem.contents() == CONTENT
    wire.take()
    assert wire.failure  # the alert went out


def test_s7_a_forged_close_notify(strict):
    client = strict()
    wire = client.begin("STOR old")
    wire.send(b"new")
    wire.send_raw(b"\x15\x03\x03\x00\x02\x01\x00")
    wire.finish()
    client.expect(426)
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("data", [b"", b"new", b"n" * 100_000], ids=len)
def test_s7_close_notify_and_then_a_reset_is_whole(strict, data):
    client = strict()
    client.upload("STOR old", data, ending=Ending.NOTIFY_AND_RESET)
    assert client.server.filesystem.contents()["/old"] == data


def test_s7_an_empty_file_takes_a_handshake_and_close_notify(strict):
    client = strict()
    client.upload("STOR old", b"")
    client.upload("STOR fresh", b"")
    assert client.server.filesystem.contents() == {"/old": b"", "/empty": b"", "/fresh": b""}


@pytest.mark.parametrize("ending", BROKEN, ids=lambda e: e.name)
def test_s7_control_eof_during_an_upload(strict, ending):
    client = strict()
    wire = client.begin("STOR old")
    wire.send(b"new")
    client.control.stop(ending)
    wire.stop()
    client.server.reactor.settle()
    assert client.server.filesystem.contents() == CONTENT


def test_s7_in_clear_a_reset_breaks_and_a_fin_ends(enter, settings):
    client = enter(CONTENT, settings(relax=True))
    client.protect_data(private=False)
    client.upload("STOR old", b"new", ending=Ending.RESET, code=426)
    assert client.server.filesystem.contents() == CONTENT
    client.upload("STOR old", b"new", ending=Ending.FIN)
    assert client.server.filesystem.contents()["/old"] == b"new"


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
@pytest.mark.parametrize("target", ["old", "fresh"])
def test_s24_a_failed_handshake_touches_nothing(strict, how, verb, target):
    client = strict()
    port = client.open(how)
    client.ask(f"{verb} {target}", 150)
    distrustful = SSL.Context(SSL.TLS_CLIENT_METHOD)
    distrustful.set_verify(SSL.VERIFY_PEER)
    with pytest.raises(WireError):
        port.wire.start_tls(distrustful)
    port.wire.close()
    client.wait(3)
    client.expect(522, 425, 426)
    assert client.server.filesystem.contents() == CONTENT


@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize("octets", [b"", b"\x16", b"\x16\x03\x01\x00\x05hello", b"plain text"])
def test_s24_a_connection_that_never_is_tls_touches_nothing(strict, how, octets):
    client = strict()
    port = client.open(how)
    client.ask("STOR old", 150)
    port.wire.send_raw(octets)
    port.wire.finish()
    client.wait(3)
    client.expect(522, 425)
    assert client.server.filesystem.contents() == CONTENT


def test_s24_before_the_handshake_the_file_is_not_there_yet(strict):
    client = strict()
    wire = client.open().wire
    client.ask("STOR fresh", 150)
    assert client.server.filesystem.contents() == CONTENT
    client.protect(wire)
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents() == {**CONTENT, "/fresh": b""}


def test_a_protected_download_has_its_close_notify(strict):
    client = strict()
    for name in ("old", "empty"):
        wire = client.begin(f"RETR {name}")
        wire.take()
        assert wire.notified
        client.expect(226)
