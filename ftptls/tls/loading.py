"""Certificates and keys from files: PEM and PKCS#12, clear and encrypted.

Each refusal is one sentence that names the file, the cause and the remedy. Passphrases
come from a program, live as long as the loading, and are never logged.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from twisted.logger import Logger

from ftptls.programs import ProgramError, printed

_DER_SEQUENCE = b"\x30"  # how PKCS#12 begins, and PEM never does

_log = Logger(namespace="ftptls")

PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
"""What a server certificate may be for."""


class CertificateError(ValueError):
    """A certificate or key that cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key.

    Attributes:
        key: The private key.
        chain: The certificate, then the ones that lead to its root.
        source: The file it came from; empty if it came from none.

    Raises:
        CertificateError: The key does not belong to the first certificate.
    """

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not _belongs(self.key, self.chain[0]):
            raise CertificateError("the private key does not belong to the certificate")

    @property
    def kind(self) -> str:
        """The kind of its key; a listener shows one certificate of each."""
        return type(self.key.public_key()).__name__.removesuffix("PublicKey")


class Passphrases:
    """Where the passphrases of encrypted keys come from.

    Args:
        program: A program and its arguments; the file's path is added as the last one.
            The first line that it prints is the passphrase. Without one, there is none.
    """

    def __init__(self, program: Sequence[str] = ()) -> None:
        self._program = tuple(program)

    def __bool__(self) -> bool:
        """Whether there is a program."""
        return bool(self._program)

    def passphrase(self, path: str) -> bytes:
        """Run the program for one file.

        Raises:
            CertificateError: It cannot be run, fails, takes too long or prints nothing.
        """
        try:
            line = printed([*self._program, path]).partition(b"\n")[0].removesuffix(b"\r")
            if not line:
                raise ProgramError("printed nothing")
        except ProgramError as error:
            name = self._program[0]
            raise CertificateError(f"The passphrase program {name} {error} for {path}.") from None
        return line


def load_identity(
    certificate: str, key: str = "", passphrases: Passphrases | None = None
) -> Identity:
    """Load a certificate with its chain and key.

    Args:
        certificate: PEM file with the certificate and its chain, and with the key if
            ``key`` is empty; or a PKCS#12 file with all of them.
        key: PEM file with the private key.
        passphrases: For encrypted keys.

    Raises:
        CertificateError: With one sentence that names the file and the cause.
    """
    passphrases = passphrases or Passphrases()
    data = _read(certificate)
    if data.startswith(_DER_SEQUENCE):
        return _from_pkcs12(certificate, data, passphrases)
    chain = certificates_in(certificate, data)
    private = _load_key(key or certificate, passphrases)
    try:
        return Identity(private, tuple(chain), certificate)
    except CertificateError:
        raise CertificateError(
            f"The private key in {key or certificate} does not belong to the certificate in "
            f"{certificate}; name the pair that was made together."
        ) from None


def load_identities(
    certificates: Sequence[str], keys: Sequence[str], passphrases: Passphrases
) -> list[Identity]:
    """Load several, of one kind of key each: the first key is for the first certificate.

    Raises:
        CertificateError: One cannot be loaded, or they cannot be shown side by side.
    """
    if keys and len(keys) != len(certificates):
        raise CertificateError(
            f"There are {len(certificates)} certificates ({', '.join(certificates)}) and "
            f"{len(keys)} keys ({', '.join(keys)}); name a key for each, in the same order."
        )
    pairs = zip(certificates, keys or [""] * len(certificates), strict=True)
    identities = [load_identity(certificate, key, passphrases) for certificate, key in pairs]
    by_kind: dict[str, Identity] = {}
    for identity in identities:
        other = by_kind.setdefault(identity.kind, identity)
        if other is not identity:
            raise CertificateError(
                f"{other.source} and {identity.source} are both for {identity.kind} keys; "
                "one listener can show one certificate of each kind."
            )
    return identities


def load_authorities(paths: Sequence[str]) -> list[x509.Certificate]:
    """The certificates in PEM files, and in all files of folders.

    Raises:
        CertificateError: There are none in one of them, or one cannot be read.
    """
    found = []
    for path in paths:
        inside = list(_files_of(path)) if os.path.isdir(path) else [path]
        if not inside:
            raise CertificateError(f"There is no certificate of an authority in {path}.")
        for file in inside:
            found += certificates_in(file, _read(file))
    return list(dict.fromkeys(found))


def certificates_in(path: str, data: bytes) -> list[x509.Certificate]:
    """The certificates in the content of a PEM file.

    Raises:
        CertificateError: There are none.
    """
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CertificateError(
            f"There is no PEM certificate in {path}; it needs a block that begins with "
            "-----BEGIN CERTIFICATE-----."
        ) from None


def warn_of_dates(identity: Identity, now: datetime.datetime | None = None) -> None:
    """Say in the log if a certificate, or one of its chain, is not valid now."""
    now = now or datetime.datetime.now(datetime.UTC)
    for certificate in identity.chain:
        subject = certificate.subject.rfc4514_string()
        if certificate.not_valid_after_utc < now:
            what = f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        elif certificate.not_valid_before_utc > now:
            what = f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        else:
            continue
        _log.warn(
            "ftptls: the certificate of {subject} in {source} {what}; clients will refuse it.",
            subject=subject,
            source=identity.source or "memory",
            what=what,
        )


def _belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    try:
        return bool(key.public_key() == certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return False


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CertificateError(f"Cannot read {path}: {error.strerror}.") from None


def _files_of(folder: str) -> Iterator[str]:
    """Its files; where c_rehash made links, each certificate is there twice."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not name.startswith("."):
            yield path


def _load_key(path: str, passphrases: Passphrases) -> PrivateKey:
    data = _read(path)
    try:
        return _decrypted(path, data, None)
    except TypeError:
        if not passphrases:
            raise CertificateError(
                f"The private key in {path} is encrypted; give an unencrypted one, or name a "
                "program that prints its passphrase with tls.passphrase_program."
            ) from None
    passphrase = passphrases.passphrase(path)
    try:
        return _decrypted(path, data, passphrase)
    except CertificateError:
        raise CertificateError(
            f"The passphrase that the passphrase program prints for {path} does not open it."
        ) from None


def _decrypted(path: str, data: bytes, passphrase: bytes | None) -> PrivateKey:
    """The key; TypeError if it takes a passphrase."""
    try:
        # A key of another kind fits no certificate, and is told of as such.
        return cast(PrivateKey, load_pem_private_key(data, passphrase))
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            f"There is no PEM private key in {path}; it needs a block that begins with "
            "-----BEGIN PRIVATE KEY-----."
        ) from None


def _from_pkcs12(path: str, data: bytes, passphrases: Passphrases) -> Identity:
    passphrase = passphrases.passphrase(path) if passphrases else None
    try:
        found = load_pkcs12(data, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        cause = (
            "the passphrase that the passphrase program prints does not open it"
            if passphrases
            else "it is none, or is encrypted: tls.passphrase_program names a program that "
            "prints its passphrase"
        )
        raise CertificateError(f"Cannot read {path} as PKCS#12: {cause}.") from None
    if found.key is None or found.cert is None:
        raise CertificateError(f"{path} is PKCS#12 without a certificate and its private key.")
    others = [each.certificate for each in found.additional_certs]
    chain = (found.cert.certificate, *_in_order(found.cert.certificate, others))
    return Identity(cast(PrivateKey, found.key), chain, path)


def _in_order(
    leaf: x509.Certificate, others: Sequence[x509.Certificate]
) -> Iterator[x509.Certificate]:
    """Each behind the one that it issued; PKCS#12 keeps no order."""
    left = list(others)
    last = leaf
    while issuer := next((each for each in left if each.subject == last.issuer), None):
        left.remove(issuer)
        yield issuer
        last = issuer
