"""Guessing is slow, then refused; floods of connections keep nobody out (RFC 2577 §5)."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock, deferLater
from twisted.protocols.haproxy import proxyEndpoint
from zope.interface import implementer

from ftptls.errors import BusyError, PermanentError
from ftptls.factory import FTPFactory
from ftptls.guard import Door, Kind, lift, list_bans
from ftptls.settings import ClientCertificate, Guard
from ftptls.testing.dialogue import (
    CLIENT,
    PASSWORD,
    SERVER_6,
    STRANGER,
    USER,
    Client,
    MemoryServer,
)
from ftptls.testing.wires import Wire
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext

from .slow import HeldWorkers

OTHER = "203.0.113.7"
CONTENT = {"/big": bytes(2 * 2**20)}


@pytest.fixture
def guarded(serve, settings):
    """A server without TLS, for dialogues that are short."""

    def make(*, relax=True, **given) -> MemoryServer:
        options = {k: given.pop(k) for k in ("users", "checkers", "host", "tls") if k in given}
        return serve(CONTENT, settings(relax=relax, **given), **options)

    return make


def answer_after(client: Client) -> tuple[float, str]:
    """How many seconds the answer takes, and what it is."""
    began = client.server.reactor.seconds()
    while client.quiet and not client.closed:
        client.wait(0.25)
        assert client.server.reactor.seconds() - began < 120, "it never comes"
    answer = client.answer()
    return client.server.reactor.seconds() - began, str(answer)


def guess(client: Client, name: str = USER, password: str = "wrong") -> tuple[float, str]:
    """One login on a connection that is there."""
    client.ask(f"USER {name}", 331)
    client.send(f"PASS {password}")
    return answer_after(client)


def guess_from(server: MemoryServer, source: str, name: str = USER, password: str = "wrong"):
    """The same on a connection of its own; how long it takes."""
    client = server.connect(source)
    seconds, _ = guess(client, name, password)
    client.leave()
    return seconds


def refused(server: MemoryServer, source: str = CLIENT) -> str:
    """What a new connection is told that is refused; fails if it is not."""
    client = server.connect(source, greet=False)
    assert client.closed
    said = client.control.take().decode()
    client.leave()
    return said


def dial(server: MemoryServer, source: str, port: int = 0) -> Wire:
    """A connection of octets."""
    wire = Wire.connect(server.reactor, server.host, port or server.port, source)
    server.reactor.settle()
    return wire


def welcome(server: MemoryServer, source: str = CLIENT) -> bool:
    client = server.connect(source, greet=False)
    answer = client.answer()
    client.leave()
    return answer is not None and answer.code == 220


# --- delays ----------------------------------------------------------------------------------


def test_the_delay_grows_across_connections(guarded):
    server = guarded()
    assert [guess_from(server, CLIENT) for _ in range(7)] == [0.5, 1, 2, 4, 8, 16, 16.5]
    assert guess_from(server, OTHER, "bob") == 0.5


def test_time_heals(guarded):
    server = guarded(window=100)
    assert [guess_from(server, CLIENT) for _ in range(3)] == [0.5, 1, 2]
    server.reactor.advance(97)
    assert guess_from(server, CLIENT) == 1
    server.reactor.advance(101)
    assert guess_from(server, CLIENT) == 0.5


def test_the_delay_is_of_names_as_well(guarded):
    server = guarded()
    sources = [f"192.0.2.{number}" for number in range(10, 15)]
    assert [guess_from(server, source) for source in sources] == [0.5, 1, 2, 4, 8]
    assert guess_from(server, STRANGER, "bob") == 0.5


def test_a_name_is_the_same_in_every_case(guarded):
    server = guarded()
    assert guess_from(server, CLIENT, "alice") == 0.5
    assert guess_from(server, OTHER, "ALICE") == 1


def test_a_right_password_waits_too_where_many_were_wrong(guarded, log):
    """Else, one who does not wait for an answer knows that it is wrong."""
    server = guarded(wary_after=3)
    for _ in range(3):
        guess_from(server, CLIENT, "mallory")
    client = server.connect()
    assert guess(client, USER, PASSWORD) == (2, "230 Logged in.")
    assert "waits 2 s" in log.text


def test_others_cannot_slow_a_user_down_where_he_was_lately(guarded):
    server = guarded(wary_after=3)
    assert guess_from(server, CLIENT, USER, PASSWORD) == 0
    for number in range(10, 16):
        guess_from(server, f"192.0.2.{number}")
    assert guess_from(server, CLIENT, USER, PASSWORD) == 0
    assert guess_from(server, OTHER, USER, PASSWORD) == 16


def test_a_login_forgives_the_mistakes_of_its_user_and_no_others(guarded):
    server = guarded()
    for name in (USER, USER, "bob", "bob"):
        guess_from(server, CLIENT, name)
    assert guess_from(server, CLIENT, USER, PASSWORD) == 0
    assert guess_from(server, CLIENT, "carol") == 2


def test_an_ipv6_network_counts_as_one(guarded):
    server = guarded(host=SERVER_6)
    assert guess_from(server, "2001:db8:1::1", "a") == 0.5
    assert guess_from(server, "2001:db8:1::ffff:2", "b") == 1
    assert guess_from(server, "2001:db8:1:1::1", "c") == 0.5


def test_trusted_networks_are_neither_slowed_nor_banned(guarded):
    server = guarded(trusted=("192.0.2.0/24",), ban_after=2, waiting_per_address=1)
    assert [guess_from(server, CLIENT) for _ in range(5)] == [0.5] * 5
    both = server.connect(), server.connect()
    assert all(guess(client, USER, PASSWORD)[0] == 0 for client in both)


def test_many_names_and_addresses_take_no_more_memory_than_they_may(guarded):
    server = guarded(remembered=10, login_delay=0, ban_after=1)
    attempts = server.factory.door.attempts
    for number in range(100):
        guess_from(server, f"192.0.2.{number}", f"user{number}" * 100)
    kept = [attempts.addresses, attempts.names, attempts.pairs, attempts.known, attempts.bans]
    assert all(len(each) <= 10 for each in kept)
    assert max(map(len, attempts.names._times)) < 100
    assert not welcome(server, "192.0.2.99")
    assert welcome(server, "192.0.2.1")


# --- side by side ----------------------------------------------------------------------------


@implementer(ICredentialsChecker)
class Slow:
    """A checker that takes its time, and counts who waits for it."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[bytes]] = []

    def requestAvatarId(self, credentials):
        self.asked.append(Deferred())
        return self.asked[-1]


def test_so_many_logins_of_an_address_are_checked_at_the_same_time(guarded):
    checker = Slow()
    server = guarded(checkers=[checker], checks=3)
    clients = [server.connect() for _ in range(10)]
    for number, client in enumerate(clients):
        client.ask(f"USER user{number}", 331)
        client.send("PASS wrong")
    server.reactor.settle()
    assert len(checker.asked) == 3
    checker.asked[0].callback(b"user0")
    clients[0].expect(230)
    assert len(checker.asked) == 4
    for each in clients[1:]:
        each.leave()
    server.reactor.settle()
    for each in checker.asked[1:]:
        each.errback(UnauthorizedLogin())
    server.reactor.advance(120)
    assert len(checker.asked) == 4


def test_so_many_logins_of_a_name_are_checked_at_the_same_time(guarded):
    checker = Slow()
    server = guarded(checkers=[checker], checks=3)
    clients = [server.connect(f"192.0.2.{number}") for number in range(10, 20)]
    for client in clients:
        client.ask(f"USER {USER}", 331)
        client.send("PASS wrong")
    other = server.connect(OTHER)
    other.ask("USER bob", 331)
    other.send("PASS wrong")
    server.reactor.settle()
    assert len(checker.asked) == 4
    for each in checker.asked:
        each.errback(UnauthorizedLogin())
    for client in clients[3:]:
        client.leave()
    server.reactor.advance(120)


def test_side_by_side_one_guesses_no_more_than_one_after_the_other(guarded):
    checker = Slow()
    server = guarded(checkers=[checker], checks=4, ban_after=6, login_attempts=100)
    clients = [server.connect() for _ in range(40)]
    for client in clients:
        client.send(*[f"USER {USER}", "PASS wrong"] * 20)
    for _ in range(200):
        server.reactor.advance(1)
        for each in checker.asked:
            if not each.called:
                each.errback(UnauthorizedLogin())
    assert 6 <= len(checker.asked) < 6 + 4
    assert all(client.closed for client in clients)


def test_who_leaves_while_he_waits_is_not_checked(guarded):
    checker = Slow()
    server = guarded(checkers=[checker], wary_after=1, login_delay=8)
    client = server.connect()
    client.ask(f"USER {USER}", 331)
    client.send("PASS wrong")
    server.reactor.settle()
    checker.asked[0].errback(UnauthorizedLogin())
    client.wait(8)
    client.expect(530)
    client.ask(f"USER {USER}", 331)
    client.send("PASS wrong")
    client.wait(1)
    client.leave()
    server.reactor.settle()
    assert len(checker.asked) == 1
    assert server.reactor.getDelayedCalls() == []


def test_a_flood_of_logins_leaves_a_transfer_and_other_logins_alone(guarded):
    checker = Slow()
    server = guarded(checkers=[checker])
    client = server.connect()
    client.ask(f"USER {USER}", 331)
    client.send("PASS right")
    server.reactor.settle()
    checker.asked.pop().callback(USER.encode())
    client.expect(230)
    client.ask("TYPE I", 200)
    wire = client.begin("RETR big", limit=100_000)
    flood = [dial(server, STRANGER) for _ in range(300)]
    assert sum(each.end is None for each in flood) == 50
    for each in flood[:50]:
        each.send(b"USER alice\r\nPASS guess\r\n")
    wire.resume()
    assert len(wire.take()) == len(CONTENT["/big"])
    client.expect(226)
    assert len(checker.asked) == 8
    other = server.connect(OTHER)
    other.ask("USER bob", 331)
    other.send("PASS right")
    server.reactor.settle()
    checker.asked.pop().callback(b"bob")
    other.expect(230)
    for each in flood:
        each.close()
    for each in checker.asked:
        each.errback(UnauthorizedLogin())
    server.reactor.advance(60)


# --- bans ------------------------------------------------------------------------------------


def ban(server: MemoryServer, source: str = CLIENT, name: str = USER) -> None:
    """Guess until the address is banned."""
    for _ in range(server.factory.settings.guard.ban_after):
        guess_from(server, source, name)


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


# --- what is told ----------------------------------------------------------------------------


@implementer(ICredentialsChecker)
class Telling:
    """Takes longer over users it knows, as a careless checker does."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.server: MemoryServer | None = None

    def requestAvatarId(self, credentials):
        seconds = {b"known": 0.25, b"disabled": 0.125}.get(credentials.username, 0)
        return deferLater(self.server.reactor, seconds).addCallback(self.refuse)

    def refuse(self, _):
        raise UnauthorizedLogin


def test_nothing_tells_which_users_there_are(guarded, pki):
    """The same octets after the same time, whoever it is and whatever is wrong with him."""
    pair = pki.server()
    verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
    heard = set()
    for name in ("known", "unknown", "disabled", "bob", "anonymous"):
        checker = Telling()
        tls = ServerContext(pair.key, pair.chain, verification=verification)
        bounds = {"login_attempts": 100, "login_timeout": 1000}
        checker.server = server = guarded(relax=False, checkers=[checker], tls=tls, **bounds)
        client = server.connect()
        client.context = pki.client_context(0x0304, pki.client("mallory"))
        client.secure()
        dialogue = []
        for _ in range(8):  # the last ones after the longest wait
            client.ask(f"USER {name}", 331)
            client.send("PASS wrong")
            began = server.reactor.seconds()
            while client.quiet:
                client.wait(0.0625)
            dialogue.append((server.reactor.seconds() - began, bytes(client.control.take())))
        heard.add(tuple(dialogue))
    ((first, *_),) = heard
    assert first == (0.5, b"530 Login incorrect.\r\n")


@implementer(ICredentialsChecker)
class Busy:
    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def requestAvatarId(self, credentials):
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "closes"),
    [(BusyError(), "421", True), (PermanentError(530, "Not before nine."), "530", False)],
)
def test_what_a_checker_replies_is_passed_on_and_no_failure(guarded, error, code, closes):
    server = guarded(checkers=[Busy(error)], users={"nobody": "x"}, ban_after=2)
    checker = server.factory.portal.checkers
    checker[IUsernamePassword] = Busy(error)
    for _ in range(4):
        client = server.connect()
        seconds, said = guess(client)
        assert (seconds, said) == (0, f"{code} {error.reply.text}")
        assert client.closed == closes
    assert len(server.factory.door.attempts.names) == 0


# --- connections -----------------------------------------------------------------------------


def test_so_many_of_an_address_may_wait(guarded):
    server = guarded(waiting_per_address=2)
    one, two = server.connect(), server.connect()
    assert refused(server).startswith("421 Too many connections from your address")
    assert welcome(server, OTHER)
    guess(one, USER, PASSWORD)
    three = server.connect()
    assert not welcome(server)
    one.ask(f"USER {USER}", 331)  # nobody is logged in there any more
    two.leave()
    assert not welcome(server)
    three.leave()
    assert welcome(server)


def test_so_many_may_wait_in_all(guarded):
    server = guarded(waiting=3, trusted=("198.51.100.0/24",))
    waiting = [server.connect() for _ in range(3)]
    assert refused(server) == "421 Too many connections; try again later.\r\n"
    assert welcome(server, "198.51.100.9")
    guess(waiting[0], USER, PASSWORD)
    assert welcome(server)


def test_nobody_is_kept_out_by_those_who_take_all_places(guarded):
    """They lose the places again: first whoever has most of them, and has them for longest."""
    server = guarded(waiting=5)
    crowd = [server.connect() for _ in range(3)]
    pair = [server.connect(OTHER) for _ in range(2)]
    ones = [server.connect(f"198.51.100.{number}") for number in range(3)]
    assert [each.closed for each in crowd] == [True, True, False]
    assert crowd[0].answer().code == 421
    assert [each.closed for each in pair] == [True, False]
    last = server.connect("198.51.100.9")
    assert (crowd[2].closed, pair[1].closed, ones[0].closed) == (True, False, False)
    assert not welcome(server, OTHER)  # it has a place, as everybody else has
    assert guess(ones[0], USER, PASSWORD)[1] == guess(last, USER, PASSWORD)[1] == "230 Logged in."
    assert server.factory.door.presence.waiting.total == 3


def test_who_is_in_a_handshake_or_a_login_makes_way_as_well(guarded):
    checker = Slow()
    server = guarded(checkers=[checker], waiting=2, relax=False, tls=True, login_timeout=100)
    shaking = server.connect()
    shaking.ask("AUTH TLS", 234)
    thinking = server.connect(OTHER)
    thinking.secure()
    thinking.ask(f"USER {USER}", 331)
    thinking.send(f"PASS {PASSWORD}")
    server.reactor.settle()
    assert welcome(server, STRANGER)
    assert shaking.closed
    assert shaking.quiet
    assert welcome(server, STRANGER)
    both = [server.connect(f"198.51.100.{number}") for number in range(2)]
    assert thinking.expect(421).text == "Too many connections; try again later."
    checker.asked[0].callback(USER.encode())
    assert server.logged_in == 0
    assert not any(each.closed for each in both)


def test_who_only_connects_loses_his_place_in_time(guarded):
    server = guarded(waiting=3, login_timeout=10)
    for _ in range(3):
        server.connect()
    assert not welcome(server)
    server.reactor.advance(11)
    assert welcome(server)


def test_sessions_in_all_and_of_an_address(guarded):
    server = guarded(sessions=3, sessions_per_address=2)
    for _ in range(2):
        guess(server.connect(), USER, PASSWORD)
    assert refused(server).startswith("421 Too many connections from your address")
    server.connect(OTHER)
    assert refused(server, STRANGER).startswith("421 Too many connections; ")


def test_sessions_of_a_user(guarded):
    server = guarded(sessions_per_user=1, users={USER: PASSWORD, "bob": "b"})
    one, two = server.connect(), server.connect(OTHER)
    guess(one, USER, PASSWORD)
    assert guess(two, USER, PASSWORD)[1].startswith("530 This user has too many sessions")
    assert server.logged_in == 1
    assert guess(two, "bob", "b")[1] == "230 Logged in."
    one.leave()
    assert guess(two, USER, PASSWORD)[1] == "230 Logged in."
