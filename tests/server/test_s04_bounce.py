"""S4: the server cannot be made to connect to anybody else (CVE-1999-0017, RFC 2577)."""

from __future__ import annotations

import pytest

from ftptls.testing.dialogue import CLIENT, CLIENT_6, SERVER_6, STRANGER

pytestmark = pytest.mark.both_paths

REFUSED = [
    "PORT 203,0,113,66,200,0",
    "PORT 127,0,0,1,200,0",
    "PORT 0,0,0,0,200,0",
    "PORT 255,255,255,255,200,0",
    "PORT 224,0,0,1,200,0",
    "PORT 10,0,0,1,200,0",
    "PORT 198,51,100,1,200,0",
    "PORT 192,0,2,1,0,21",
    "PORT 192,0,2,1,0,0",
    "PORT 192,0,2,1,3,255",
    "EPRT |1|203.0.113.66|51200|",
    "EPRT |1|127.0.0.1|51200|",
    "EPRT |1|0.0.0.0|51200|",
    "EPRT |1|192.0.2.1|1023|",
    "EPRT |1|192.0.2.1|25|",
    "EPRT |2|::ffff:203.0.113.66|51200|",
    "EPRT |2|::ffff:192.0.2.1|80|",
    "EPRT |2|::1|51200|",
    "EPRT |2|::|51200|",
    "EPRT |2|fe80::1|51200|",
    "EPRT |2|fe80::1%eth0|51200|",
    "EPRT |2|2001:db8::1|51200|",
    "EPRT |1|192.0.2.1.|51200|",
    "EPRT |1|3221225985|51200|",
    "EPRT |1|192.0.2.01|51200|",
    "EPRT |1|localhost|51200|",
]


@pytest.mark.parametrize("line", REFUSED)
def test_refused_at_the_command_and_no_packet_is_sent(enter, mode, line):
    client = enter({"/f": b"0123"}, mode=mode)
    before = list(client.server.reactor.attempts)
    client.ask(line, 501, 504)
    client.send("RETR f")
    assert client.expect(150, 425).code == 425 or client.expect(425)
    client.wait(30)
    assert client.server.reactor.attempts == before


def test_refused_targets_leave_the_one_before_alone_or_nothing(enter):
    client = enter({"/f": b"0123"})
    client.ask("PORT 192,0,2,1,200,0", 200)
    client.ask("PORT 203,0,113,66,200,0", 501)
    client.send("RETR f")
    client.server.reactor.settle()
    assert STRANGER not in {host for host, _ in client.server.reactor.attempts}


def test_no_connection_before_the_transfer_command(enter, mode):
    client = enter({"/f": b"0123"}, mode=mode)
    before = len(client.server.reactor.attempts)
    client.ask("PORT 192,0,2,1,200,0", 200)
    client.ask("EPRT |1|192.0.2.1|51201|", 200)
    client.wait(60)
    client.ask("RETR nowhere", 550)
    assert len(client.server.reactor.attempts) == before
    client.ask("RETR f", 150)
    client.expect(425)
    assert client.server.reactor.attempts[before:] == [(CLIENT, 51201)]


def test_no_connection_for_what_protection_refuses(enter):
    client = enter({"/f": b"0123"})
    client.ask("PROT C", 200)
    client.ask("PORT 192,0,2,1,200,0", 200)
    before = len(client.server.reactor.attempts)
    client.ask("RETR f", 521)
    client.wait(10)
    assert len(client.server.reactor.attempts) == before


def test_a_mapped_address_is_the_client_it_maps_to(enter):
    client = enter({"/f": b"0123"})
    client.ask("EPRT |2|::ffff:192.0.2.1|51200|", 200)
    client.ask("RETR f", 150)
    client.expect(425)
    assert client.server.reactor.attempts[-1] == (CLIENT, 51200)


@pytest.mark.parametrize(
    "line",
    [
        "EPRT |2|2001:db8::2|51200|",
        "EPRT |2|2001:db8::1|1023|",
        "EPRT |2|::1|51200|",
        "EPRT |1|192.0.2.1|51200|",
        "PORT 192,0,2,1,200,0",
    ],
)
def test_over_ipv6(enter, line):
    client = enter({"/f": b"0123"}, host=SERVER_6)
    before = len(client.server.reactor.attempts)
    client.ask(line, 501, 504)
    client.send("RETR f")
    client.server.reactor.settle()
    assert len(client.server.reactor.attempts) == before


def test_spellings_of_ones_own_ipv6_address(enter):
    client = enter({"/f": b"0123"}, host=SERVER_6)
    client.ask("EPRT |2|2001:0DB8:0:0:0:0:0:0001|51200|", 200)
    client.ask("RETR f", 150)
    client.expect(425)
    assert client.server.reactor.attempts[-1] == (CLIENT_6, 51200)
