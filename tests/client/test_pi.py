"""The user-PI against servers that say what they should not."""

from __future__ import annotations

import socket

import pytest
from OpenSSL import SSL

from ftptls.client import ClientError, UserPI, Wire
from ftptls.client.wires import HandshakeError


def context() -> SSL.Context:
    return SSL.Context(SSL.TLS_CLIENT_METHOD)


@pytest.mark.parametrize(
    "behind", [b"200 NOOP ok.\r\n", b"230 Logged in.\r\n", b"2", b"\x16\x03\x03\0\0"]
)
def test_s1_what_stands_behind_the_234_ends_the_connection(says, behind):
    client = says(b"234 Go on.\r\n" + behind)
    with pytest.raises(ClientError, match="injected"):
        client.secure(context())
    with pytest.raises(ClientError):
        client.ask("NOOP")
    client.script.stop()
    assert client.script.received == b"AUTH TLS\r\n"


@pytest.mark.parametrize("mark", ["\r", "\n", "\0", "\r\n", "\r\nDELE x"])
def test_s20_no_argument_is_two_commands(says, mark):
    client = says()
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        client.send("RETR", f"name{mark}")
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        client.send(f"NOOP{mark}")
    client.close()
    client.script.stop()
    assert client.script.received == b""


def test_s20_the_host_of_pasv_is_not_believed(says):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        reply = f"227 Here (203,0,113,9,{port // 256},{port % 256}).\r\n"
        with says(b"500 No EPSV.\r\n", reply.encode()).open_data() as data:
            assert data.host == "127.0.0.1"


@pytest.mark.parametrize(
    "reply", [b"229 Port (|||0|).\r\n", b"229 Nothing.\r\n", b"229 (|||99999|)\r\n"]
)
def test_replies_to_epsv_without_a_port(says, reply):
    with pytest.raises(ClientError, match=r"EPSV|port"):
        says(reply).open_data()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"hello\r\n", "no reply"),
        (b"099 x\r\n", "no reply"),
        (b"2345 x\r\n", "no reply"),
        (b"211-a\r\n" * 2000, "never ends"),
        (b"2" * 20000, "no line"),
        (b"", "closed the connection"),
    ],
)
def test_what_is_no_reply(says, said, why):
    with pytest.raises(ClientError, match=why):
        says(said).ask("FEAT")


def test_lines_of_a_reply(says):
    client = says(b"211-Features:\r\n AUTH TLS\r\n211-PBSZ\r\n211 is not the end? It is.\r\n")
    reply = client.ask("FEAT")
    assert reply.lines == ("Features:", "AUTH TLS", "PBSZ")
    assert reply.text == "is not the end? It is."


@pytest.mark.parametrize("answer", [b"220 x\r\n", b"500 What?\r\n"])
def test_an_answer_in_clear_text_in_place_of_a_handshake(says, answer):
    client = says(b"234 Go on.\r\n", answer)
    with pytest.raises(HandshakeError, match="in clear text"):
        client.secure(context())


def test_a_server_without_auth(says):
    with pytest.raises(ClientError, match="502 No"):
        says(b"502 No.\r\n").secure(context())


def test_nobody_listens():
    with pytest.raises(ClientError, match="cannot connect"):
        Wire.connect("127.0.0.1", 1, 5)


def test_a_server_that_says_nothing(says):
    client = says()
    client.wire.patience = 0.05
    with pytest.raises(ClientError, match=r"in time|closed"):
        client.ask("NOOP")


def test_no_greeting():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ClientError, match="in time"):
            UserPI.connect("127.0.0.1", port, patience=0.05)
