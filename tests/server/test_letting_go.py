"""What a session held is free as soon as it is over; the garbage collector is not waited for."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from ftptls.commands import Context
from ftptls.dtp.server import ServerDTP
from ftptls.testing.client import Client
from ftptls.tls.stream import TLSStream
from ftptls.tls.switch import TLSSwitch

KINDS = {Context, ServerDTP, TLSStream, TLSSwitch}


@pytest.fixture
def uncollected() -> Iterator[Callable[[], Counter[type]]]:
    """What there is of sessions, while nothing is collected."""
    gc.collect()
    gc.disable()
    yield lambda: Counter(type(each) for each in gc.get_objects() if type(each) in KINDS)
    gc.enable()


def come_and_leave(client: Client) -> None:
    client.leave()


def log_in_and_quit(client: Client) -> None:
    client.secure()
    client.log_in()
    client.ask("QUIT", 221)
    client.leave()


def transfer_and_vanish(client: Client) -> None:
    client.secure()
    client.log_in()
    assert client.download("RETR /hello.txt") == b"hello"
    client.leave()


@pytest.mark.parametrize("dialogue", [come_and_leave, log_in_and_quit, transfer_and_vanish])
def test_nothing_is_left_of_a_session(serve, uncollected, dialogue):
    server = serve({"/hello.txt": b"hello"})
    before = uncollected()
    client = server.connect()
    assert uncollected() > before
    dialogue(client)
    server.clients.clear()
    del client
    assert uncollected() == before


def test_what_still_goes_on_is_kept(serve, uncollected):
    """A transfer that ends behind its connection tells the factory, and nothing fails."""
    server = serve({"/hello.txt": b"hello" * 100_000})
    client = server.connect()
    client.secure()
    client.log_in()
    client.begin("RETR /hello.txt")
    client.leave()
    assert server.logged_in == 0
    gone = server.factory.shut_down()
    assert gone.called
