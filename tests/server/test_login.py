"""From the greeting to the login, and out again."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred

from ftptls.testing.dialogue import PASSWORD, USER


def test_the_greeting_and_goodbye(greet, mode):
    client = greet(mode=mode)
    assert client.ask("QUIT", 221).text == "Goodbye."
    assert client.closed
    assert mode.control == "clear" or client.control.notified


def test_a_login(greet, mode):
    client = greet(mode=mode)
    client.log_in()
    assert client.ask("PWD", 257).text.startswith('"/" ')


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_both_versions_of_tls(serve, version):
    client = serve({"/a": b"1"}).connect(version=version)
    client.secure()
    client.log_in()
    assert client.download("RETR a") == b"1"
    client.upload("STOR b", b"2")


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_older_versions_of_tls_are_refused(serve, version):
    client = serve().connect()
    client.context = client.server.authority.client_context(version)
    client.context.set_cipher_list(b"ALL:@SECLEVEL=0")
    client.ask("AUTH TLS", 234)
    client.control.begin_tls(client.context)
    assert client.closed
    assert client.control.failure


def test_a_wrong_password_costs_time_and_then_the_connection(greet, log):
    client = greet()
    for seconds in (0.5, 1.0, 2.0):
        client.ask(f"USER {USER}", 331)
        client.send("PASS wrong")
        client.wait(seconds - 0.01)
        assert client.quiet
        client.wait(0.01)
        client.expect(530 if seconds < 2 else 421)
    assert client.closed
    assert log.text.count("login refused") == 3


def test_the_delay_of_one_client_holds_no_other_up(serve):
    server = serve()
    slow, quick = server.connect(), server.connect()
    for client in (slow, quick):
        client.secure()
    slow.ask(f"USER {USER}", 331)
    slow.send("PASS wrong")
    quick.log_in()
    assert slow.quiet
    slow.wait(1)
    slow.expect(530)


def test_unknown_users_and_wrong_passwords_look_the_same(greet):
    answers = []
    for name in (USER, "mallory", "anonymous", "x" * 200):
        client = greet()
        first = client.ask(f"USER {name}", 331)
        client.send("PASS wrong")
        client.wait(0.5)
        answers.append((str(first), str(client.expect(530))))
    assert len(set(answers)) == 1


def test_pass_needs_user(greet):
    client = greet()
    client.ask(f"PASS {PASSWORD}", 503)
    client.ask(f"USER {USER}", 331)
    client.ask(f"PASS {PASSWORD}", 230)
    client.ask(f"PASS {PASSWORD}", 503)
    client.ask("PWD", 257)


def test_user_logs_the_one_before_out(enter):
    client = enter({"/sub/": b""})
    client.ask("CWD sub", 250)
    client.ask("USER mallory", 331)
    assert client.server.logged_in == 0
    client.ask("PWD", 530)
    client.ask("RETR x", 530)
    client.send("PASS wrong")
    client.wait(1)
    client.expect(530)
    client.ask("PWD", 530)
    client.log_in()
    assert client.server.logged_in == 1
    assert client.ask("PWD", 257).text.startswith('"/" ')


def test_a_password_of_another_user_does_not_do(greet):
    client = greet(users={"alice": "a", "bob": "b"})
    client.ask("USER alice", 331)
    client.ask("USER bob", 331)
    client.send("PASS a")
    client.wait(1)
    client.expect(530)
    client.ask("PASS b", 503)
    client.ask("USER bob", 331)
    client.ask("PASS b", 230)


def test_names_and_passwords_in_utf_8(greet):
    client = greet(users={"jürgen": "gruß gott"})
    client.log_in("jürgen", "gruß gott")


def test_the_user_is_logged_out_when_the_connection_is_lost(enter):
    client = enter()
    assert client.server.logged_in == 1
    client.control.reset()
    assert client.closed
    assert client.server.logged_in == 0


def test_the_first_bad_login_does_not_outlive_a_good_one(greet):
    client = greet()
    for _ in range(2):
        client.ask(f"USER {USER}", 331)
        client.send("PASS wrong")
        client.wait(1)
        client.expect(530)
    client.log_in()
    client.ask(f"USER {USER}", 331)
    client.send("PASS wrong")
    client.wait(0.5)
    client.expect(530)


@pytest.mark.parametrize("name", ["anonymous", "ftp", "FTP", "Anonymous"])
def test_anonymous(greet, name):
    client = greet(anonymous=True)
    assert "e-mail" in client.ask(f"USER {name}", 331).text
    client.ask("PASS guest@example.com", 230)
    client.ask("PWD", 257)


def test_an_anonymous_password_opens_no_other_door(greet):
    client = greet(anonymous=True)
    client.ask("USER anonymous", 331)
    client.ask(f"USER {USER}", 331)
    client.send("PASS guest@example.com")
    client.wait(1)
    client.expect(530)
    client.log_in()


def test_a_client_that_leaves_while_cred_is_thinking(greet, monkeypatch):
    client = greet()
    portal = client.server.factory.portal
    login, gate = portal.login, Deferred()
    monkeypatch.setattr(portal, "login", lambda *args: gate.addCallback(lambda _: login(*args)))
    client.ask(f"USER {USER}", 331)
    client.send(f"PASS {PASSWORD}")
    assert client.quiet
    client.control.reset()
    assert client.closed
    gate.callback(None)
    assert client.server.logged_in == 0


def test_what_is_sent_while_cred_is_thinking_waits(greet, monkeypatch):
    client = greet()
    portal = client.server.factory.portal
    login, gate = portal.login, Deferred()
    monkeypatch.setattr(portal, "login", lambda *args: gate.addCallback(lambda _: login(*args)))
    client.ask(f"USER {USER}", 331)
    client.send(f"PASS {PASSWORD}", "PWD", "USER mallory", "PWD")
    assert client.quiet
    gate.callback(None)
    assert [client.expect(230, 257, 331, 530).code for _ in range(4)] == [230, 257, 331, 530]
