"""Renegotiation, as servers allow or refuse it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest
from OpenSSL import SSL

from ftptls.client import Wire
from ftptls.client.probes import new_context
from ftptls.testing.certificates import Authority
from tests.client.conftest import PATIENCE

ALLOW_CLIENT_RENEGOTIATION = 0x100  # pyOpenSSL has no name for OpenSSL's bit 8


def serve(listener: socket.socket, context: SSL.Context) -> None:
    plain, _ = listener.accept()
    with plain:
        plain.setblocking(True)
        connection = SSL.Connection(context, plain)
        connection.set_accept_state()
        with suppress(SSL.Error):
            while connection.recv(1000):
                pass


@pytest.mark.parametrize("allowed", [True, False])
def test_renegotiation(allowed):
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    Authority().server().use_in(context)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(ALLOW_CLIENT_RENEGOTIATION if allowed else SSL.OP_NO_RENEGOTIATION)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve, args=(listener, context), daemon=True)
        thread.start()
        with Wire.connect("127.0.0.1", listener.getsockname()[1], PATIENCE) as wire:
            wire.start_tls(new_context(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION))
            assert wire.renegotiate() is allowed
        thread.join(PATIENCE)
        assert not thread.is_alive()
