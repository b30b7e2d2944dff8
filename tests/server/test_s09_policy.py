"""S9: where protection is due, it cannot be left out, and is asked for before a password leaks."""

from __future__ import annotations

import pytest

from ftptls.settings import Requirement
from ftptls.testing.dialogue import PASSWORD, USER

CONTENT = {"/f": b"0123", "/dir/x": b""}


def test_user_in_clear_is_refused_before_the_password(serve):
    client = serve(CONTENT).connect()
    for _ in range(3):
        assert "AUTH TLS" in client.ask(f"USER {USER}", 530).text
        client.ask(f"PASS {PASSWORD}", 503)
    assert client.server.logged_in == 0
    client.secure()
    client.log_in()


def test_user_and_pass_in_one_segment_in_clear(serve):
    client = serve(CONTENT).connect()
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "PWD")
    assert [client.expect(530, 503).code for _ in range(3)] == [530, 503, 530]
    assert client.server.logged_in == 0


@pytest.mark.parametrize("line", ["RETR f", "STOR g", "APPE f", "LIST", "NLST", "MLSD"])
@pytest.mark.parametrize("how", ["PASV", "EPSV", "PORT", "EPRT"])
def test_every_transfer_under_prot_c_is_refused(serve, line, how):
    client = serve(CONTENT).connect()
    client.secure(private=False)
    client.log_in()
    client.open(how)
    attempts = len(client.server.reactor.attempts)
    assert "PROT P" in client.ask(line, 521).text
    assert len(client.server.reactor.attempts) == attempts
    assert client.server.filesystem.contents() == CONTENT
    client.protect_data()
    client.download("LIST")


def test_without_prot_at_all_it_is_the_same(serve):
    client = serve(CONTENT).connect()
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)
    client.log_in()
    client.passive_port()
    client.ask("LIST", 521)


def test_implicit_prot_c_is_refused_where_protection_is_due(serve):
    client = serve(CONTENT, implicit=True).connect()
    client.log_in()
    client.protect_data(private=False)
    client.passive_port()
    client.ask("RETR f", 521)


def test_commands_without_data_do_not_ask_for_prot_p(serve):
    client = serve(CONTENT).connect()
    client.secure(private=False)
    client.log_in()
    for line, code in (("STAT dir", 212), ("MLST f", 250), ("SIZE f", 213), ("DELE f", 250)):
        client.ask(line, code)


@pytest.mark.parametrize("line", ["PBSZ 0", "PROT P", "PROT C"])
def test_pbsz_and_prot_before_tls(serve, line):
    client = serve(CONTENT).connect()
    client.ask(line, 503)


def test_prot_before_pbsz(serve):
    client = serve(CONTENT).connect()
    client.ask("AUTH TLS", 234)
    client.control.start_tls(client.context)
    client.ask("PROT P", 503)
    client.ask("PBSZ 0", 200)
    client.ask("PROT P", 200)


def test_pbsz_is_always_0(greet):
    client = greet()
    assert client.ask("PBSZ 32768", 200).text == "PBSZ=0"


def test_login_may_be_clear_and_data_not(serve, settings):
    client = serve(CONTENT, settings(login_protection=Requirement.OPTIONAL)).connect()
    client.log_in()
    client.passive_port()
    client.ask("RETR f", 521)


def test_data_may_be_clear_and_login_not(serve, settings):
    client = serve(CONTENT, settings(data_protection=Requirement.OPTIONAL)).connect()
    client.ask(f"USER {USER}", 530)
    client.secure(private=False)
    client.log_in()
    assert client.download("RETR f") == b"0123"


def test_pasv_before_prot_is_honest_about_level_in_the_150(greet, settings):
    client = greet(CONTENT, settings(data_protection=Requirement.OPTIONAL))
    client.log_in()
    client.open()
    assert "TLS" in client.ask("RETR f", 150).text
