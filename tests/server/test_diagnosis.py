"""The TLS log: one line for each handshake, and for each failure its cause and remedy."""

from __future__ import annotations

import re

import pytest
from OpenSSL import SSL

from ftptls.settings import Limits, Settings
from ftptls.testing.client import CLIENT
from ftptls.testing.wires import Ending

CONTENT = {"/f": b"0123"}


def lines(log, *words: str) -> list[str]:
    return [each["text"] for each in log.events if all(word in each["text"] for word in words)]


def test_one_line_for_each_handshake(serve, log):
    client = serve(CONTENT).connect()
    client.context.set_alpn_protos([b"ftp"])
    client.secure()
    client.log_in()
    assert client.download("RETR f") == b"0123"
    (control,) = lines(log, "TLS on the control connection")
    (data,) = lines(log, "TLS on the data connection")
    kind = r"TLSv1\.3 TLS_AES_\d+_GCM_SHA\d+, {}, no client certificate"
    where = rf"@{re.escape(CLIENT)}:\d+ TLS on the {{}} connection: "
    assert re.match("-" + where.format("control") + kind.format("full handshake"), control)
    assert re.match("alice" + where.format("data") + kind.format("resumed"), data)


def test_a_name_in_sni_cannot_forge_a_line(serve, log):
    client = serve(CONTENT).connect()
    client.ask("AUTH TLS", 234)
    connection = SSL.Connection(client.context, None)
    connection.set_connect_state()
    connection.set_tlsext_host_name(b"a\r\n2026 alice logged in\x1b[31m")
    for _ in range(4):
        try:
            connection.do_handshake()
            break
        except SSL.WantReadError:
            client.control.send(connection.bio_read(65536))
            connection.bio_write(client.control.take())
    client.control.send(connection.bio_read(65536))
    client.wait(0)
    (line,) = lines(log, "SNI")
    assert r"'a\r\n2026 alice logged in\x1b[31m'" in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no TLS but HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no TLS but SSH"),
        (b"USER alice\r\nPASS secret\r\n", "no TLS but an FTP command"),
    ],
)
def test_what_is_no_tls_on_an_implicit_listener(serve, log, sent, cause):
    client = serve(CONTENT, implicit=True).connect(greet=False)
    client.control.send(sent)
    assert client.closed
    (line,) = lines(log, "TLS failed on the control connection")
    assert cause in line
    assert "secret" not in log.text


def test_a_client_that_waits_for_a_greeting_on_an_implicit_listener(serve, log):
    settings = Settings(limits=Limits(handshake_timeout=5))
    client = serve(CONTENT, settings, implicit=True).connect(greet=False)
    client.wait(6)
    assert client.closed
    (line,) = lines(log, "TLS failed on the control connection")
    assert "set it to implicit TLS, or to the port for explicit TLS" in line


@pytest.mark.parametrize("implicit", [False, True])
def test_a_client_that_goes_away_instead(serve, log, implicit):
    client = serve(CONTENT, implicit=implicit).connect(greet=False)
    if not implicit:
        client.expect(220)
        client.ask("AUTH TLS", 234)
    client.control.close()
    client.wait(0)
    (line,) = lines(log, "TLS failed on the control connection")
    assert "the client closed the connection" in line


def test_a_client_that_is_too_old(serve, log):
    client = serve(CONTENT).connect()
    client.ask("AUTH TLS", 234)
    client.context.set_cipher_list(b"ALL:@SECLEVEL=0")
    client.context.set_min_proto_version(SSL.TLS1_VERSION)
    client.context.set_max_proto_version(SSL.TLS1_VERSION)
    with pytest.raises(AssertionError):
        client.control.start_tls(client.context)
    (line,) = lines(log, "TLS failed on the control connection")
    assert "offers TLS 1.0 only, and this listener's minimum is TLS 1.2" in line
    assert "tls.profile" in line


@pytest.mark.parametrize(("sent", "cause"), [(b"", "cannot do it"), (b"\x16", "in the middle")])
def test_a_data_connection_that_ends_in_its_handshake(serve, log, sent, cause):
    client = serve(CONTENT).connect()
    client.secure()
    client.log_in()
    wire = client.dial(client.passive_port())
    client.ask("RETR f", 150)
    wire.send(sent)
    wire.stop(Ending.FIN)
    client.wait(client.server.factory.settings.limits.refusal_grace)
    assert cause in client.expect(522).text
    assert lines(log, "data connection from", cause)


def test_a_data_connection_that_is_no_tls(serve, log):
    client = serve(CONTENT).connect()
    client.secure()
    client.log_in()
    wire = client.dial(client.passive_port())
    client.ask("RETR f", 150)
    wire.send(b"GET / HTTP/1.1\r\n\r\n")
    client.wait(client.server.factory.settings.limits.refusal_grace)
    assert "no TLS but HTTP" in client.expect(522).text
    assert lines(log, "data connection from", "no TLS but HTTP")
