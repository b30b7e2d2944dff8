"""What a certificate says about its holder, field by field, as texts that can be trusted.

Who signed the certificate vouches for what is in it, and not for its form. A field that is
damaged, is there twice where one is due, or holds what :mod:`ftptls.cred.names` objects to
is refused as a whole; other fields are not affected by it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ftptls.authority import describing
from ftptls.cred import names

_UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_DOTTED = re.compile(r"[0-2](\.\d+)+", re.ASCII)
_UTF8_STRING = 0x0C

Texts = Callable[[x509.Certificate], tuple[str, ...]]
"""The texts of one field of a certificate; none if it has no such field.

Raises :class:`UnusableError`.
"""


class UnusableError(ValueError):
    """A field of a certificate that no name can be taken from; says why, for the log."""


def field(name: str) -> Texts:
    """The reader of a field.

    Args:
        name: A key of :data:`FIELDS`, in any case, or a dotted OID of a subject attribute.

    Raises:
        ValueError: There is no such field.
    """
    known = FIELDS.get(name.lower())
    if known is not None:
        return known
    if _DOTTED.fullmatch(name):
        try:
            return partial(_attribute, x509.ObjectIdentifier(name), name)
        except ValueError:
            pass
    raise ValueError(
        f"{name!r} is no field of a certificate: there are {', '.join(FIELDS)}, and attributes "
        "by their OIDs, such as 2.5.4.12"
    )


def subject(certificate: x509.Certificate) -> x509.Name:
    """The subject.

    Raises:
        UnusableError: It is empty or damaged.
    """
    try:
        found = certificate.subject
    except (ValueError, TypeError):  # the latter where a text is a BIT STRING
        raise UnusableError("the subject is damaged") from None
    if not list(found):
        raise UnusableError("the subject is empty")
    return found


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the whole certificate, in DER."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def key_fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the public key (SubjectPublicKeyInfo in DER, as in RFC 7469 §2.4).

    Raises:
        UnusableError: The key is of an unknown kind.
    """
    digits = describing.key_fingerprint(certificate)
    if not digits:
        raise UnusableError("the public key is of an unknown kind")
    return bytes.fromhex(digits)


def _distinguished_name(certificate: x509.Certificate) -> tuple[str, ...]:
    """All of the subject (RFC 4514); its attributes may be there several times, such as OU."""
    found = subject(certificate)
    _sound("dn", [attribute.value for attribute in found], names.flaw)
    return (found.rfc4514_string(),)


def _attribute(
    oid: x509.ObjectIdentifier, shown: str, certificate: x509.Certificate
) -> tuple[str, ...]:
    """The one attribute of a kind in the subject; two could be meant for two readers."""
    found = subject(certificate).get_attributes_for_oid(oid)
    if len(found) > 1:
        raise UnusableError(f"there is more than one {shown}")
    return _sound(shown, [each.value for each in found])


def _alternatives(
    kind: type[x509.GeneralName], shown: str, certificate: x509.Certificate
) -> tuple[str, ...]:
    return _sound(shown, [each.value for each in _alternative_names(certificate, kind)])


def _principals(certificate: x509.Certificate) -> tuple[str, ...]:
    """User principal names, as Microsoft's certificates for smart cards have them."""
    others = _alternative_names(certificate, x509.OtherName)
    return _sound("upn", [_utf8_string(each.value) for each in others if each.type_id == _UPN])


def _alternative_names(certificate: x509.Certificate, kind: type[x509.GeneralName]) -> list[Any]:
    """The entries of one kind in the subject alternative name (RFC 5280 §4.2.1.6)."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise UnusableError("the subject alternative name is damaged") from None
    return [each for each in extension.value if isinstance(each, kind)]


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String (X.690 §8.23) that is nothing else."""
    length, start = (der[1], 2) if len(der) > 1 else (0, 0)
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start])
    if der[:1] != bytes([_UTF8_STRING]) or len(der) != start + length:
        raise UnusableError("the user principal name is no UTF8String")
    try:
        return der[start:].decode()
    except UnicodeDecodeError:
        raise UnusableError("the user principal name is not in UTF-8") from None


def _sound(
    shown: str,
    texts: Iterable[str | bytes],
    objection: Callable[[str], str] = names.objection,
) -> tuple[str, ...]:
    found = []
    for text in texts:
        if not isinstance(text, str):
            raise UnusableError(f"{shown}: it is no text")
        why = objection(text)
        if why:
            raise UnusableError(f"{shown}: {why}")
        found.append(text)
    return tuple(found)


FIELDS: Mapping[str, Texts] = {
    "dn": _distinguished_name,
    "cn": partial(_attribute, NameOID.COMMON_NAME, "cn"),
    "uid": partial(_attribute, NameOID.USER_ID, "uid"),
    "emailaddress": partial(_attribute, NameOID.EMAIL_ADDRESS, "emailAddress"),
    "serialnumber": partial(_attribute, NameOID.SERIAL_NUMBER, "serialNumber"),
    "email": partial(_alternatives, x509.RFC822Name, "email"),
    "uri": partial(_alternatives, x509.UniformResourceIdentifier, "uri"),
    "dns": partial(_alternatives, x509.DNSName, "dns"),
    "upn": _principals,
}
"""Every field by its name: the subject, five of its attributes, and alternative names."""
