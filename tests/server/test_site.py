"""SITE's own commands: HELP, WHOAMI, IDLE; and names for clients and servers."""

from __future__ import annotations

from ftptls.commands import standard_commands


def test_help_lists_its_commands(enter):
    client = enter()
    listed = set(" ".join(client.ask("SITE HELP", 214).lines[1:-1]).split())
    family = standard_commands().family("SITE")
    assert listed == {each.verb.split()[1] for each in family}
    for command in family:
        name = command.verb.split()[1]
        assert command.syntax in client.ask(f"SITE HELP {name}", 214).text
        assert command.syntax in client.ask(f"HELP SITE {name.lower()}", 214).text
        assert command.syntax in client.ask("HELP SITE", 214).text


def test_site_before_login(greet):
    client = greet()
    client.ask("SITE HELP", 530)
    client.ask("SITE NOPE", 530)


def test_whoami(enter):
    assert enter().ask("SITE WHOAMI", 200).text == "You are alice."


def test_a_client_chooses_how_long_it_may_be_idle(enter, settings):
    client = enter(settings=settings(idle_timeout=100, idle_maximum=1000))
    assert "100 seconds" in client.ask("SITE IDLE", 200).text
    client.ask("SITE IDLE 1000", 200)
    client.wait(990)
    assert "1000 seconds" in client.ask("SITE IDLE", 200).text
    client.ask("SITE IDLE 1001", 501)
    client.ask("SITE IDLE 30", 200)
    client.wait(29)
    assert client.quiet
    client.wait(2)
    client.expect(421)
    assert client.closed


def test_the_servers_own_limit_may_be_longer_than_what_is_chosen_else(enter, settings):
    client = enter(settings=settings(idle_timeout=5000, idle_maximum=1000))
    client.ask("SITE IDLE 5000", 200)
    client.ask("SITE IDLE 5001", 501)


def test_an_unknown_command_of_site_is_not_in_the_log(enter, log):
    """Elsewhere it may be a password."""
    enter().ask("SITE PSWD old new", 504)
    assert "'SITE' ****" in log.text
    assert "PSWD" not in log.text


def test_the_server_tells_clients_what_it_is_but_not_which(greet):
    said = greet().ask("CSID Name=x; Version=1;", 200).text
    assert said == "Name=ftptls; CaseSensitive=1; DirSep=/;"
