"""Virtual hosts by SNI and HOST (RFC 7151): certificates, client certificates and policies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from OpenSSL import SSL

from ftptls.settings import (
    ClientCertificate,
    Host,
    Policy,
    Requirement,
    Rule,
    SessionReuse,
    Settings,
)
from ftptls.testing.dialogue import SERVER, SERVER_6, USER, WireError
from ftptls.tls import hosts as tls_hosts
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext
from ftptls.tls.profiles import Protocols
from tests.server.dialogues import clear

CONTENT = {"/f": b"0123"}
OPEN, GUARDED = "open.example", "guarded.example"
HOSTS = (
    Host(names=(OPEN, "www.open.example"), banner="Open house."),
    Host(names=(GUARDED,), client_certificates={"mode": ClientCertificate.REQUIRED}),
)


@pytest.fixture
def house(serve, pki):
    """A server with a default host, an open one and a guarded one."""

    def make(settings=None, *, strict=False, **options):
        settings = replace(settings or Settings(), hosts=HOSTS)
        default = pki.server()
        required = Verification(ClientCertificate.REQUIRED, (pki.root.certificate,))
        others = [
            tls_hosts.Host([pki.server()], Protocols(), wants, host.names)
            for host, wants in zip(HOSTS, (Verification(), required), strict=True)
        ]
        tls = ServerContext(default.key, default.chain, hosts=others, strict_sni=strict)
        return serve(CONTENT, settings, tls=tls, **options)

    return make


@pytest.fixture
def dial(pki, version):
    def make(server, name="", shown=None, **options):
        client = server.connect(**options)
        client.context = pki.client_context(version, shown)
        client.server_name = name
        return client

    return make


def shown_by(server, client) -> str:
    """Which of the hosts' certificates a client saw."""
    serial = client.control.tls.get_peer_certificate(as_cryptography=True).serial_number
    hosts = server.factory.tls.hosts
    for name in ("", OPEN, GUARDED):
        host = hosts.find(name) or hosts.default
        if host.identities[0].chain[0].serial_number == serial:
            return name
    raise AssertionError("a certificate of nobody's")


def session(client):
    (pi,) = client.server.factory._sessions
    return pi.session


# --- SNI -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "host"),
    [("", ""), (OPEN, OPEN), ("www.open.example", OPEN), ("OPEN.example", OPEN), ("other", "")],
)
def test_sni_chooses_the_certificate(house, dial, name, host):
    client = dial(house(), name)
    client.secure()
    assert shown_by(client.server, client) == host
    assert session(client).host == (name.lower() if host else "")
    client.log_in()
    for how in ("PASV", "PORT"):
        assert client.download("RETR f", how) == b"0123"
        client.upload("STOR g", b"new", how, resume=False)


def test_sni_of_a_host_that_requires_a_certificate(house, dial, bob, log):
    server = house()
    client = dial(server, GUARDED, bob)
    client.secure()
    assert session(client).security.certificate
    client.log_in()
    assert client.download("RETR f") == b"0123"
    assert client.download("RETR f", "PORT", resume=False) == b"0123"
    client.leave()
    stranger = dial(server, GUARDED)
    with pytest.raises((WireError, SSL.Error)):
        stranger.secure()
    assert stranger.closed
    assert "did not return a certificate" in log.text


@pytest.mark.parametrize("first", [OPEN, GUARDED])
def test_both_hosts_in_either_order(house, dial, bob, first):
    server = house()
    second = GUARDED if first == OPEN else OPEN
    for name in (first, second, first):
        client = dial(server, name, bob)
        client.secure()
        assert shown_by(server, client) == name
        assert bool(session(client).security.certificate) is (name == GUARDED)
        client.leave()


@pytest.mark.parametrize("reuse", [SessionReuse.REQUIRE, SessionReuse.OFF])
@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("how", ["PASV", "PORT"])
@pytest.mark.parametrize(("control", "data"), [(OPEN, GUARDED), (GUARDED, OPEN)])
def test_a_data_connection_to_another_host(
    house, dial, bob, version, reuse, resume, how, control, data
):
    """Under TLS 1.2 a resumed session stays with its own host, whatever name comes with it."""
    client = dial(house(Settings(policy=Policy(session_reuse=reuse))), control, bob)
    client.secure()
    client.log_in()
    data_port = client.open(how)
    client.ask("RETR f", 150)
    wire = data_port.wire
    wire.begin_tls(client.context, client.control.session if resume else None, data)
    client.wait(3)
    if resume and version == SSL.TLS1_2_VERSION:
        client.expect(226)
        return
    text = client.expect(522).text
    assert f"names the host {data} (SNI)" in text
    assert "not resumed under another name" in text
    assert "unrecognized name" in wire.failure
    assert wire.take() == b""


def test_a_data_connection_without_a_name_is_with_the_host_of_the_session(house, dial, bob):
    client = dial(house(), GUARDED, bob)
    client.secure()
    client.log_in()
    client.server_name = ""
    assert client.download("RETR f", resume=False) == b"0123"
    client.server_name = "192-0-2-1.example"
    assert client.download("RETR f", resume=False) == b"0123"


def test_a_session_of_the_open_host_opens_no_guarded_one(house, dial, version, pki):
    """OpenSSL resumes under another name: what the first did not demand would never be."""
    client = dial(house(Settings(policy=Policy(ccc=True))), OPEN)
    client.secure()
    client.log_in()
    resumable = client.control.session
    clear(client)
    client.ask("AUTH TLS", 234)
    client.control.begin_tls(client.context, resumable, GUARDED)
    assert client.closed


@pytest.mark.parametrize("name", ["", OPEN, "WWW.open.example", "other.example"])
def test_s3_strict_sni(house, dial, name, log):
    client = dial(house(strict=True), name)
    if name != "other.example":
        client.secure()
        return
    with pytest.raises(WireError, match="unrecognized name"):
        client.secure()
    assert "names the host 'other.example' (SNI), which is none of [[hosts]]" in log.text
    assert client.closed


# --- HOST ------------------------------------------------------------------------------------


def test_host_in_clear_chooses_certificate_and_banner(house, dial):
    client = dial(house())
    assert client.ask(f"HOST {OPEN.upper()}", 220).text == "Open house."
    client.secure()
    assert shown_by(client.server, client) == OPEN
    assert session(client).host == OPEN
    client.log_in()
    assert client.download("RETR f") == b"0123"
    assert client.download("RETR f", "PORT", resume=False) == b"0123"


def test_host_in_clear_demands_the_clients_certificate(house, dial, bob):
    server = house()
    client = dial(server, "", bob)
    client.ask(f"HOST {GUARDED}", 220)
    client.secure()
    client.log_in()
    assert session(client).security.certificate
    assert client.download("RETR f") == b"0123"
    client.leave()
    stranger = dial(server)
    stranger.ask(f"HOST {GUARDED}", 220)
    with pytest.raises((WireError, SSL.Error)):
        stranger.secure()
    assert stranger.closed


def test_the_last_host_before_login_counts(house, dial):
    client = dial(house())
    client.ask(f"HOST {GUARDED}", 220)
    client.ask("HOST none.example", 504)
    client.ask(f"HOST {OPEN}", 220)
    client.secure()
    assert shown_by(client.server, client) == OPEN


@pytest.mark.parametrize("sni", [OPEN, "www.open.example", "other.example"])
def test_host_must_be_what_sni_named(house, dial, sni):
    client = dial(house(), sni)
    client.secure()
    assert sni in client.ask(f"HOST {GUARDED}", 504).text
    client.ask(f"HOST {OPEN}", 220 if sni == OPEN else 504)
    client.log_in()


def test_sni_must_be_what_host_named(house, dial, log):
    client = dial(house(), OPEN)
    client.ask(f"HOST {GUARDED}", 220)
    with pytest.raises(WireError, match="unrecognized name"):
        client.secure()
    assert f"'{OPEN}' (SNI), and HOST named {GUARDED}" in log.text


def test_host_under_tls_without_sni(house, dial, bob):
    """The certificate was shown already; one that was never asked for cannot be had any more."""
    client = dial(house(), "", bob)
    client.secure()
    client.ask(f"HOST {OPEN}", 220)
    assert session(client).host == OPEN
    assert "send HOST before AUTH" in client.ask(f"HOST {GUARDED}", 504).text
    assert session(client).host == OPEN
    client.log_in()
    assert client.download("RETR f") == b"0123"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("none.example", 504),
        ("192.0.2.1", 504),
        (SERVER, 220),
        ("[2001:db8::1]", 504),
        ("192.0.2.1:2112", 501),
        ("[2001:db8::c000:201]:2112", 501),
        ("2001:db8::1", 501),
        ("[192.0.2.1]", 501),
        ("[fe80::1%eth0]", 501),
        ("open.example:21", 501),
        ("open.example.", 501),
        ("-open.example", 501),
        ("open_house.example", 501),
        ("bücher.example", 501),
        ("1.2.3", 501),
        ("256.1.1.1", 501),
        ("a" * 64 + ".example", 501),
        (".".join(["a" * 63] * 4), 501),
        ("", 501),
        ("two names", 501),
    ],
)
def test_which_names_are_accepted(house, dial, name, code):
    client = dial(house())
    client.ask(f"HOST {name}", code)
    client.ask(f"HOST {OPEN}", 220)


def test_the_address_of_the_server_in_ipv6(house):
    client = house(host=SERVER_6).connect()
    client.ask(f"HOST [{SERVER_6.upper()}]", 220)


def test_host_comes_before_login(house, dial):
    client = dial(house())
    client.secure()
    client.ask(f"USER {USER}", 331)
    client.ask(f"HOST {OPEN}", 220)
    client.ask("PASS open sesame", 503)
    client.log_in()
    client.ask(f"HOST {OPEN}", 503)
    assert session(client).host == OPEN


def test_host_survives_auth(house, dial):
    client = dial(house())
    client.ask(f"HOST {OPEN}", 220)
    client.secure()
    assert session(client).host == OPEN


def test_feat_tells_of_host(house, dial, serve):
    assert " HOST" in dial(house()).ask("FEAT", 211).lines
    client = serve(CONTENT).connect()
    assert " HOST" not in client.ask("FEAT", 211).lines
    client.ask(f"HOST {OPEN}", 502)


def test_without_tls(serve, settings):
    server = serve(CONTENT, replace(settings(relax=True), hosts=HOSTS[:1]), tls=False)
    client = server.connect()
    client.ask(f"HOST {OPEN}", 220)
    client.log_in()


def test_the_greeting_of_the_host_under_implicit_tls(house, version, pki):
    server = house(implicit=True)
    client = server.connect(greet=False)
    client.control.start_tls(pki.client_context(version), name=OPEN)
    assert client.expect(220).text == "Open house."
    other = server.connect(greet=False)
    other.control.start_tls(pki.client_context(version))
    assert other.expect(220).text == "Service ready."


# --- policies --------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["SNI", "HOST"])
@pytest.mark.parametrize("name", [OPEN, GUARDED])
def test_a_rule_for_a_host(house, dial, bob, name, by):
    rule = Rule(hosts=("guard*",), policy={"data_protection": Requirement.REQUIRED})
    settings = Settings(policy=Policy(data_protection=Requirement.OPTIONAL), rules=(rule,))
    client = dial(house(settings), name if by == "SNI" else "", bob)
    if by == "HOST":
        client.ask(f"HOST {name}", 220)
    client.secure(private=False)
    client.log_in()
    client.passive_port()
    client.ask("RETR f", 521 if name == GUARDED else 150)


def test_two_hosts_of_the_same_name(pki):
    one = pki.server()
    twins = [tls_hosts.Host([one], Protocols(), Verification(), ("a.example",)) for _ in "ab"]
    with pytest.raises(ValueError, match=r"have the name a\.example"):
        ServerContext(one.key, one.chain, hosts=twins)


@pytest.mark.parametrize("tls", [True, False])
def test_demands_that_nobody_would_make(serve, settings, tls):
    with pytest.raises(ValueError, match=r"The host guarded\.example has .* of its own"):
        serve(CONTENT, replace(settings(relax=True), hosts=HOSTS), tls=tls)
