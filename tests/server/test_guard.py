"""Guessing is slow, one by one and side by side, and tells nothing (RFC 2577 §5)."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import deferLater
from zope.interface import implementer

from ftptls.errors import BusyError, PermanentError
from ftptls.settings import ClientCertificate
from ftptls.testing.dialogue import CLIENT, PASSWORD, SERVER_6, STRANGER, USER, MemoryServer
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext

from .guessing import OTHER, Slow, dial, guess, guess_from, welcome


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
    assert len(wire.take()) == 2 * 2**20
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
