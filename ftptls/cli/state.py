"""The state folder: a certificate and a user that last from one start to the next.

Files are written whole or not at all, and none that is still good is ever replaced.
"""

from __future__ import annotations

import contextlib
import datetime
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ftptls.authority.certificates import self_signed
from ftptls.authority.files import alone, write

USER = "demo"

_DAYS = 365
_HOSTS = ("localhost", "127.0.0.1", "::1")
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
    with alone(folder):
        loaded = _good_certificate(certificate, key)
        if loaded is None:
            pair = self_signed(_HOSTS, _DAYS)
            write(key, pair.key_pem())
            write(certificate, pair.certificate_pem)
            loaded = pair.certificate
        password = _password(folder / "password")
    digest = loaded.fingerprint(hashes.SHA256())
    return State(certificate, key, digest.hex(":").upper(), password)


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


def _password(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        password = path.read_text("ascii", "replace").strip()
        if password and set(password) <= set(_LETTERS):
            return password
    password = "".join(secrets.choice(_LETTERS) for _ in range(20))
    write(path, f"{password}\n".encode())
    return password
