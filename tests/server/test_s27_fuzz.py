"""S27: whatever is sent, in whatever pieces: no traceback, and an answer or the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.logger import globalLogPublisher

from ftptls.commands import standard_commands
from ftptls.settings import Policy, Requirement, Settings
from ftptls.testing.certificates import Authority
from ftptls.testing.dialogue import MemoryServer
from ftptls.testing.wires import Wire

from .conftest import Log

AUTHORITY = Authority()
OPEN = Settings(
    policy=Policy(
        login_protection=Requirement.OPTIONAL,
        data_protection=Requirement.OPTIONAL,
        auth_after_login=True,
    )
)
FUZZ = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

pieces = st.lists(st.integers(1, 64), min_size=1, max_size=8)
verbs = st.sampled_from([*standard_commands(), "GET", "XYZZY", "", "é"])
arguments = st.one_of(
    st.sampled_from(
        ["", "f", "dir", "..", "/", "TLS", "P", "C", "0", "ALL", "1", "A", "I", "MLST"]
    ),
    st.sampled_from(["192,0,2,1,200,0", "|1|192.0.2.1|51200|", "-la", "alice", "open sesame"]),
    st.text(max_size=12),
)
separators = st.sampled_from([b" ", b"  ", b"", b"\t", b"\0"])
ends = st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\0", b"\r\r\n", b"\xff\xf4\xff\xf2", b""])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    verb = draw(verbs).encode()
    argument = draw(arguments).encode("utf-8", "replace")
    return verb + draw(separators) + argument + draw(ends)


dialogues = st.lists(st.one_of(lines(), lines(), st.binary(max_size=40)), max_size=20)


@contextmanager
def served(**options: bool) -> Iterator[tuple[MemoryServer, Log]]:
    """A server that has nothing to be ashamed of, and nothing left, at the end."""
    log = Log()
    globalLogPublisher.addObserver(log)
    server = MemoryServer({"/f": b"0123", "/dir/g": b""}, OPEN, authority=AUTHORITY, **options)
    try:
        yield server, log
        server.stop()
        server.reactor.advance(10)  # a failed login may still be waiting to be told
    finally:
        globalLogPublisher.removeObserver(log)
    assert log.alarms == []
    assert server.reactor.connections == []
    assert server.reactor.getDelayedCalls() == []
    assert server.reactor.listeners == []
    assert server.logged_in == 0


def still_speaks(server: MemoryServer, wire: Wire) -> bool:
    """Whether there was an end, or there is an answer now."""
    server.reactor.advance(5)
    wire.take()
    if wire.end is not None:
        return True
    wire.send(b"\r\n\r\nABOR\r\n\r\nNOOP\r\n")
    server.reactor.advance(400)
    return wire.end is not None or bool(wire.take())


@FUZZ
@given(data=st.lists(st.binary(max_size=100), max_size=10), sizes=pieces)
@pytest.mark.parametrize("implicit", [False, True])
def test_random_octets(implicit, data, sizes):
    with served(implicit=implicit) as (server, _):
        server.reactor.deliver_in(sizes)
        wire = Wire.connect(server.reactor, server.host, server.port, "192.0.2.1")
        server.reactor.settle()
        for each in data:
            if wire.end is None:
                wire.send(each)
                server.reactor.settle()
        assert still_speaks(server, wire)
        wire.close()


@FUZZ
@given(dialogue=dialogues, sizes=pieces, at_once=st.booleans())
@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize("protected", [False, True])
def test_random_commands(protected, logged_in, dialogue, sizes, at_once):
    with served() as (server, _):
        client = server.connect()
        if protected:
            client.secure()
        if logged_in:
            client.log_in()
        server.reactor.deliver_in(sizes)
        for line in dialogue:
            if not client.closed:
                client.control.send(line)
                if not at_once:
                    client.wait(1)
        assert still_speaks(server, client.control)


@FUZZ
@given(data=st.lists(st.binary(max_size=100), max_size=10), sizes=pieces)
@pytest.mark.parametrize("verb", ["STOR x", "RETR f", "LIST"])
def test_random_octets_on_a_data_connection(verb, data, sizes):
    with served() as (server, _):
        client = server.connect()
        client.secure()
        client.log_in()
        wire = client.open().wire
        server.reactor.deliver_in(sizes)
        client.send(verb)
        for each in data:
            if wire.end is None:
                wire.send_raw(each)
                server.reactor.settle()
        wire.close()
        client.wait(200)
        client.expect(150)
        client.expect(425, 426, 522)
        assert "/x" not in server.filesystem.contents()
        client.ask("NOOP", 200)


@FUZZ
@given(at=st.integers(0, 3000), octet=st.integers(0, 255), sizes=pieces)
@pytest.mark.parametrize("how", ["control", "data"])
def test_one_octet_of_a_protected_dialogue_is_changed(how, at, octet, sizes):
    """Nobody in between can do more than end it."""
    with served() as (server, _):
        client = server.connect()
        client.secure()
        client.log_in()
        server.reactor.deliver_in(sizes)
        wire = client.control
        if how == "data":
            wire = client.begin("STOR x")
        wire.tls.send(b"NOOP\r\n" * 500)
        records = bytearray(wire.tls.bio_read(1 << 16))
        at %= len(records)
        changed = records[at] != octet
        records[at] = octet
        wire.send_raw(bytes(records))
        if how == "data":
            wire.stop()
            assert client.expect(226, 426).code == (426 if changed else 226)
            assert ("/x" in server.filesystem.contents()) is not changed
        else:
            received = wire.take()
            assert (received == b"200 OK.\r\n" * 500) is not changed
