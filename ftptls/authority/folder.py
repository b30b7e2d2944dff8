"""An authority's folder: its certificate and key, what it issued, and what it took back.

=============== =================================================================
``ca.pem``      its certificate, for those who are to trust it
``ca.key``      its private key, readable for its owner only, perhaps encrypted
``ca.crl``      the list of revoked certificates, for the server (``[revocation] crls``)
``issued.json`` a record of every certificate
=============== =================================================================
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from ftptls.authority.certificates import (
    KeyKind,
    Pair,
    PrivateKey,
    PublicKey,
    Wanted,
    issue,
    new_authority,
    validity,
)
from ftptls.authority.errors import AuthorityError
from ftptls.authority.files import PUBLIC, alone, write

CERTIFICATE, KEY, CRL, INDEX = "ca.pem", "ca.key", "ca.crl", "issued.json"

REASONS = tuple(
    reason.value
    for reason in x509.ReasonFlags
    # RFC 5280 §5.3.1: the first says nothing, the last is for lists of changes.
    if reason not in (x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl)
)

Passphrase = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was issued.

    Attributes:
        serial: Its serial number, in hexadecimal.
        subject: Whose it is (:rfc:`4514`).
        ends: Until when it is valid, in ISO 8601.
        fingerprint: SHA-256 of it, in hexadecimal.
        revoked: When it was taken back, in ISO 8601; empty if it was not.
        reason: Why, in the words of :rfc:`5280#5.3.1`; empty if nobody said.
    """

    serial: str
    subject: str
    ends: str
    fingerprint: str
    revoked: str = ""
    reason: str = ""


@dataclass(slots=True)
class Index:
    """What ``issued.json`` holds.

    Attributes:
        crl_number: The number of the last list of revoked certificates.
        issued: A record of every certificate, in their order.
    """

    crl_number: int = 0
    issued: list[Issued] = field(default_factory=list)


class AuthorityFolder:
    """An authority on a disk.

    Args:
        path: Its folder.
        passphrase: Asked when the key turns out to be encrypted.

    Raises:
        AuthorityError: There is no authority there, or it is damaged.
    """

    def __init__(self, path: Path, passphrase: Passphrase) -> None:
        self.path = path
        self._passphrase = passphrase
        self.certificate = self._load_certificate()

    @classmethod
    def new(
        cls, path: Path, name: str, kind: KeyKind, days: float, passphrase: bytes, crl_days: float
    ) -> AuthorityFolder:
        """Make an authority, and its first list, which is empty.

        Args:
            path: Its folder; made, for its owner only, when missing.
            name: What it is called.
            kind: The kind of its key.
            days: How long it lasts.
            passphrase: What to encrypt its key with; it is not encrypted if this is empty.
            crl_days: How long its first list lasts.

        Raises:
            AuthorityError: There is one already, or the name cannot be used.
            OSError: The folder cannot be written.
        """
        pair = new_authority(name, kind, days)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(path):
            if (path / CERTIFICATE).exists() or (path / KEY).exists():
                raise AuthorityError(f"there is an authority in {path}; name another folder.")
            write(path / KEY, pair.key_pem(passphrase))
            write(path / CERTIFICATE, pair.certificate_pem, PUBLIC)
        made = cls(path, lambda: passphrase)
        made.list_revoked(crl_days)
        return made

    def issue(self, wanted: Wanted, public: PublicKey, days: float) -> x509.Certificate:
        """Sign a certificate, and keep a record of it.

        Args:
            wanted: What it says.
            public: Whose key it is for.
            days: How long it lasts; no longer than the authority.

        Raises:
            AuthorityError: The authority has expired, or its key cannot be opened.
            OSError: The folder cannot be written.
        """
        pair = self._pair()
        with self._changed() as index:
            made = issue(pair, wanted, public, days)
            index.issued.append(
                Issued(
                    f"{made.serial_number:x}",
                    made.subject.rfc4514_string(),
                    made.not_valid_after_utc.isoformat(),
                    made.fingerprint(hashes.SHA256()).hex(),
                )
            )
        return made

    def issued(self) -> list[Issued]:
        """Every certificate that was issued, the oldest first."""
        return self._index().issued

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether the signature of a certificate is the authority's."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    def revoke(self, serial: str, reason: str, crl_days: float) -> Issued:
        """Take a certificate back, and write a new list.

        Args:
            serial: Its serial number, in hexadecimal.
            reason: One of :data:`REASONS`, or empty.
            crl_days: How long the list lasts.

        Raises:
            AuthorityError: It was not issued here, was taken back before, or the key cannot
                be opened.
            OSError: The folder cannot be written.
        """
        pair = self._pair()
        wanted = serial.lower().replace(":", "").lstrip("0")
        with self._changed() as index:
            serials = [each.serial for each in index.issued]
            if wanted not in serials:
                raise AuthorityError(f"the authority in {self.path} has issued no {wanted}.")
            at = serials.index(wanted)
            before = index.issued[at]
            if before.revoked:
                raise AuthorityError(f"it was revoked before, on {before.revoked[:10]}.")
            now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
            after = replace(before, revoked=now.isoformat(), reason=reason)
            index.issued[at] = after
            # The list first: who is told that it is revoked can rely on it.
            self._write_list(pair, index, crl_days)
        return after

    def list_revoked(self, days: float) -> datetime.datetime:
        """Write a new list of revoked certificates.

        Args:
            days: How long it lasts.

        Returns:
            When it expires; the server then refuses all clients of this authority.

        Raises:
            AuthorityError: The key cannot be opened.
            OSError: The folder cannot be written.
        """
        pair = self._pair()
        with self._changed() as index:
            return self._write_list(pair, index, days)

    def _write_list(self, pair: Pair, index: Index, days: float) -> datetime.datetime:
        index.crl_number += 1
        begins, ends = validity(days)
        public = pair.key.public_key()
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(pair.certificate.subject)
            .last_update(begins)
            .next_update(ends)
            .add_extension(x509.CRLNumber(index.crl_number), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False
            )
        )
        for each in index.issued:
            # One that has expired can leave the list, but a clock may be slow: it stays.
            if each.revoked:
                made = made.add_revoked_certificate(_entry(each))
        signed = made.sign(pair.key, hashes.SHA256())
        write(self.path / CRL, signed.public_bytes(Encoding.PEM), PUBLIC)
        return ends

    @contextmanager
    def _changed(self) -> Iterator[Index]:
        """The index, written when all went well, with nobody else at it."""
        with alone(self.path):
            index = self._index()
            yield index
            text = json.dumps(asdict(index), indent=1)
            write(self.path / INDEX, f"{text}\n".encode())

    def _index(self) -> Index:
        path = self.path / INDEX
        try:
            table = json.loads(path.read_bytes())
            issued = [_record(each) for each in table["issued"]]
            return Index(int(table["crl_number"]), issued)
        except FileNotFoundError:
            return Index()
        except (ValueError, TypeError, KeyError):
            raise AuthorityError(f"{path} is damaged; restore it from a backup.") from None

    def _load_certificate(self) -> x509.Certificate:
        path = self.path / CERTIFICATE
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except FileNotFoundError:
            raise AuthorityError(
                f"there is no authority in {self.path}; make one with 'ftptls ca new'."
            ) from None
        except ValueError:
            raise AuthorityError(f"{path} holds no PEM certificate.") from None

    def _pair(self) -> Pair:
        path = self.path / KEY
        try:
            key = open_key(path.read_bytes(), self._passphrase)
        except FileNotFoundError:
            raise AuthorityError(f"there is no {path}; it is needed to sign.") from None
        except ValueError as error:
            raise AuthorityError(f"cannot use {path}: {error}") from None
        if key.public_key() != self.certificate.public_key():
            raise AuthorityError(f"{path} does not belong to {self.path / CERTIFICATE}.")
        return Pair(key, self.certificate)


def open_key(data: bytes, passphrase: Passphrase) -> PrivateKey:
    """A private key in PEM.

    Args:
        data: What the file holds.
        passphrase: Asked if it is encrypted.

    Raises:
        AuthorityError: It is none, the passphrase is wrong, or it is of a kind that
            certificates are not made for here.
    """
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        try:
            key = load_pem_private_key(data, passphrase())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise AuthorityError("the passphrase does not open it.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise AuthorityError("it holds no private key in PEM.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise AuthorityError("its key is neither RSA nor of an elliptic curve.")
    return key


def _record(table: dict[str, Any]) -> Issued:
    known = {each.name for each in fields(Issued)}
    if not set(table) <= known or not all(isinstance(each, str) for each in table.values()):
        raise ValueError("not a record")
    int(table["serial"], 16)
    return Issued(**table)


def _entry(issued: Issued) -> x509.RevokedCertificate:
    made = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(issued.serial, 16))
        .revocation_date(datetime.datetime.fromisoformat(issued.revoked))
    )
    if issued.reason:
        reason = x509.CRLReason(x509.ReasonFlags(issued.reason))
        made = made.add_extension(cast(x509.ExtensionType, reason), critical=False)
    return made.build()
