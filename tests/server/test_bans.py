"""Who guesses too often is banned: for a while, everywhere, and until it is lifted."""

from __future__ import annotations

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from twisted.protocols.haproxy import proxyEndpoint

from ftptls.factory import FTPFactory
from ftptls.guard import Door, Kind, lift, list_bans
from ftptls.settings import Guard
from ftptls.testing.dialogue import CLIENT, PASSWORD, SERVER_6, USER

from .guessing import OTHER, ban, dial, guess, guess_from, refused, welcome
from .slow import HeldWorkers


def test_a_banned_address_is_refused_before_anything_else(guarded, log):
    server = guarded(ban_after=3)
    ban(server)
    assert refused(server).startswith("421 Too many failed logins from your address")
    assert welcome(server, OTHER)
    assert "banned the address '192.0.2.1' for 900 s, after 3 failed logins" in log.text


def test_the_guess_that_is_one_too_many_ends_its_connection(guarded):
    server = guarded(ban_after=2, login_attempts=100)
    client = server.connect()
    assert guess(client) == (0.5, "530 Login incorrect.")
    assert guess(client) == (1, "421 Too many failed logins; goodbye.")
    assert client.closed


def test_connections_of_a_banned_address_cannot_log_in_any_more(guarded):
    server = guarded(ban_after=2)
    there, logged_in = server.connect(), server.connect()
    guess(logged_in, USER, PASSWORD)
    ban(server)
    assert guess(there, USER, PASSWORD) == (0, "421 Too many failed logins; goodbye.")
    logged_in.ask("PWD", 257)


def test_bans_hold_at_every_listener_that_shares_the_door(guarded, authority):
    server = guarded(ban_after=2)
    implicit = FTPFactory(
        server.reactor,
        server.factory.portal,
        authority.server_context(),
        server.factory.settings,
        implicit=True,
        door=server.factory.door,
    )
    port = server.reactor.listenTCP(0, implicit, interface=server.host)
    ban(server)
    wire = dial(server, CLIENT, port.port)
    assert wire.end is not None
    assert wire.take() == b""  # a text in clear would be no TLS
    wire.close()
    port.stopListening()


def test_silence(guarded):
    server = guarded(ban_after=2, silent=True)
    ban(server)
    assert refused(server) == ""


def test_a_header_that_tells_of_another_address_changes_nothing(guarded):
    """Behind a load balancer, its address counts, whatever PROXY headers say."""
    server = guarded(ban_after=3, login_delay=0)
    endpoint = proxyEndpoint(TCP4ServerEndpoint(server.reactor, 0, interface=server.host))
    opened = []
    endpoint.listen(server.factory).addCallback(opened.append)
    for number in range(3):
        wire = dial(server, CLIENT, opened[0].port)
        wire.send(f"PROXY TCP4 198.51.100.{number} {server.host} 50000 21\r\n".encode())
        wire.send(b"USER alice\r\nPASS guess\r\n")
        server.reactor.advance(0)
        assert wire.take().count(b"\r\n") == 3
        wire.close()
    assert not welcome(server)
    assert all(welcome(server, f"198.51.100.{number}") for number in range(3))
    opened[0].stopListening()


def test_a_ban_ends(guarded):
    server = guarded(ban_after=2, ban_time=300)
    ban(server)
    server.reactor.advance(298)
    assert not welcome(server)
    server.reactor.advance(2)
    assert welcome(server)
    assert len(server.factory.door.attempts.bans) == 0


def test_no_bans(guarded):
    server = guarded(ban_after=2, ban_time=0, login_delay=0)
    for _ in range(5):
        guess_from(server, CLIENT)
    assert welcome(server)


def test_a_ban_is_of_the_ipv6_network(guarded):
    server = guarded(ban_after=2, host=SERVER_6)
    ban(server, "2001:db8:1::1")
    assert not welcome(server, "2001:db8:1::2")
    assert welcome(server, "2001:db8:1:1::1")


def test_a_ban_is_lifted_while_the_server_runs(guarded, log, tmp_path):
    path = tmp_path / "bans"
    server = guarded(ban_after=3, state=str(path))
    ban(server)
    assert not welcome(server)
    (lifted,) = lift(path, CLIENT, now=server.reactor.seconds())
    assert (lifted.kind, lifted.what, lifted.failures) == (Kind.ADDRESS, CLIENT, 3)
    server.reactor.advance(1)
    assert welcome(server)
    assert "the ban of the address '192.0.2.1' was lifted" in log.text
    guess_from(server, CLIENT)
    assert welcome(server)


def test_bans_outlive_the_server(guarded, tmp_path):
    path = tmp_path / "bans"
    first = guarded(ban_after=2, state=str(path))
    ban(first)
    first.stop()
    assert [each.what for each in list_bans(path, now=first.reactor.seconds())] == [CLIENT]
    second = guarded(ban_after=2, state=str(path))
    assert not welcome(second)
    assert welcome(second, OTHER)


def test_servers_share_their_bans(guarded, tmp_path):
    one, other = (guarded(ban_after=2, state=str(tmp_path / "bans")) for _ in range(2))
    ban(one)
    assert welcome(other)
    other.reactor.advance(1)
    assert not welcome(other)
    ban(other, OTHER)
    one.reactor.advance(1)
    assert not welcome(one, OTHER)
    assert not welcome(one)


def test_a_server_that_ends_while_it_writes_closes_the_file_behind_it(tmp_path):
    workers = HeldWorkers()
    door = Door(Clock(), Guard(state=str(tmp_path / "bans")), workers)
    door.opened()
    door.attempts.bans.add(Kind.ADDRESS, CLIENT, 20)
    door.closed()
    assert len(workers.waiting) == 1
    workers.work()
    workers.work()
    assert workers.waiting == []
    assert [each.what for each in list_bans(tmp_path / "bans", now=0)] == [CLIENT]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bans"]  # none is left open


def test_a_file_that_cannot_be_written_is_told_and_tried_again(guarded, log, tmp_path):
    folder = tmp_path / "late"
    server = guarded(ban_after=2, state=str(folder / "bans"))
    ban(server)
    server.reactor.advance(3)
    assert not welcome(server)
    (alarm,) = log.alarms
    assert "the bans are not kept" in alarm
    folder.mkdir()
    server.reactor.advance(1)
    assert [each.what for each in list_bans(folder / "bans", now=0)] == [CLIENT]
    log.events.clear()


def test_names_are_locked_if_that_is_wished(guarded, tmp_path):
    path = tmp_path / "bans"
    server = guarded(ban_after=3, lock_names=True, state=str(path), login_delay=0)
    for number in range(10, 13):
        guess_from(server, f"192.0.2.{number}")
    client = server.connect(OTHER)
    assert guess(client, USER, PASSWORD) == (0, "530 Login incorrect.")
    assert [each.what for each in lift(path, USER, now=0)] == [USER]
    server.reactor.advance(1)
    assert guess(client, USER, PASSWORD) == (0, "230 Logged in.")


def test_names_are_not_locked_by_default(guarded):
    server = guarded(ban_after=3, login_delay=0)
    for number in range(10, 20):
        guess_from(server, f"192.0.2.{number}")
    assert guess(server.connect(OTHER), USER, PASSWORD)[1] == "230 Logged in."
