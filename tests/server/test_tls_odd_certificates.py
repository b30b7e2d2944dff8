"""Client certificates in odd forms: OpenSSL takes what others cannot even read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from ftptls.cred import make_checker
from ftptls.settings import ClientCertificate, LoginMode
from ftptls.testing.certificates import PKI, PrivateKey
from ftptls.testing.dialogue import WireError
from ftptls.tls.clients import Verification
from ftptls.tls.contexts import ServerContext

NAME = b"aliceXYZ"
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
UTF8, BIT_STRING, PRINTABLE, TELETEX, IA5 = 0x0C, 0x03, 0x13, 0x14, 0x16


def der(tag: int, *parts: bytes) -> bytes:
    """One value (X.690)."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + length + content


@dataclass
class Odd:
    """A certificate in a file, and its key, to be shown by a client."""

    file: Path
    key: PrivateKey

    def use_in(self, context: SSL.Context) -> None:
        context.use_certificate_file(str(self.file), crypto.FILETYPE_ASN1)
        context.use_privatekey(self.key)


@pytest.fixture
def odd(pki, tmp_path):
    """Issue a certificate whose common name is written otherwise; signed by whom one likes."""

    def make(tag: int, name: bytes, authority: PKI = pki) -> Odd:
        pair = authority.client(NAME.decode())
        tbs = pair.certificate.tbs_certificate_bytes
        assert tbs.count(der(UTF8, NAME)) == 1
        assert len(name) == len(NAME)
        tbs = tbs.replace(der(UTF8, NAME), der(tag, name))
        signature = authority.intermediate.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
        file = tmp_path / "odd"
        file.write_bytes(der(0x30, tbs, ECDSA_WITH_SHA256, der(BIT_STRING, b"\0", signature)))
        return Odd(file, pair.key)

    return make


@pytest.fixture
def dial(serve, pki, settings, version):
    """A client that shows a certificate to a server with these ``--auth`` strings."""

    def make(shown, *auth):
        own = pki.server()
        verification = Verification(ClientCertificate.OPTIONAL, (pki.root.certificate,))
        tls = ServerContext(own.key, own.chain, verification=verification)
        made = settings(login=LoginMode.CERTIFICATE, login_delay=0)
        checkers = [make_checker(each) for each in auth]
        client = serve({}, made, tls=tls, checkers=checkers).connect()
        client.context = pki.client_context(version, shown)
        return client

    return make


@pytest.mark.parametrize("name", [b"al_ceXYZ", b"a@ceXYZ.", b"*liceXYZ", b"alic\xe9XYZ"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_that_cannot_be_read_is_refused(dial, odd, log, name, trusted):
    """A PrintableString takes no underscore (X.680 §41.4), and yet there are such."""
    shown = odd(PRINTABLE, name) if trusted else odd(PRINTABLE, name, PKI(name="Nobody"))
    client = dial(shown)
    with pytest.raises((WireError, SSL.Error)):
        client.secure()
    assert client.closed
    (line,) = (each for each in log.text.splitlines() if "TLS failed on the control" in each)
    if trusted:
        assert "is not in the form of RFC 5280, and has to be issued anew" in line


@pytest.mark.parametrize(
    ("tag", "name"),
    [(IA5, b"alic\xe9XYZ"), (TELETEX, b"alic\xe9XYZ"), (BIT_STRING, b"\0liceXYZ")],
    ids=["IA5String", "TeletexString", "BIT STRING"],
)
def test_a_subject_that_is_no_text_is_nobodys_but_may_be_pinned(
    dial, odd, log, tmp_path, tag, name
):
    shown, pins = odd(tag, name), tmp_path / "pins"
    client = dial(shown, "x509:cn:dn")
    client.secure()
    for each in ("aliceXYZ", "(unreadable)"):
        client.send(f"USER {each}")
        client.wait(0)
        client.expect(530)
    assert "client certificate '(unreadable)' SHA-256" in log.text
    assert "is for nobody; the subject is damaged" in log.text
    pins.write_text(f"alice: {hashlib.sha256(shown.file.read_bytes()).hexdigest()}\n")
    pinned = dial(shown, f"x509:pins={pins}")
    pinned.secure()
    pinned.ask("USER alice", 232)
