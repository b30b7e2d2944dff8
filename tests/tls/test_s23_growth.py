"""S23: nothing is left of a session's TLS when the session is gone (CVE-2024-2511)."""

from __future__ import annotations

import gc
import resource
import weakref

import pytest
from OpenSSL import SSL

from ftptls.testing.certificates import Authority
from ftptls.tls.contexts import ServerContext, SessionContext
from ftptls.tls.stream import TLSStream
from tests.interop.server import scale

HANDSHAKES = int(500 * scale())
_PAGE = resource.getpagesize()


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * _PAGE


def shake_hands(session: SessionContext, client: SSL.Connection) -> TLSStream:
    stream = TLSStream(session.connection())
    client.set_connect_state()
    done = False
    while not done:
        try:
            client.do_handshake()
        except SSL.WantReadError:
            pass
        else:
            done = stream.established
        stream.feed(client.bio_read(65536) if not done else b"")
        stream.handshake()
        if output := stream.output():
            client.bio_write(output)
    return stream


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
@pytest.mark.parametrize("tickets", [True, False], ids=["tickets", "stateful"])
def test_a_context_for_each_session_is_freed_with_it(
    authority: Authority, server: ServerContext, version: int, tickets: bool
) -> None:
    context = authority.client_context(version)
    if not tickets:
        context.set_options(SSL.OP_NO_TICKET)

    def one() -> weakref.ref[SessionContext]:
        session = server.new_session()
        for _ in range(2):  # control and data
            shake_hands(session, SSL.Connection(context, None))
        return weakref.ref(session)

    gc.collect()
    gc.disable()  # what lives on in a cycle would only be found by it
    try:
        assert one()() is None
        for _ in range(50):
            one()
        before = resident()
        for _ in range(HANDSHAKES):
            one()
    finally:
        gc.enable()
    assert resident() - before < 4 << 20
