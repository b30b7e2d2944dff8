"""Keys and certificates, made with ``cryptography`` alone (:rfc:`5280`).

::

    root = new_authority("Example partners")
    key = new_key()
    pair = Pair(key, issue(root, for_client("bob"), key.public_key()))
"""

from __future__ import annotations

import datetime
import enum
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ftptls.authority.errors import AuthorityError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
T = TypeVar("T", bound=x509.ExtensionType)

_EARLY = datetime.timedelta(hours=1)  # for clocks that are slow
_LONGEST = 64  # characters of a CN (RFC 5280 appendix A.1, ub-common-name)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_MAILBOX = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")


class KeyKind(enum.Enum):
    """Kinds of keys."""

    EC = "ec"
    RSA = "rsa"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key.

    Attributes:
        key: The private key.
        certificate: What was made for it.
    """

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: bytes = b"") -> bytes:
        """The key in PEM, encrypted if there is a password."""
        return key_pem(self.key, password)


@dataclass(frozen=True)
class Wanted:
    """What a certificate is to say.

    Attributes:
        subject: Whose it is.
        names: Other names, in its subjectAltName.
        usages: What it may be used for, as extended key usages.
    """

    subject: x509.Name
    names: tuple[x509.GeneralName, ...]
    usages: tuple[x509.ObjectIdentifier, ...]


def new_key(kind: KeyKind = KeyKind.EC, rsa_bits: int = 3072) -> PrivateKey:
    """A new key: P-256, or RSA."""
    if kind is KeyKind.RSA:
        return rsa.generate_private_key(65537, rsa_bits)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKey, password: bytes = b"") -> bytes:
    """A key in PEM (PKCS#8), encrypted if there is a password."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def pkcs12_of(pair: Pair, issuers: Iterable[x509.Certificate], password: bytes) -> bytes:
    """Certificate, key and issuers as one PKCS#12 file (:rfc:`7292`), encrypted with AES-256."""
    name = common_name(pair.certificate.subject).encode()
    encryption = BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(
        name, pair.key, pair.certificate, list(issuers), encryption
    )


def named(common: str, user: str = "") -> x509.Name:
    """A name that consists of a CN, and perhaps a UID.

    Raises:
        AuthorityError: One is empty, too long or holds what cannot be seen.
    """
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, _seen(common))]
    if user:
        attributes.append(x509.NameAttribute(NameOID.USER_ID, _seen(user)))
    return x509.Name(attributes)


def common_name(name: x509.Name) -> str:
    """The first CN; empty without one."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def general_name(host: str) -> x509.GeneralName:
    """A host's name or numeric address, as a subjectAltName has it.

    Raises:
        AuthorityError: It is neither.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if len(host) > 253 or not _HOST.fullmatch(host):
            raise AuthorityError(
                f"{shown(host)} is no host name or address; write international names as xn--..."
            ) from None
        return x509.DNSName(host)


def for_server(hosts: Iterable[str]) -> Wanted:
    """A server's certificate for some names and addresses; the first one becomes its CN.

    Raises:
        AuthorityError: One is neither a name nor an address, or there are none.
    """
    names = list(dict.fromkeys(hosts))
    if not names:
        raise AuthorityError("a server certificate needs a host name or an address.")
    others = tuple(general_name(name) for name in names)
    # Clients look at the subjectAltName only; a CN has too little room for some names.
    common = names[0] if len(names[0]) <= _LONGEST else "FTP server"
    return Wanted(named(common), others, (ExtendedKeyUsageOID.SERVER_AUTH,))


def for_client(
    name: str, user: str = "", emails: Iterable[str] = (), uris: Iterable[str] = ()
) -> Wanted:
    """A client's certificate.

    Args:
        name: Its CN.
        user: Its UID; none if empty.
        emails: Mailboxes, in ASCII.
        uris: URIs, such as SPIFFE's.

    Raises:
        AuthorityError: One of them cannot be put into a certificate.
    """
    return Wanted(
        named(name, user),
        (*map(_email, emails), *map(_uri, uris)),
        (ExtendedKeyUsageOID.CLIENT_AUTH,),
    )


def same_again(certificate: x509.Certificate) -> Wanted:
    """What a certificate says, for one that takes its place.

    Raises:
        AuthorityError: It is an authority's, or is damaged.
    """
    try:
        found = certificate.extensions
        constraints = _extension(found, x509.BasicConstraints)
        names = _extension(found, x509.SubjectAlternativeName)
        usages = _extension(found, x509.ExtendedKeyUsage)
        subject = certificate.subject
    except ValueError as error:
        raise AuthorityError(f"the certificate is damaged: {error}.") from None
    if constraints is not None and constraints.ca:
        raise AuthorityError("it is an authority's; make a new authority in place of it.")
    return Wanted(subject, tuple(names or ()), tuple(usages or ()))


def new_authority(
    name: str, kind: KeyKind = KeyKind.EC, days: float = 3650, now: datetime.datetime | None = None
) -> Pair:
    """A root that signs certificates for servers and clients, and no other authority's.

    Args:
        name: Its CN.
        kind: The kind of its key.
        days: How long it lasts.
        now: With a time zone; the clock's without.

    Raises:
        AuthorityError: The name cannot be put into a certificate.
    """
    key, subject = new_key(kind), named(name)
    begins, ends = validity(days, now)
    certificate = (
        builder(subject, key.public_key(), begins, ends)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(key, certificate)


def issue(
    issuer: Pair,
    wanted: Wanted,
    public: PublicKey,
    days: float = 397,
    now: datetime.datetime | None = None,
) -> x509.Certificate:
    """Sign a certificate, which ends with its issuer at the latest.

    Args:
        issuer: Who signs.
        wanted: What it says.
        public: Whose key it is for.
        days: How long it lasts.
        now: With a time zone; the clock's without.

    Raises:
        AuthorityError: The issuer has expired.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    begins, ends = validity(days, now)
    above = issuer.certificate
    begins = max(begins, above.not_valid_before_utc)
    ends = min(ends, above.not_valid_after_utc)
    if above.not_valid_after_utc <= now:
        raise AuthorityError("the authority's own certificate has expired; make a new authority.")
    made = (
        _leaf(wanted, public, begins, ends)
        .issuer_name(above.subject)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    return made.sign(issuer.key, hashes.SHA256())


def self_signed(
    hosts: Iterable[str], days: float = 365, now: datetime.datetime | None = None
) -> Pair:
    """A server's certificate that nobody else vouches for.

    It is no authority: who trusts it trusts this one server, and nothing that its key could
    sign.
    """
    key, wanted = new_key(), for_server(hosts)
    made = _leaf(wanted, key.public_key(), *validity(days, now)).issuer_name(wanted.subject)
    return Pair(key, made.sign(key, hashes.SHA256()))


def builder(
    subject: x509.Name, public: PublicKey, begins: datetime.datetime, ends: datetime.datetime
) -> x509.CertificateBuilder:
    """What every certificate begins with; its serial number is random."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def validity(
    days: float, now: datetime.datetime | None = None
) -> tuple[datetime.datetime, datetime.datetime]:
    """From when and until when, a little before now on.

    Raises:
        AuthorityError: The days lead beyond what a certificate can say.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        return now - _EARLY, now + datetime.timedelta(days=days)
    except OverflowError:
        raise AuthorityError(f"{days:g} days lead beyond the year 9999.") from None


def shown(text: str) -> str:
    """A text in quotes, without what could play with a terminal."""
    return "'" + "".join(sign if sign.isprintable() else "?" for sign in text) + "'"


def _leaf(
    wanted: Wanted, public: PublicKey, begins: datetime.datetime, ends: datetime.datetime
) -> x509.CertificateBuilder:
    made = builder(wanted.subject, public, begins, ends)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_key_usage(signs=False), critical=True)
    if wanted.usages:
        made = made.add_extension(x509.ExtendedKeyUsage(wanted.usages), critical=False)
    if wanted.names:
        made = made.add_extension(x509.SubjectAlternativeName(wanted.names), critical=False)
    return made


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """For an authority, or for who shows its certificate in TLS."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _extension(found: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return found.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _seen(text: str) -> str:
    """A name, if it is what it looks like."""
    if not text.strip() or len(text) > _LONGEST or text != text.strip() or not text.isprintable():
        raise AuthorityError(
            f"{shown(text)} is no name: it takes 1 to {_LONGEST} characters that can be seen, "
            "and no blanks around them."
        )
    return text


def _email(text: str) -> x509.GeneralName:
    if not _MAILBOX.fullmatch(text):
        raise AuthorityError(f"{shown(text)} is no e-mail address such as bob@example.com.")
    return x509.RFC822Name(text)


def _uri(text: str) -> x509.GeneralName:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    plain = text.isascii() and text.isprintable() and " " not in text
    if not (plain and parts.scheme and (parts.netloc or parts.path)):
        raise AuthorityError(f"{shown(text)} is no URI such as spiffe://example.com/bob.")
    return x509.UniformResourceIdentifier(text)
