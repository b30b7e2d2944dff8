"""Addresses: one spelling each, and the text forms of PASV and EPSV."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftptls.wire import addresses, arguments


@pytest.mark.parametrize(
    ("host", "plain", "family"),
    [
        ("192.0.2.1", "192.0.2.1", 4),
        ("::ffff:192.0.2.1", "192.0.2.1", 4),
        ("::FFFF:C000:0201", "192.0.2.1", 4),
        ("2001:DB8:0:0:0::1", "2001:db8::1", 6),
        ("fe80::1%eth0", "fe80::1", 6),
        ("::ffff:192.0.2.1%1", "192.0.2.1", 4),
        ("::", "::", 6),
    ],
)
def test_an_address_has_one_spelling(host, plain, family):
    assert addresses.canonical(host) == plain
    assert addresses.family_of(host) == family
    assert addresses.same_host(host, plain)


@pytest.mark.parametrize("host", ["", "localhost", "192.0.2.01", "192.0.2", "1.2.3.4.5", ":::"])
def test_names_and_garbage_are_no_addresses(host):
    with pytest.raises(ValueError, match="address"):
        addresses.canonical(host)
    with pytest.raises(ValueError, match="address"):
        addresses.family_of(host)
    assert not addresses.same_host(host, host)
    assert not addresses.is_usable_peer(host)


def test_different_hosts_differ():
    assert not addresses.same_host("192.0.2.1", "192.0.2.2")
    assert not addresses.same_host("::1", "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "usable"),
    [
        ("192.0.2.1", True),
        ("127.0.0.1", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", False),
        ("0.1.2.3", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("::", False),
        ("ff02::1", False),
        ("::ffff:0.0.0.0", False),
        ("::ffff:224.0.0.1", False),
    ],
)
def test_which_peers_can_be_connected_to(host, usable):
    assert addresses.is_usable_peer(host) is usable


def test_passive_texts():
    assert addresses.pasv_text("192.0.2.1", 6446) == "192,0,2,1,25,46"
    assert addresses.pasv_text("::ffff:192.0.2.1", 65535) == "192,0,2,1,255,255"
    assert addresses.epsv_text(6446) == "|||6446|"


@pytest.mark.parametrize(
    ("host", "port"), [("::1", 1), ("host", 1), ("192.0.2.1", 0), ("192.0.2.1", 65536)]
)
def test_what_pasv_cannot_say(host, port):
    with pytest.raises(ValueError, match=r"port|Expected|address"):
        addresses.pasv_text(host, port)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_epsv_wants_a_port(port):
    with pytest.raises(ValueError, match="port"):
        addresses.epsv_text(port)


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_what_pasv_says_port_understands(address: IPv4Address, port: int):
    parsed = arguments.host_port(addresses.pasv_text(str(address), port))
    assert parsed == addresses.DataAddress(4, str(address), port)


@given(st.ip_addresses())
def test_canonical_is_idempotent(address: IPv4Address | IPv6Address):
    plain = addresses.canonical(str(address))
    assert addresses.canonical(plain) == plain
    assert addresses.same_host(str(address), plain)


@given(st.text(), st.text())
def test_any_text_can_be_compared(a, b):
    assert addresses.same_host(a, b) in (True, False)
    assert addresses.is_usable_peer(a) in (True, False)
