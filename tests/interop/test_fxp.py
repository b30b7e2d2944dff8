"""Copies between two servers: lftp arranges them, and strangers try to be one of the two."""

from __future__ import annotations

import hashlib
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interop import certificates
from tests.interop.certificates import Certificates
from tests.interop.clients import PATIENCE, Bare, everything, lftp, url
from tests.interop.server import PASSWORD, USER, Server

CONTENT = bytes(range(256)) * 4096


def fxp(**values: object) -> tuple[str, ...]:
    """The section of the configuration file."""
    lines = [f"{name} = {str(value)!r}" for name, value in values.items()]
    return ("[fxp]", 'peers = ["127.0.0.0/8"]', *lines)


@pytest.fixture(scope="module")
def pair(start_server, throwaway: Certificates) -> tuple[Server, Server]:
    limits = fxp(authorities=throwaway.authority)
    source, target = start_server(limits=limits), start_server(limits=limits)
    (source.root / "f").write_bytes(CONTENT)
    return source, target


# lftp takes CPSV where FEAT offers it, and goes by SSCN where it is told that there is none;
# which of the two servers is then the TLS client is a setting of it.
VARIANTS = {
    "cpsv": "",
    "sscn-passive": "set ftp:fxp-passive-sscn yes",
    "sscn-active": "set ftp:fxp-passive-sscn no",
}


@pytest.mark.parametrize("passive_source", [True, False], ids=["from-passive", "to-passive"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_lftp_copies_under_tls(
    pair: tuple[Server, Server], tmp_path: Path, variant: str, passive_source: bool
) -> None:
    source, target = pair
    name = f"{variant}-{passive_source}"
    there = url(target, name).replace("//", f"//{USER}:{PASSWORD.replace(' ', '%20')}@")
    settings = [
        "set ftp:use-fxp yes; set ftp:fxp-force yes; set ftp:ssl-protect-fxp yes",
        f"set ftp:fxp-passive-source {'yes' if passive_source else 'no'}",
        VARIANTS[variant],
    ]
    if variant != "cpsv":
        settings.append("set ftp:ssl-auth TLS; set ftp:use-feat no")
    lftp(source, tmp_path, f"get f -o {there}", settings="\n".join(settings))
    assert (target.root / name).read_bytes() == CONTENT
    said = source.whole_log() + target.whole_log()
    assert "'CPSV'" in said if variant == "cpsv" else "'SSCN' 'ON'" in said


@pytest.fixture
def other_server(tmp_path: Path, throwaway: Certificates) -> ssl.SSLContext:
    """The TLS of a server that the first one trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(throwaway.chain, throwaway.key)
    return context


def connect(client: Bare, command: str, address: str) -> socket.socket:
    """A connection from ``address`` to a passive port."""
    numbers = client.command(command, 227).split("(")[1].split(")")[0].split(",")
    port = int(numbers[4]) * 256 + int(numbers[5])
    return socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0))


def test_a_certificate_for_a_name_that_is_set(
    start_server, throwaway: Certificates, other_server: ssl.SSLContext
) -> None:
    names = ('names = ["ftp.example.org", "localhost"]',)
    server = start_server(limits=(*fxp(authorities=throwaway.authority), *names))
    with Bare(server) as client:
        sock = connect(client, "CPSV", "127.0.0.2")
        client.command("STOR g", 150)
        with other_server.wrap_socket(sock, server_side=True) as data:
            data.sendall(CONTENT)
            data.unwrap().close()
        client.expect(226)
    assert (server.root / "g").read_bytes() == CONTENT


@pytest.mark.parametrize("prepare", ["CPSV", "PASV"])
def test_this_server_is_the_tls_client(
    pair: tuple[Server, Server], other_server: ssl.SSLContext, prepare: str
) -> None:
    with Bare(pair[0]) as client:
        if prepare == "PASV":
            client.command("SSCN ON", 200)
            assert "CLIENT" in client.command("SSCN", 200)
        sock = connect(client, prepare, "127.0.0.1")
        client.command("RETR f", 150)
        with other_server.wrap_socket(sock, server_side=True) as data:
            assert everything(data) == CONTENT
        client.expect(226)


def test_a_certificate_of_another_authority(pair: tuple[Server, Server], tmp_path: Path) -> None:
    wrong = certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(wrong.chain, wrong.key)
    with Bare(pair[0]) as client:
        sock = connect(client, "CPSV", "127.0.0.1")
        client.command("STOR stolen", 150)
        with context.wrap_socket(sock, server_side=True) as data:
            with suppress(OSError):  # it may have left already
                data.sendall(b"poison")
            assert "not trusted" in client.expect(522)
        client.command("SIZE stolen", 550)


def test_a_certificate_for_another_name(
    pair: tuple[Server, Server], other_server: ssl.SSLContext
) -> None:
    """It is for 127.0.0.1 and localhost; 127.0.0.3 shows it."""
    with Bare(pair[0]) as client:
        sock = connect(client, "CPSV", "127.0.0.3")
        client.command("RETR f", 150)
        with other_server.wrap_socket(sock, server_side=True):
            assert "another name" in client.expect(522)


def test_a_pinned_certificate_needs_neither(
    start_server, throwaway: Certificates, other_server: ssl.SSLContext
) -> None:
    pem = throwaway.chain.read_text().partition("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(pem[0] + pem[1] + "\n")
    pin = hashlib.sha256(der).hexdigest()
    server = start_server(limits=("[fxp]", 'peers = ["127.0.0.0/8"]', f'pins = ["{pin}"]'))
    (server.root / "f").write_bytes(CONTENT)
    with Bare(server) as client:
        sock = connect(client, "CPSV", "127.0.0.3")
        client.command("RETR f", 150)
        with other_server.wrap_socket(sock, server_side=True) as data:
            assert everything(data) == CONTENT
        client.expect(226)


def test_without_the_setting(start_server) -> None:
    server = start_server()
    with Bare(server) as client:
        client.command("SSCN ON", 534)
        client.command("CPSV", 534)
        client.command("PORT 127,0,0,2,100,100", 501)
        client.send("FEAT")
        assert not {"CPSV", "SSCN"} & set(client.reply().split())


def test_what_is_asked_for_and_when(pair: tuple[Server, Server]) -> None:
    with Bare(pair[0], login=False) as client:
        client.command("SSCN ON", 530)
    with Bare(pair[0]) as client:
        client.command("SSCN maybe", 501)
        client.command("PORT 127,0,0,2,100,100", 200)
        client.command("PORT 192,0,2,1,100,100", 501)
        client.command("EPSV ALL", 200)
        client.command("CPSV", 503)
