"""Which versions and ciphers a listener speaks: by profile, and by single settings."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from twisted.logger import Logger

from ftptls.settings import TLS, Profile, Version

_log = Logger(namespace="ftptls")

# The first is the cheapest on hardware that has AES; all give forward secrecy.
_CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE+AESGCM:ECDHE+CHACHA20"
_SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
# TLS 1.0 signs with SHA-1, which takes OpenSSL's lowest security level.
_LOWEST = "@SECLEVEL=0"
_OLD_CIPHERS = f"{_CIPHERS}:ECDHE+AES:kRSA+AESGCM:kRSA+AES:!aNULL:!eNULL:{_LOWEST}"

_NUMBERS = {
    Version.TLS_1_0: SSL.TLS1_VERSION,
    Version.TLS_1_1: SSL.TLS1_1_VERSION,
    Version.TLS_1_2: SSL.TLS1_2_VERSION,
    Version.TLS_1_3: SSL.TLS1_3_VERSION,
}


@dataclass(frozen=True, slots=True)
class Protocols:
    """What a listener speaks.

    Attributes:
        minimum: The oldest version, as OpenSSL numbers it.
        maximum: The newest version.
        ciphers: OpenSSL's list for TLS 1.2 and older.
        suites: Names of TLS 1.3 cipher suites, with colons between them.
    """

    minimum: int = SSL.TLS1_2_VERSION
    maximum: int = SSL.TLS1_3_VERSION
    ciphers: str = _CIPHERS
    suites: str = _SUITES

    @classmethod
    def of(cls, tls: TLS) -> Protocols:
        """What the settings say.

        Raises:
            ValueError: With one sentence on what cannot be.
        """
        if tls.fips:
            _demand_fips()
        made = _PROFILES[tls.profile]
        old = tls.profile is Profile.LEGACY
        if tls.minimum_version in (Version.TLS_1_0, Version.TLS_1_1) and not old:
            raise ValueError(
                f"tls.minimum_version {tls.minimum_version.value} is broken and takes "
                'tls.profile = "legacy"; leave it to listeners of their own, for old devices.'
            )
        minimum = _NUMBERS.get(tls.minimum_version, made.minimum)
        maximum = _NUMBERS.get(tls.maximum_version, made.maximum)
        if minimum > maximum:
            raise ValueError(
                f"There is no TLS version between the minimum, {_name(minimum)}, and the "
                f"maximum, {_name(maximum)}; set tls.minimum_version or tls.maximum_version."
            )
        ciphers = f"{tls.ciphers}:{_LOWEST}" if tls.ciphers and old else tls.ciphers
        return cls(minimum, maximum, ciphers or made.ciphers, tls.suites or made.suites)

    def use_in(self, context: SSL.Context) -> None:
        """Set the ciphers of a context.

        Raises:
            ValueError: OpenSSL knows none of them.
        """
        for setting, text, take in (
            ("ciphers", self.ciphers, context.set_cipher_list),
            ("suites", self.suites, context.set_tls13_ciphersuites),
        ):
            try:
                take(text.encode())
            except (SSL.Error, UnicodeError):
                raise ValueError(f"OpenSSL has no cipher of tls.{setting}, {text!r}.") from None

    def bound(self, context: SSL.Context) -> None:
        """Set the versions of a context, which ``set_context`` does not carry."""
        context.set_min_proto_version(self.minimum)
        context.set_max_proto_version(self.maximum)

    def warn(self, where: str) -> None:
        """Say loudly in the log if versions that are broken are spoken.

        Args:
            where: The listener.
        """
        if self.minimum < SSL.TLS1_2_VERSION:
            _log.warn(
                "ftptls: INSECURE: {where} speaks {oldest}, with weak ciphers and SHA-1 "
                '(tls.profile = "legacy"); anybody on the way may read and change what is said.',
                where=where,
                oldest=_name(self.minimum),
            )


_PROFILES = {
    Profile.MODERN: Protocols(minimum=SSL.TLS1_3_VERSION),
    Profile.INTERMEDIATE: Protocols(),
    Profile.LEGACY: Protocols(minimum=SSL.TLS1_VERSION, ciphers=_OLD_CIPHERS),
}


def _name(number: int) -> str:
    return next(f"TLS {version.value}" for version, known in _NUMBERS.items() if known == number)


def _demand_fips() -> None:
    if not fips_is_on():
        raise ValueError(
            "tls.fips is set, and the OpenSSL in use is not in FIPS mode; configure its FIPS "
            "provider (see the how-to on certificates), or take tls.fips out."
        )


def fips_is_on() -> bool:
    """Whether OpenSSL offers approved algorithms only: MD5, for one, is gone then."""
    try:
        hashes.Hash(hashes.MD5())  # noqa: S303 - to see whether there is any
    except UnsupportedAlgorithm:
        return True
    return False
