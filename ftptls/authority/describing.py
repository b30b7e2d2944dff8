"""Certificates in words, with what is wrong with them."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

from ftptls.authority.errors import AuthorityError

_SOON = datetime.timedelta(days=14)
_SHORTEST = 2048  # bits of an RSA key
_BROKEN = (hashes.MD5, hashes.SHA1)
_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "servers",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clients",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "everything",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A certificate in words.

    Attributes:
        subject: Whose it is (:rfc:`4514`).
        issuer: Who vouches for it.
        serial: Its serial number, in hexadecimal.
        not_before: From when it is valid, in ISO 8601.
        not_after: Until when.
        authority: Whether it may sign others.
        usages: What it is for; empty if it does not say.
        names: Names and addresses in its subjectAltName, each with its kind.
        key: Kind and size of the key.
        fingerprint: SHA-256 of the certificate, in hexadecimal.
        key_fingerprint: SHA-256 of its public key (SubjectPublicKeyInfo), in hexadecimal.
        problems: What is wrong with it, and what to do.
    """

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    authority: bool
    usages: tuple[str, ...]
    names: tuple[str, ...]
    key: str
    fingerprint: str
    key_fingerprint: str
    problems: tuple[str, ...]


def read(data: bytes, password: bytes | None = None) -> list[x509.Certificate]:
    """The certificates of a file: PEM, DER or PKCS#12.

    Args:
        data: What the file holds.
        password: For PKCS#12.

    Raises:
        AuthorityError: There are none.
        WrongPasswordError: It may be PKCS#12, and the password does not open it.
    """
    if b"-----BEGIN" in data:
        try:
            return x509.load_pem_x509_certificates(data)
        except ValueError:
            raise AuthorityError("there is no certificate in it that can be read.") from None
    if not data.startswith(b"\x30"):
        raise AuthorityError("it holds no certificate in PEM, DER or PKCS#12.")
    try:
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        pass  # PKCS#12 begins in the same way
    try:
        found = load_pkcs12(data, password)
    except (ValueError, UnsupportedAlgorithm):
        raise WrongPasswordError("it is damaged, or the password does not open it.") from None
    every = [found.cert, *found.additional_certs]
    return [each.certificate for each in every if each is not None]


class WrongPasswordError(AuthorityError):
    """PKCS#12 that does not open."""


def described(certificate: x509.Certificate, now: datetime.datetime) -> Described:
    """A certificate in words.

    Args:
        certificate: Any, broken ones included.
        now: With a time zone.
    """
    problems = [*_problems_of_dates(certificate, now), *_problems_of_key(certificate)]
    try:
        names, usages, authority = _names(certificate), _usages(certificate), _signs(certificate)
        subject = certificate.subject.rfc4514_string()
        issuer = certificate.issuer.rfc4514_string()
        problems += _problems_of_names(certificate, names, usages, authority)
    except ValueError as error:
        names, usages, authority, subject, issuer = (), (), False, "", ""
        problems.append(f"It is damaged: {error}; make another one.")
    return Described(
        subject,
        issuer,
        f"{certificate.serial_number:x}",
        certificate.not_valid_before_utc.isoformat(),
        certificate.not_valid_after_utc.isoformat(),
        authority,
        usages,
        names,
        key_in_words(certificate),
        certificate.fingerprint(hashes.SHA256()).hex(),
        key_fingerprint(certificate),
        tuple(problems),
    )


def key_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the public key as it is pinned (:rfc:`7469#2.4`), in hexadecimal.

    It is empty if OpenSSL does not know that kind of key.
    """
    try:
        public = crypto.X509.from_cryptography(certificate).get_pubkey()
    except crypto.Error:
        return ""
    # cryptography would write an RSA-PSS key as an RSA one.
    return hashlib.sha256(crypto.dump_publickey(crypto.FILETYPE_ASN1, public)).hexdigest()


def key_in_words(certificate: x509.Certificate) -> str:
    """Kind and size of its key."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _problems_of_dates(certificate: x509.Certificate, now: datetime.datetime) -> Iterator[str]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends < now:
        yield f"It expired on {ends:%Y-%m-%d}; renew it."
    elif begins > now:
        yield f"It is not valid before {begins:%Y-%m-%d %H:%M} UTC; wait, or look at the clock."
    elif ends - now < _SOON:
        yield f"It ends on {ends:%Y-%m-%d}; renew it."


def _problems_of_key(certificate: x509.Certificate) -> Iterator[str]:
    try:
        key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        yield "Its key or signature is of an unknown kind; make another one."
        return
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST:
        yield f"Its key has {key.key_size} bits only; make one of at least {_SHORTEST}."
    if isinstance(algorithm, _BROKEN):
        yield f"It is signed with {algorithm.name.upper()}, which is broken; have it made anew."


def _problems_of_names(
    certificate: x509.Certificate, names: tuple[str, ...], usages: tuple[str, ...], authority: bool
) -> Iterator[str]:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    texts = [str(each.value) for each in certificate.subject]
    if not texts and not names:
        yield "It names nobody; make one with a name."
    if len(common) > 1:
        yield "It has more than one CN: which of them counts, nobody can say; have it made anew."
    if not all(text.isprintable() for text in (*texts, *names)):
        yield "A name in it holds signs that cannot be seen; do not trust it."
    if "servers" in usages and not any(name.startswith(("DNS:", "IP:")) for name in names):
        yield "It is for servers, and names no host in its subjectAltName: clients refuse it."
    if not usages and not authority:
        yield "It does not say whether it is for servers or clients."


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_name(each) for each in found)


def _name(name: x509.GeneralName) -> str:
    kinds: dict[type, str] = {
        x509.DNSName: "DNS",
        x509.IPAddress: "IP",
        x509.RFC822Name: "email",
        x509.UniformResourceIdentifier: "URI",
    }
    if isinstance(name, x509.OtherName):
        return f"other:{name.type_id.dotted_string}"
    if isinstance(name, x509.DirectoryName):
        return f"DN:{name.value.rfc4514_string()}"
    if isinstance(name, x509.RegisteredID):
        return f"ID:{name.value.dotted_string}"
    return f"{kinds[type(name)]}:{name.value}"


def _usages(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_USAGES.get(each, each.dotted_string) for each in found)


def _signs(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
