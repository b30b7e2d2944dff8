"""Connections have places, and those who take them all keep nobody out."""

from __future__ import annotations

from ftptls.testing.dialogue import PASSWORD, STRANGER, USER

from .guessing import OTHER, Slow, guess, refused, welcome


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
