"""What is in the log of a session, by default and with ``log.debug``."""

from __future__ import annotations

from ftptls.settings import Guard, Log, Settings
from ftptls.testing.dialogue import MemoryServer


def told(log, *, debug: bool, **options) -> list[str]:
    """A short session, and another one that is refused; what the log says of them."""
    guard = Guard(sessions_per_address=1)
    server = MemoryServer(settings=Settings(log=Log(debug=debug), guard=guard), **options)
    client = server.connect()
    client.secure(private=True)
    client.log_in()
    client.ask("NOOP", 200)
    server.connect(greet=False).expect(421)
    client.ask("QUIT", 221)
    server.stop()
    return log.text.splitlines()


def test_who_came_how_and_when_he_left_is_told(log, authority):
    lines = told(log, debug=False, authority=authority)
    ends = [line.partition(" ")[2].partition(" connection:")[0] for line in lines]
    assert ends == [
        "connected",
        "TLS on the control",
        "logged in",
        "disconnected: said goodbye",
    ]


def test_commands_replies_and_refusals_are_told_to_those_who_ask(log, authority):
    lines = told(log, debug=True, authority=authority)
    for end in ("> 'NOOP' ''", "< 200 'OK.'", "> 'PASS' ****", "refused: Too many"):
        assert any(end in line for line in lines), end


def test_a_command_of_two_words_is_told_as_the_client_said_it(log, authority):
    server = MemoryServer(settings=Settings(log=Log(debug=True)), authority=authority)
    client = server.connect()
    client.secure(private=True)
    client.log_in()
    for line in ("SITE IDLE 300", "SITE CHMOD", "SITE"):
        client.ask(line, 200, 501)
    server.stop()
    lines = log.text.splitlines()
    for end in ("> 'SITE' 'IDLE 300'", "> 'SITE' 'CHMOD'", "> 'SITE' ''"):
        assert any(line.endswith(end) for line in lines), end
