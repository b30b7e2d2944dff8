"""From a client's certificate to the names of the users who may log in with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from ftptls.cred.fields import (
    Texts,
    UnusableError,
    field,
    fingerprint,
    key_fingerprint,
    subject,
)
from ftptls.cred.rereading import Rereading, whole_lines

_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")
_KEY, _DER = "key:", "der:"

# What RFC 4514 §3 does not name, or not so, as OpenSSL and others write it.
_ATTRIBUTES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "initials": NameOID.INITIALS,
    "generationQualifier": NameOID.GENERATION_QUALIFIER,
    "pseudonym": NameOID.PSEUDONYM,
    "title": NameOID.TITLE,
    "dnQualifier": NameOID.DN_QUALIFIER,
    "street": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "businessCategory": NameOID.BUSINESS_CATEGORY,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
}


class Mapper(Protocol):
    """One way to find who may log in with a certificate."""

    def names(self, certificate: x509.Certificate) -> Collection[str]:
        """The names that a certificate may use; none if it says nothing about that.

        It is called on a thread, and may block.

        Raises:
            UnusableError: The certificate is not one to take a name from.
        """


class Field:
    """Whoever is called what a field of the certificate says.

    Args:
        kind: A field, as in :func:`~ftptls.cred.fields.field`.

    Raises:
        ValueError: There is no such field.
    """

    def __init__(self, kind: str) -> None:
        self._texts: Texts = field(kind)

    def names(self, certificate: x509.Certificate) -> Collection[str]:
        """The texts of the field."""
        return self._texts(certificate)


class Pins:
    """Certificates and keys by their SHA-256 fingerprints, from a file.

    Each line is ``name: fingerprint ...``; several are for the days when a certificate is
    replaced. ``key:`` before a fingerprint makes it one of the public key. It is read again
    when it changes.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is wrong; says in which line.
    """

    def __init__(self, path: str) -> None:
        self._file = Rereading(path, _pins)

    def names(self, certificate: x509.Certificate) -> Collection[str]:
        """Who has pinned the certificate, or its key."""
        certificates, keys = self._file.content()
        found = certificates.get(fingerprint(certificate), [])
        return found + keys.get(key_fingerprint(certificate), []) if keys else found


class Subjects:
    """Whole subjects, from a file with lines of ``name: subject``.

    A subject is written as in RFC 4514, such as ``CN=alice,O=Example``, or as ``der:`` and
    its DER in hexadecimal. All attributes must be the same, in the same order. The file is
    read again when it changes.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is wrong; says in which line.
    """

    def __init__(self, path: str) -> None:
        self._file = Rereading(path, _subjects)

    def names(self, certificate: x509.Certificate) -> Collection[str]:
        """Whose subject it is."""
        subjects = self._file.content()
        found = subject(certificate)
        return [*subjects.get(found, ()), *subjects.get(found.public_bytes(), ())]


class Issuer:
    """A certification authority, which certificates have to be below.

    Args:
        text: Its subject as in RFC 4514, or the SHA-256 fingerprint of its certificate.

    Raises:
        ValueError: It is neither.
    """

    def __init__(self, text: str) -> None:
        digits = _digits(text)
        self._fingerprint = bytes.fromhex(digits) if _HEXADECIMAL.fullmatch(digits) else b""
        self._subject = None if self._fingerprint else _issuer(text)

    def issued(self, chain: tuple[x509.Certificate, ...]) -> bool:
        """Whether it is among those above the first certificate of a verified chain."""
        return any(self._is(each) for each in chain[1:])

    def _is(self, certificate: x509.Certificate) -> bool:
        if self._fingerprint:
            return fingerprint(certificate) == self._fingerprint
        try:
            return subject(certificate) == self._subject
        except UnusableError:
            return False


def _issuer(text: str) -> x509.Name:
    try:
        return distinguished_name(text)
    except ValueError as error:
        raise ValueError(f"{error}, and no SHA-256 fingerprint of 64 hexadecimal digits") from None


def distinguished_name(text: str) -> x509.Name:
    """A subject from its text (RFC 4514).

    Raises:
        ValueError: It is none.
    """
    try:
        found = x509.Name.from_rfc4514_string(text, _ATTRIBUTES)
    except ValueError:
        found = x509.Name([])
    if not list(found):
        raise ValueError(f"{text!r} is no distinguished name such as CN=alice,O=Example")
    return found


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, name and rest of each line that is neither empty nor a comment."""
    for number, line in enumerate(whole_lines(text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, rest = (part.strip() for part in line.partition(":"))
        if not (name and colon and rest):
            raise ValueError(f"line {number}: it is not of the form name: value")
        yield number, name, rest


_Names = Mapping[bytes, list[str]]


def _pins(text: str) -> tuple[_Names, _Names]:
    """Names by the fingerprints of certificates, and by those of keys, that they have pinned."""
    certificates: dict[bytes, list[str]] = {}
    keys: dict[bytes, list[str]] = {}
    for number, name, rest in _entries(text):
        for pin in rest.split():
            digits = _digits(pin.removeprefix(_KEY))
            if not _HEXADECIMAL.fullmatch(digits):
                raise ValueError(
                    f"line {number}: there is something that is no SHA-256 fingerprint of "
                    "64 hexadecimal digits"
                )
            pinned = keys if pin.startswith(_KEY) else certificates
            pinned.setdefault(bytes.fromhex(digits), []).append(name)
    return certificates, keys


def _subjects(text: str) -> Mapping[x509.Name | bytes, list[str]]:
    """Names by their subject, or by its DER."""
    found: dict[x509.Name | bytes, list[str]] = {}
    for number, name, rest in _entries(text):
        try:
            key = (
                bytes.fromhex(_digits(rest.removeprefix(_DER)))
                if rest.startswith(_DER)
                else distinguished_name(rest)
            )
        except ValueError:
            raise ValueError(
                f"line {number}: there is no subject such as CN=alice,O=Example or der:30..."
            ) from None
        found.setdefault(key, []).append(name)
    return found


def _digits(text: str) -> str:
    return text.replace(":", "").lower()
