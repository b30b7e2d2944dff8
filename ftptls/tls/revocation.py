"""Certificate revocation lists (RFC 5280 §5): from files, into the store that verifies clients.

OpenSSL checks them in each full handshake. With a list loaded, a certificate whose issuer
has none, or an expired one, is refused as a revoked one is: a list that is gone must not
let anybody in.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto
from twisted.logger import Logger

from ftptls.settings import OCSP, Revocation
from ftptls.tls.loading import CertificateError

_log = Logger(namespace="ftptls")

_BLOCK = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True)
class RevocationLists:
    """What was revoked.

    Attributes:
        lists: The lists, each of one issuer.
        whole_chain: Whether the authorities of a chain are looked for in lists, too.
    """

    lists: Sequence[x509.CertificateRevocationList] = ()
    whole_chain: bool = False

    @classmethod
    def of(cls, settings: Revocation) -> RevocationLists:
        """What the settings name, loaded.

        Raises:
            CertificateError: A list cannot be loaded.
        """
        return cls(load_lists(settings.crls), settings.crl_whole_chain)

    def use_in(self, store: crypto.X509Store) -> None:
        """Have a store check them; without any, it checks nothing."""
        if not self.lists:
            return
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
        if self.whole_chain:
            store.set_flags(crypto.X509StoreFlags.CRL_CHECK_ALL)
        for each in self.lists:
            store.add_crl(each)


def load_lists(paths: Sequence[str]) -> list[x509.CertificateRevocationList]:
    """The lists in files, and in all files of folders.

    Raises:
        CertificateError: There is none in one of them, or it cannot be read.
    """
    found: dict[bytes, x509.CertificateRevocationList] = {}
    for path in paths:
        inside = list(_files_of(path)) if os.path.isdir(path) else [path]
        if not inside:
            raise CertificateError(f"There is no CRL in {path}.")
        for file in inside:
            for each in _lists_in(file):
                found[each.public_bytes(Encoding.DER)] = each
    return list(found.values())


def warn_of_old_lists(lists: RevocationLists, now: datetime.datetime | None = None) -> None:
    """Say in the log which lists have expired: all clients of their issuers are refused."""
    now = now or datetime.datetime.now(datetime.UTC)
    for each in lists.lists:
        until = each.next_update_utc
        if until is not None and until < now:
            _log.warn(
                "ftptls: the CRL of {issuer} expired on {until}; clients with certificates "
                "of this issuer are refused until there is a new one.",
                issuer=each.issuer.rfc4514_string(),
                until=f"{until:%Y-%m-%d %H:%M} UTC",
            )


def contradiction(revocation: Revocation, *, asks: bool, has_certificate: bool) -> str:
    """Why the revocation settings cannot do what they say; empty where they can.

    Args:
        revocation: The settings.
        asks: Whether clients are asked for certificates, by any host.
        has_certificate: Whether the server has one.
    """
    remedy = "set client_certificates.mode to optional or required"
    # The first that holds is told.
    reasons = {
        f"revocation.crls is for client certificates, and none are asked for: {remedy}": (
            bool(revocation.crls) and not asks
        ),
        f"revocation.ocsp is for client certificates, and none are asked for: {remedy}": (
            revocation.ocsp is not OCSP.OFF and not asks
        ),
        "revocation.crl_whole_chain needs the lists: name them in revocation.crls": (
            revocation.crl_whole_chain and not revocation.crls
        ),
        "revocation.ocsp_responder is never asked: set revocation.ocsp to soft or hard": (
            bool(revocation.ocsp_responder) and revocation.ocsp is OCSP.OFF
        ),
        "revocation.staple and revocation.staple_file exclude each other: choose one": (
            revocation.staple and bool(revocation.staple_file)
        ),
        "an OCSP answer is stapled to a certificate, and there is none: set tls.certificate": (
            (revocation.staple or bool(revocation.staple_file)) and not has_certificate
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _files_of(folder: str) -> Iterator[str]:
    """Each file once, in the order of names; ``openssl rehash`` adds links to them."""
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_file() and not e.name.startswith("."))
    yield from (os.path.join(folder, name) for name in names)


def _lists_in(path: str) -> list[x509.CertificateRevocationList]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise CertificateError(f"Cannot read {path}: {error.strerror}.") from None
    try:
        if data.startswith(_DER_SEQUENCE):
            return [x509.load_der_x509_crl(data)]
        found = [x509.load_pem_x509_crl(block) for block in _BLOCK.findall(data)]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"The CRL in {path} cannot be used: {error}.") from None
    # One that was written by half must not pass for a shorter one.
    if not found or data.count(b"-----BEGIN X509 CRL-----") != len(found):
        raise CertificateError(
            f"There is no whole CRL in {path}; it needs blocks that begin with "
            "-----BEGIN X509 CRL-----, or one list in DER."
        )
    return found
