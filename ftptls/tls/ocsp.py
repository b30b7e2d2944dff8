"""OCSP (RFC 6960): the question about one certificate, and all that makes an answer good.

Nothing here waits or connects; :mod:`ftptls.tls.responder` does.
"""

from __future__ import annotations

import datetime
import enum
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

# How far a responder's clock may be ahead of ours.
_SKEW = datetime.timedelta(minutes=5)
_NONCE_SIZE = 16
# RFC 5019 §2.1.1: the hash that every responder knows; nothing rests on its strength.
_CERT_ID_HASH = hashes.SHA1()  # noqa: S303


class OCSPError(Exception):
    """There is no answer that counts; the text is the cause in words."""


class ExpiredError(OCSPError):
    """The answer counted once."""


class Standing(enum.Enum):
    """What a responder says of a certificate (RFC 6960 §2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


_STANDINGS = {
    ocsp.OCSPCertStatus.GOOD: Standing.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Standing.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Standing.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A responder's answer, with its signature and its times verified.

    Attributes:
        standing: What it says of the certificate.
        detail: When and why it was revoked; empty otherwise.
        this_update: Since when this is known to be right.
        next_update: Until when it counts; ``None`` is for the moment only.
        der: The whole answer as it came, to be stapled.
    """

    standing: Standing
    detail: str
    this_update: datetime.datetime
    next_update: datetime.datetime | None
    der: bytes

    def counts(self, now: datetime.datetime) -> bool:
        """Whether it is still to be used."""
        return self.next_update is not None and now < self.next_update


class Question:
    """The request about one certificate.

    Args:
        certificate: The one in question.
        issuer: Whose key signed it.
        with_nonce: Whether an answer that was made for another request is recognized
            (:rfc:`9654`); answers to be stapled are made for everybody.

    Attributes:
        der: The request, to be sent.
    """

    def __init__(
        self, certificate: x509.Certificate, issuer: x509.Certificate, *, with_nonce: bool = True
    ) -> None:
        self.certificate = certificate
        self.issuer = issuer
        self._nonce = secrets.token_bytes(_NONCE_SIZE) if with_nonce else b""
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, _CERT_ID_HASH)
        if with_nonce:
            builder = builder.add_extension(x509.OCSPNonce(self._nonce), critical=False)
        self.der = builder.build().public_bytes(Encoding.DER)

    def verify(self, der: bytes, now: datetime.datetime) -> Answer:
        """The answer, after everything that RFC 6960 §3.2 wants of one.

        Args:
            der: What the responder sent.
            now: The time.

        Raises:
            OCSPError: It does not count.
        """
        response = _load(der)
        try:
            self._verify_signature(response)
            self._verify_nonce(response)
            single = self._about_us(response)
            _verify_times(single, now)
            standing, detail = _STANDINGS[single.certificate_status], _detail(single)
        except (ValueError, TypeError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
            raise OCSPError(f"the answer cannot be understood: {error}") from None
        return Answer(standing, detail, single.this_update_utc, single.next_update_utc, der)

    def _about_us(self, response: ocsp.OCSPResponse) -> ocsp.OCSPSingleResponse:
        """What it says of this certificate; of several answers, the newest."""
        found = [each for each in response.responses if self._is_ours(each)]
        if not found:
            raise OCSPError("the answer is about another certificate")
        return max(found, key=lambda each: each.this_update_utc)

    def _is_ours(self, single: ocsp.OCSPSingleResponse) -> bool:
        try:
            builder = ocsp.OCSPRequestBuilder().add_certificate(
                self.certificate, self.issuer, single.hash_algorithm
            )
        except (ValueError, UnsupportedAlgorithm):
            return False
        asked = builder.build()
        return (
            single.serial_number == asked.serial_number
            and single.issuer_name_hash == asked.issuer_name_hash
            and single.issuer_key_hash == asked.issuer_key_hash
        )

    def _verify_nonce(self, response: ocsp.OCSPResponse) -> None:
        """One that is there must be ours; many responders leave it out (RFC 6960 §4.4.1)."""
        try:
            nonce = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        except x509.ExtensionNotFound:
            return
        if self._nonce and nonce != self._nonce:
            raise OCSPError("the answer was made for another request (its nonce differs)")

    def _verify_signature(self, response: ocsp.OCSPResponse) -> None:
        for signer in self._signers(response):
            if _is_signed_by(response, signer):
                return
        raise OCSPError("the answer is not signed by the issuer or by a responder of it")

    def _signers(self, response: ocsp.OCSPResponse) -> Iterator[x509.Certificate]:
        """Whose signature is accepted (RFC 6960 §4.2.2.2), if it is who the answer names."""
        if _names(response, self.issuer):
            yield self.issuer
        for each in response.certificates:
            if _names(response, each) and self._is_delegate(each, response.produced_at_utc):
                yield each

    def _is_delegate(self, certificate: x509.Certificate, when: datetime.datetime) -> bool:
        """Whether the issuer let a certificate answer in its place."""
        try:
            certificate.verify_directly_issued_by(self.issuer)
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        valid = (
            certificate.not_valid_before_utc
            <= when + _SKEW
            <= (certificate.not_valid_after_utc + _SKEW)
        )
        return ExtendedKeyUsageOID.OCSP_SIGNING in usage and valid


def responder_of(certificate: x509.Certificate) -> str:
    """The URL at which a certificate may be asked about (RFC 5280 §4.2.2.1); empty without."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, ValueError):
        return ""
    for description in access.value:
        location = description.access_location
        is_ocsp = description.access_method == AuthorityInformationAccessOID.OCSP
        if is_ocsp and isinstance(location, x509.UniformResourceIdentifier):
            return location.value
    return ""


def _load(der: bytes) -> ocsp.OCSPResponse:
    try:
        response = ocsp.load_der_ocsp_response(der)
    except ValueError:
        raise OCSPError("what the responder sent is no OCSP answer") from None
    status = response.response_status
    if status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise OCSPError(f"the responder refuses: {status.name.lower().replace('_', ' ')}")
    return response


def _names(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """Whether the answer says that this certificate's key signed it."""
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return response.responder_key_hash == digest


def _is_signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key = signer.public_key()
    signature, signed = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
            return True
        algorithm = response.signature_hash_algorithm
        if algorithm is None or isinstance(algorithm, hashes.MD5):
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
            return True
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return False


def _verify_times(single: ocsp.OCSPSingleResponse, now: datetime.datetime) -> None:
    """RFC 6960 §4.2.2.1; without nextUpdate, newer answers are to be had at any time."""
    since, until = single.this_update_utc, single.next_update_utc
    if since > now + _SKEW:
        raise OCSPError(f"the answer is of the future, of {_shown(since)}")
    if until is not None and until <= now:
        raise ExpiredError(f"the answer expired at {_shown(until)}")
    if until is None and since < now - _SKEW:
        raise OCSPError(f"the answer is of {_shown(since)}, and there would be newer ones")


def _detail(single: ocsp.OCSPSingleResponse) -> str:
    if single.revocation_time_utc is None:
        return ""
    reason = single.revocation_reason
    why = f", {reason.name.replace('_', ' ')}" if reason is not None else ""
    return f"since {_shown(single.revocation_time_utc)}{why}"


def _shown(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
