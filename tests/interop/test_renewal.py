"""A real twistd whose files change, and that asks a real OCSP responder."""

from __future__ import annotations

import ftplib
import io
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPCertStatus
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftptls.testing.certificates import PKI, Pair, pem
from ftptls.testing.responder import Responder, found_at, revocation_list
from ftptls.tls.loading import Identity
from tests.interop.certificates import Certificates
from tests.interop.clients import PATIENCE
from tests.interop.server import PASSWORD, USER, Server, eventually


class Place:
    """What a server is given, and its clients."""

    def __init__(self, folder: Path) -> None:
        self.pki = PKI()
        self.folder = folder
        self.clients: list[ftplib.FTP_TLS] = []
        self.responder = Responder(self.pki.intermediate)
        self.files = Certificates(folder / "root.pem", folder / "chain.pem", folder / "key.pem")
        self.files.authority.write_bytes(self.pki.root.certificate_pem)
        self.crl = folder / "clients.crl"
        self.revoke()

    def write(self, identity: Identity) -> bytes:
        """Have the server show this; returns the certificate in DER."""
        chain, key = pem(identity)
        self.files.chain.write_bytes(chain)
        self.files.key.write_bytes(key)
        return identity.chain[0].public_bytes(Encoding.DER)

    def revoke(self, *clients: Pair) -> None:
        made = revocation_list(self.pki.intermediate, *clients)
        self.crl.write_bytes(made.public_bytes(Encoding.PEM))

    def client(self, name: str, url: str) -> Pair:
        """A client whose certificate names a responder."""
        pair = self.pki.issue(name, found_at(url), usage=ExtendedKeyUsageOID.CLIENT_AUTH)
        chain = pair.certificate_pem + self.pki.intermediate.certificate_pem
        (self.folder / f"{name}.pem").write_bytes(chain + pair.key_pem())
        return pair

    def connect(self, server: Server, name: str = "") -> ftplib.FTP_TLS:
        """A client with TLS up."""
        context = ssl.create_default_context(cafile=self.files.authority)
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem")
        client = ftplib.FTP_TLS(context=context, timeout=PATIENCE)
        self.clients.append(client)
        client.connect("127.0.0.1", server.port())
        client.auth()
        return client


def shown_to(client: ftplib.FTP_TLS) -> bytes | None:
    assert isinstance(client.sock, ssl.SSLSocket)
    return client.sock.getpeercert(binary_form=True)


def download(client: ftplib.FTP_TLS) -> bytes:
    content = io.BytesIO()
    client.retrbinary("RETR some", content.write)
    return content.getvalue()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for client in made.clients:
        client.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(place: Place, stack: ExitStack, *flags: str) -> Server:
    folder = place.folder / "server"
    folder.mkdir()
    server = Server(folder, place.files, flags=flags)
    stack.callback(server.stop)
    (server.root / "some").write_bytes(b"content\n")
    return server


def test_s25_sighup(place: Place, stack: ExitStack) -> None:
    first = place.write(place.pki.server())
    server = start(place, stack)
    old = place.connect(server)
    old.login(USER, PASSWORD)
    old.prot_p()
    assert shown_to(old) == first

    second = place.write(place.pki.server())
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for("certificates loaded anew")
    with place.connect(server) as new:
        assert shown_to(new) == second
    assert download(old) == b"content\n"

    place.files.key.write_bytes(pem(place.pki.server())[1])
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for("stay as they were: .*does not belong to the certificate")
    with place.connect(server) as new:
        assert shown_to(new) == second
    assert download(old) == b"content\n"
    old.quit()


def test_s08_a_list_that_changes_ends_sessions(place: Place, stack: ExitStack) -> None:
    place.write(place.pki.server())
    bob = place.client("bob", "http://127.0.0.1:9/")
    guards = ["--client-certificates", "required", "--crl", str(place.crl)]
    guards += ["--client-authorities", str(place.files.authority)]
    server = start(place, stack, *guards)
    client = place.connect(server, "bob")
    client.login(USER, PASSWORD)
    client.prot_p()
    assert download(client) == b"content\n"
    place.revoke(bob)
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for("its client certificate is not accepted any more: certificate revoked")
    with pytest.raises(ftplib.error_temp, match="421 The client certificate"):
        client.voidcmd("NOOP")
    with pytest.raises((EOFError, OSError)):
        place.connect(server, "bob").login(USER, PASSWORD)
    server.wait_for("its authority has revoked it")


def test_ocsp_of_clients(place: Place, stack: ExitStack) -> None:
    place.write(place.pki.server())
    url = stack.enter_context(place.responder.serve())
    place.client("bob", url)
    eve = place.client("eve", url)
    place.responder.standings[eve.certificate.serial_number] = OCSPCertStatus.REVOKED
    server = start(
        place,
        stack,
        *("--client-certificates", "optional", "--ocsp", "hard"),
        *("--client-authorities", str(place.files.authority)),
    )
    with place.connect(server, "bob") as client:
        client.login(USER, PASSWORD)
        client.prot_p()
        assert download(client) == b"content\n"
    with (
        place.connect(server, "eve") as client,
        pytest.raises(ftplib.error_perm, match="530 The client certificate is not accepted: it is"),
    ):
        client.login(USER, PASSWORD)
    with place.connect(server) as client:
        client.login(USER, PASSWORD)
    assert place.responder.asked == 2


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_stapling(place: Place, stack: ExitStack, version: str) -> None:
    url = stack.enter_context(place.responder.serve())
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    pair = place.pki.issue("localhost", found_at(url), usage=usage)
    place.write(Identity(pair.key, (pair.certificate, place.pki.intermediate.certificate)))
    server = start(place, stack, "--staple")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port()}", "-starttls", "ftp"]
    command += [f"-{version}", "-status", "-CAfile", str(place.files.authority)]
    said: list[str] = []

    def is_stapled() -> bool:
        done = subprocess.run(
            command, input="quit\n", capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        said.append(done.stdout)
        return "OCSP Response Status: successful" in done.stdout

    eventually(is_stapled, PATIENCE)
    assert "Cert Status: good" in said[-1]
    assert "Verify return code: 0 (ok)" in said[-1]
    assert place.responder.asked == 1
