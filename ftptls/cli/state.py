"""The state folder: a certificate and a user that last from one start to the next.

Files are written whole or not at all, and none that is still good is ever replaced.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import ipaddress
import os
import secrets
import string
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USER = "demo"

_DAYS = 365
_LETTERS = string.ascii_letters + string.digits  # safe in a shell, in lftp and in a Cred string


@dataclass(frozen=True, slots=True)
class State:
    """What the folder holds.

    Attributes:
        certificate: PEM file of the self-signed certificate, which is its own CA.
        key: PEM file of its private key.
        fingerprint: SHA-256 of the certificate, in hexadecimal pairs.
        password: What :data:`USER` logs in with.
    """

    certificate: Path
    key: Path
    fingerprint: str
    password: str


def prepare(folder: Path) -> State:
    """Make what is missing or no longer valid.

    Args:
        folder: The state folder; made, for its owner only, when missing.

    Raises:
        OSError: It cannot be read or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    with _alone(folder):
        loaded = _good_certificate(certificate, key)
        if loaded is None:
            loaded, private = _new_certificate(datetime.datetime.now(datetime.UTC))
            _write(key, private)
            _write(certificate, loaded.public_bytes(serialization.Encoding.PEM))
        password = _password(folder / "password")
    digest = loaded.fingerprint(hashes.SHA256())
    return State(certificate, key, digest.hex(":").upper(), password)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let two servers that start at once not make two certificates."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _good_certificate(certificate: Path, key: Path) -> x509.Certificate | None:
    """The certificate, if it is there, valid now, and the key's."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    now = datetime.datetime.now(datetime.UTC)
    valid = loaded.not_valid_before_utc <= now < loaded.not_valid_after_utc
    return loaded if valid and loaded.public_key() == private.public_key() else None


def _new_certificate(now: datetime.datetime) -> tuple[x509.Certificate, bytes]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(names, critical=False)
        # No CA: who trusts it trusts this one server, and nothing that its key could sign.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate, pem


def _password(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        password = path.read_text("ascii", "replace").strip()
        if password and set(password) <= set(_LETTERS):
            return password
    password = "".join(secrets.choice(_LETTERS) for _ in range(20))
    _write(path, f"{password}\n".encode())
    return password


def _write(path: Path, data: bytes) -> None:
    """Write a file for its owner only, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
