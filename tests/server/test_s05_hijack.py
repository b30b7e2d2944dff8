"""S5: nobody takes a passive data connection away from its client (VU#2558)."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from ftptls.settings import SessionReuse
from ftptls.testing.dialogue import STRANGER, Client
from ftptls.testing.wires import Wire

pytestmark = pytest.mark.both_paths

SECRET = b"for alice only"
CONTENT = {"/f": SECRET, "/old": b"old"}
POLICIES = [SessionReuse.REQUIRE, SessionReuse.PREFER]


def stranger_context(client: Client) -> SSL.Context:
    """TLS like the client's, without its session."""
    return client.server.authority.client_context()


def everything(wires: list[Wire]) -> bytes:
    return b"".join(wire.take() for wire in wires)


def finish(client: Client, wire: Wire) -> None:
    """Carry the download through: the command is sent and answered 150."""
    if client.private:
        client.protect(wire)
    assert wire.take() == SECRET
    client.expect(226)


def test_a_stranger_from_another_address_gets_nothing(enter, mode, log):
    client = enter(CONTENT, mode=mode)
    port = client.passive_port()
    strangers = [client.dial(port, STRANGER) for _ in range(10)]
    assert all(wire.end is not None for wire in strangers)
    wire = client.dial(port)
    client.ask("RETR f", 150)
    finish(client, wire)
    assert everything(strangers) == b""
    assert "not the client's address" in log.text


def test_a_stranger_from_another_address_after_the_command(enter, mode):
    client = enter(CONTENT, mode=mode)
    port = client.passive_port()
    client.ask("RETR f", 150)
    stranger = client.dial(port, STRANGER)
    assert client.quiet
    finish(client, client.dial(port))
    assert everything([stranger]) == b""


def test_a_stranger_cannot_upload(enter, mode):
    client = enter(CONTENT, mode=mode)
    port = client.passive_port()
    client.ask("STOR old", 150)
    stranger = client.dial(port, STRANGER)
    assert stranger.end is not None
    wire = client.dial(port)
    if mode.private:
        client.protect(wire)
    wire.send(b"mine")
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents()["/old"] == b"mine"


@pytest.mark.parametrize("reuse", POLICIES)
@pytest.mark.parametrize("count", [1, 3, 4, 5, 12])
@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
def test_silent_ones_from_the_same_address(enter, settings, reuse, count, early):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    if not early:
        client.ask("RETR f", 150)
    silent = [client.dial(port) for _ in range(count)]
    wire = client.dial(port)
    if early:
        client.ask("RETR f", 150)
    finish(client, wire)
    assert everything(silent) == b""
    assert all(each.end is not None for each in silent)


@pytest.mark.parametrize("reuse", POLICIES)
@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\0" * 99]
)
def test_ones_that_speak_garbage(enter, settings, reuse, garbage):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    client.ask("RETR f", 150)
    for _ in range(6):
        client.dial(port).send(garbage)
    client.server.reactor.settle()
    finish(client, client.dial(port))


@pytest.mark.parametrize("reuse", POLICIES)
@pytest.mark.parametrize("count", [1, 3, 4, 12])
def test_ones_with_half_a_handshake(enter, settings, reuse, count):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    client.ask("RETR f", 150)
    for _ in range(count):
        client.dial(port).send(b"\x16\x03\x01\x02\x00\x01\x00")
    client.server.reactor.settle()
    finish(client, client.dial(port))


@pytest.mark.parametrize("reuse", POLICIES)
@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
def test_a_fast_handshake_without_the_session_against_the_one_with_it(
    enter, settings, reuse, early
):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    stranger, wire = client.dial(port), client.dial(port)
    if early:
        stranger.start_tls(stranger_context(client))
        client.ask("RETR f", 150)
    else:
        client.ask("RETR f", 150)
        stranger.start_tls(stranger_context(client))
    assert stranger.take() == b""
    client.wait(0.2)
    finish(client, wire)
    assert stranger.take() == b""
    assert stranger.end is not None


@pytest.mark.parametrize("reuse", POLICIES)
@pytest.mark.parametrize("count", [3, 4, 12])
def test_many_fast_handshakes_without_the_session_before_the_command(enter, settings, reuse, count):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    strangers = [client.dial(port) for _ in range(count)]
    for stranger in strangers:
        stranger.begin_tls(stranger_context(client))
    client.server.reactor.settle()
    wire = client.dial(port)
    client.ask("RETR f", 150)
    finish(client, wire)
    assert everything(strangers) == b""


@pytest.mark.parametrize("reuse", POLICIES)
def test_a_fast_upload_without_the_session_against_the_one_with_it(enter, settings, reuse):
    client = enter(CONTENT, settings(session_reuse=reuse))
    port = client.passive_port()
    stranger, wire = client.dial(port), client.dial(port)
    stranger.start_tls(stranger_context(client))
    stranger.send(b"forged")
    stranger.stop()
    client.ask("STOR old", 150)
    client.protect(wire)
    wire.send(b"mine")
    wire.stop()
    client.expect(226)
    assert client.server.filesystem.contents()["/old"] == b"mine"


def test_under_require_a_stranger_alone_gets_nothing_however_long_it_waits(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.REQUIRE))
    port = client.passive_port()
    client.ask("RETR f", 150)
    stranger = client.dial(port)
    stranger.start_tls(stranger_context(client))
    client.wait(1)
    assert stranger.take() == b""
    assert client.quiet
    finish(client, client.dial(port))


def test_under_require_many_fast_strangers(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.REQUIRE))
    port = client.passive_port()
    client.ask("RETR f", 150)
    for _ in range(8):
        client.dial(port).start_tls(stranger_context(client))
        client.wait(0.1)
    finish(client, client.dial(port))


def test_under_prefer_a_lone_client_without_the_session_is_served_at_once(enter):
    client = enter(CONTENT)
    wire = client.begin("RETR f", resume=False)
    assert wire.take() == SECRET
    client.expect(226)


def test_under_prefer_the_grace_ends(enter, settings):
    """Nobody resumed: after the grace, the first that is complete carries the transfer."""
    client = enter(CONTENT, settings(resume_grace=0.25))
    port = client.passive_port()
    silent, wire = client.dial(port), client.dial(port)
    client.ask("RETR f", 150)
    client.protect(wire, resume=False)
    client.wait(0.2)
    assert wire.take() == b""
    client.wait(0.1)
    assert wire.take() == SECRET
    client.expect(226)
    assert silent.take() == b""


def test_under_off_the_first_handshake_wins(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.OFF))
    port = client.passive_port()
    client.dial(port)
    wire = client.dial(port)
    client.ask("RETR f", 150)
    client.protect(wire, resume=False)
    assert wire.take() == SECRET
    client.expect(226)


def test_under_off_newcomers_do_not_push_out_who_is_complete(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.OFF))
    port = client.passive_port()
    wire = client.dial(port)
    client.protect(wire, resume=False)
    for _ in range(12):
        client.dial(port).begin_tls(stranger_context(client))
        client.server.reactor.settle()
    client.ask("RETR f", 150)
    assert wire.take() == SECRET
    client.expect(226)


def test_a_refused_one_does_not_use_the_port_up(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.REQUIRE, refusal_grace=2))
    port = client.passive_port()
    client.ask("RETR f", 150)
    wrong = client.dial(port)
    client.protect(wrong, resume=False)
    assert wrong.take() == b""
    client.wait(1.5)
    assert client.quiet
    finish(client, client.dial(port))


def test_a_refused_one_alone_is_told_why(enter, settings):
    client = enter(CONTENT, settings(session_reuse=SessionReuse.REQUIRE, refusal_grace=2))
    client.begin("RETR f", resume=False)
    client.wait(3)
    assert "resume" in client.expect(522).text
    assert client.download("RETR f") == SECRET
