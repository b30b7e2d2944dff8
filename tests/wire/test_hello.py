"""The ClientHello of real clients, whole and cut, and octets that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from ftptls.wire.hello import ClientHello, parse_client_hello


def hello(lowest: int, highest: int, *, name: bytes = b"", protocols: list[bytes] | None = None):
    """The first record of an OpenSSL client."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(lowest)
    context.set_max_proto_version(highest)
    if protocols:
        context.set_alpn_protos(protocols)
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if name:
        connection.set_tlsext_host_name(name)
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(65536)


@pytest.mark.parametrize(
    ("lowest", "highest", "versions", "words"),
    [
        (SSL.TLS1_VERSION, SSL.TLS1_VERSION, (0x301,), "TLS 1.0 only"),
        (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, (0x302,), "TLS 1.1 at the most"),
        (SSL.TLS1_VERSION, SSL.TLS1_2_VERSION, (0x303,), "TLS 1.2 at the most"),
        (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, (0x304, 0x303), "TLS 1.3 at the most"),
        (SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION, (0x304,), "TLS 1.3 only"),
    ],
)
def test_versions(lowest, highest, versions, words):
    found = parse_client_hello(hello(lowest, highest))
    assert found is not None
    assert found.versions == versions
    assert found.offer == words
    assert found.ciphers


def test_name_and_protocols():
    found = parse_client_hello(
        hello(
            SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, name=b"ftp.example", protocols=[b"ftp", b"h2"]
        )
    )
    assert found is not None
    assert found.server_name == "ftp.example"
    assert found.protocols == (b"ftp", b"h2")
    assert 0x1301 in found.ciphers


def test_in_small_records():
    record = hello(SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
    body = record[5:]
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    cut = b"".join(b"\x16\x03\x01" + len(each).to_bytes(2, "big") + each for each in pieces)
    assert parse_client_hello(cut) == parse_client_hello(record)


def test_every_cut_is_no_hello():
    record = hello(SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION, name=b"a", protocols=[b"ftp"])
    assert all(parse_client_hello(record[:length]) is None for length in range(len(record)))


def test_without_extensions():
    body = b"\x03\x01" + bytes(32) + b"\0" + b"\0\x02\0\x2f" + b"\x01\0"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
    assert parse_client_hello(record) == ClientHello((0x301,), (0x2F,))


@given(st.binary(max_size=200))
def test_any_octets(data):
    parse_client_hello(data)
    parse_client_hello(b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03" + bytes(32) + data)
