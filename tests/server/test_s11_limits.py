"""S11: stalls end. S12: floods and endless lines cost little. S17: ports are not hoarded."""

from __future__ import annotations

import pytest

from ftptls.testing.dialogue import USER, Client, MemoryServer
from ftptls.testing.wires import Wire

CONTENT = {"/f": b"0123", "/big": bytes(8 * 2**20)}


def raw(server: MemoryServer) -> Wire:
    """A connection that was not greeted, and says nothing."""
    wire = Wire.connect(server.reactor, server.host, server.port, "192.0.2.1")
    server.reactor.settle()
    return wire


def gone(client: Client, seconds: float) -> bool:
    """Whether the server gives up after so many seconds, and not before."""
    client.wait(seconds - 0.1)
    early = client.closed
    client.wait(0.2)
    return not early and client.closed


# --- S11 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01"])
def test_s11_implicit_tls_that_never_begins_or_ends(serve, settings, octets):
    server = serve(settings=settings(handshake_timeout=10))
    implicit = serve(settings=settings(handshake_timeout=10), implicit=True)
    assert server.port
    wire = raw(implicit)
    wire.send(octets)
    implicit.reactor.advance(9.9)
    assert wire.end is None
    implicit.reactor.advance(0.2)
    assert wire.end is not None
    assert wire.take() == b""
    wire.close()


def test_s11_a_handshake_of_one_octet_a_second(serve, settings):
    server = serve(settings=settings(handshake_timeout=10), implicit=True)
    wire = raw(server)
    for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc":
        wire.send(bytes([octet]))
        server.reactor.advance(1)
    assert wire.end is None
    server.reactor.advance(1.1)
    assert wire.end is not None
    wire.close()


def test_s11_explicit_tls_that_never_comes(serve, settings):
    client = serve(settings=settings(handshake_timeout=10)).connect()
    client.ask("AUTH TLS", 234)
    assert gone(client, 10)
    assert client.quiet


def test_s11_login_that_never_comes(greet, settings, mode):
    client = greet(settings=settings(login_timeout=30), mode=mode)
    for _ in range(2):
        client.wait(10)
        client.ask("NOOP", 200)
        client.ask(f"USER {USER}", 331)
    assert gone(client, 10)
    client.expect(421)


def test_s11_login_that_takes_its_time(serve, settings):
    client = serve(settings=settings(login_timeout=30)).connect()
    client.wait(25)
    client.secure()
    client.log_in()
    client.wait(25)
    client.ask("NOOP", 200)


@pytest.mark.parametrize("seconds", [0, 10, 59.5, 299.5])
def test_s11_a_second_login_has_as_much_time_as_the_first(enter, settings, seconds):
    client = enter(CONTENT, settings(login_timeout=60, idle_timeout=300))
    client.wait(seconds)
    client.ask(f"USER {USER}", 331)
    client.wait(59)
    assert not client.closed
    client.wait(1)
    client.expect(421)


def test_s11_idle(enter, settings, mode):
    client = enter(CONTENT, settings(idle_timeout=60), mode=mode)
    client.wait(59)
    client.ask("NOOP", 200)
    client.wait(59)
    client.ask("NOOP", 200)
    assert gone(client, 60)
    client.expect(421)


def test_s11_an_unfinished_line_is_idle(enter, settings):
    client = enter(CONTENT, settings(idle_timeout=60))
    for _ in range(59):
        client.control.send(b"N")
        client.wait(1)
    client.wait(2)
    client.expect(421)
    assert client.closed


@pytest.mark.parametrize("verb", ["STOR x", "RETR big"])
def test_s11_a_transfer_that_stalls(enter, settings, mode, verb):
    client = enter(CONTENT, settings(stall_timeout=20), mode=mode)
    wire = client.begin(verb, limit=100_000)
    client.wait(19)
    assert client.quiet
    client.wait(2)
    client.expect(426)
    wire.resume()
    client.server.reactor.settle()
    assert wire.end is not None
    assert client.download("RETR f") == b"0123"


@pytest.mark.parametrize("octets", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01"])
@pytest.mark.parametrize("how", ["PASV", "PORT"])
def test_s11_a_data_handshake_that_never_begins_or_ends(enter, settings, octets, how):
    client = enter(CONTENT, settings(handshake_timeout=5, connect_timeout=10, refusal_grace=1))
    port = client.open(how)
    client.ask("STOR x", 150)
    port.wire.send_raw(octets)
    client.wait(11)
    client.expect(425, 522)
    assert port.wire.take() == b""
    client.wait(130)
    assert port.wire.end is not None
    assert client.server.filesystem.contents() == CONTENT


def test_s11_a_client_that_does_not_take_its_goodbye(enter, mode):
    client = enter(mode=mode)
    client.control.pause()
    client.send("QUIT")
    client.wait(2)
    assert not client.control.memory.other.connected


def test_s11_a_thousand_half_open_connections_leave_nothing(serve, settings):
    server = serve(settings=settings(handshake_timeout=10), implicit=True)
    wires = [raw(server) for _ in range(1000)]
    server.reactor.advance(11)
    assert all(wire.end is not None for wire in wires)
    assert server.factory._sessions == set()
    for wire in wires:
        wire.close()
    server.reactor.settle()


# --- S12 -------------------------------------------------------------------------------------


def test_s12_ten_megabytes_without_an_end(greet, mode):
    client = greet(mode=mode)
    piece = b"x" * 65536
    for _ in range(160):
        client.control.send(piece)
        if client.closed:
            break
    client.expect(500)
    client.expect(421)
    assert client.closed


def test_s12_a_line_too_long_and_then_a_good_one(greet, mode):
    client = greet(mode=mode)
    client.ask("NOOP " + "x" * 10_000, 500)
    client.ask("NOOP", 200)
    client.ask("NOOP " + "x" * (8192 - 5), 200)
    client.ask("NOOP " + "x" * (8192 - 4), 500)
    assert client.quiet


def test_s12_a_flood_is_answered_in_full_if_it_reads(greet, mode):
    client = greet(mode=mode)
    client.control.send(b"NOOP\r\n" * 10_000)
    assert client.control.take() == b"200 OK.\r\n" * 10_000


def test_s12_a_flood_does_not_hold_others_up(serve):
    server = serve()
    flooding, other = server.connect(), server.connect()
    flooding.control.send(b"SYST\r\n" * 10_000)
    other.control.send(b"SYST\r\n")
    while not other.control.waiting:
        server.reactor.step()
    assert flooding.control.waiting < 100_000
    assert flooding.control.take().count(b"215 ") == 10_000


def flood_unread(client: Client) -> None:
    """A hundred thousand commands whose replies are not read."""
    client.control.pause()
    for _ in range(100):
        client.control.send(b"NOOP\r\n" * 1_000)
        client.server.reactor.settle()


def test_s12_a_flood_that_never_reads_is_paused(greet, mode):
    client = greet(mode=mode)
    flood_unread(client)
    ours = client.control.memory.other
    assert ours.paused
    assert ours.unsent < 256 * 1024
    (pi,) = client.server.factory._sessions
    assert pi._lines.buffered + len(pi._switch.received) < 256 * 1024
    assert client.control.memory.unsent > 100 * 1024
    client.wait(301)
    assert not ours.connected


def test_s12_a_flood_is_answered_once_it_is_read(greet):
    client = greet()
    flood_unread(client)
    client.control.resume()
    assert client.control.take() == b"200 OK.\r\n" * 100_000


def test_s12_a_flood_during_a_transfer_is_paused(enter):
    client = enter(CONTENT)
    wire = client.begin("RETR big", limit=100_000)
    for _ in range(100):
        client.control.send(b"PWD\r\n" * 300)
        client.server.reactor.settle()
    assert client.control.memory.other.paused
    wire.resume()
    assert len(wire.take()) == len(CONTENT["/big"])
    client.expect(226)
    assert client.control.take().count(b"257 ") == 30_000


def test_s12_a_flood_of_lines_that_are_no_commands(greet):
    client = greet()
    client.control.send(b"h\r\n" * 100_000)
    data = client.control.take()
    assert data.count(b"\r\n") == 20
    assert client.closed


def test_s12_a_flood_of_telnet(greet):
    client = greet()
    client.control.send(b"\xff\xfb\x01" * 20_000 + b"NOOP\r\n")
    assert client.control.take().endswith(b"200 OK.\r\n")
    client.control.send(b"\xff\xfb\x01" * 100_000)
    assert client.control.take().endswith(b"421 The line never ends; goodbye.\r\n")
    assert client.closed


def test_s12_a_flood_of_tiny_records(greet):
    client = greet()
    for _ in range(3_000):
        client.control.send(b"N")
        client.control.send(b"OOP\r\n")
    assert client.control.take() == b"200 OK.\r\n" * 3_000


# --- S17 -------------------------------------------------------------------------------------


def test_s17_a_thousand_pasv_make_one_listener(enter, mode):
    client = enter(mode=mode)
    timers = len(client.server.reactor.getDelayedCalls())
    for number in range(1000):
        client.ask("PASV" if number % 2 else "EPSV", 227, 229)
        assert len(client.server.reactor.listeners) == 2
    assert len(client.server.reactor.getDelayedCalls()) <= timers + 1


def test_s17_pipelined_pasv(enter):
    client = enter()
    client.send(*["PASV"] * 1000)
    client.server.reactor.settle()
    assert len(client.server.reactor.listeners) == 2


def test_s17_connections_to_one_port_are_bounded(enter, mode, settings):
    client = enter(CONTENT, settings(candidates=4), mode=mode)
    port = client.passive_port()
    wires = [client.dial(port) for _ in range(50)]
    assert sum(wire.memory.other.connected for wire in wires) <= 4


# --- S19 -------------------------------------------------------------------------------------


def test_s19_no_password_in_the_log(greet, log, mode):
    client = greet(mode=mode)
    client.ask("USER alice", 331)
    client.send("PASS hunter2-wrong")
    client.wait(1)
    client.expect(530)
    client.log_in()
    client.send("pass hunter2-late", "PASSWORD hunter2-typo", "ACCT hunter2-account")
    client.send("SITE PSWD hunter2-old hunter2-new", "hunter2-alone")
    client.server.reactor.settle()
    assert "hunter2" not in log.text
    assert "open sesame" not in log.text
    assert not any("hunter2" in repr(event) for event in log.events)
    assert not any("open sesame" in repr(event) for event in log.events)
    assert "PASS" in log.text


@pytest.mark.parametrize(
    "line",
    [
        b"USER evil\x1b[2J\x07root",
        b"USER evil\rlogged in",
        b"CWD evil\x1b[31m\x08\x08",
        b"RETR evil\x1b]0;title\x07",
        b"STOR \x1b\x9b\xc2\x9b evil",
        b"XEVIL\x1b[2J x",
        b"\x1b[2J",
        b"MKD evil\xe2\x80\xae\xe2\x80\xa8forged",
    ],
)
def test_s19_control_characters_are_escaped(enter, log, line):
    client = enter()
    client.send(line)
    client.wait(3)
    client.control.take()
    for event in log.events:
        assert event["text"].isprintable(), event["text"]


def test_s19_hostile_names_on_disk_do_not_forge_log_lines(enter, log):
    client = enter({"/evil\n2026-01-01 root logged in\x1b[2J": b"x"})
    client.download("LIST")
    client.ask("MKD new\x1b[2J", 257)
    client.ask("CWD new\x1b[2J", 250)
    client.upload("STOR up\x1b[2J", b"x")
    for event in log.events:
        assert event["text"].isprintable(), event["text"]


def test_s19_a_hostile_user_name_in_every_later_line(greet, log):
    name = "ev\x1b[2Jil"
    client = greet(users={name: "x"})
    client.log_in(name, "x")
    client.upload("STOR f", b"1")
    client.ask("QUIT", 221)
    for event in log.events:
        assert event["text"].isprintable(), event["text"]
