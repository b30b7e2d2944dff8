"""Logins by Twisted Cred: credentials, checkers, and the realm that hands out folders."""

from __future__ import annotations

from ftptls.cred.credentials import CertificateAndPassword, NameAndPassword, X509Credentials
from ftptls.cred.realm import LocalRealm, user_name
from ftptls.cred.strings import accept_octets, make_checker

__all__ = [
    "CertificateAndPassword",
    "LocalRealm",
    "NameAndPassword",
    "X509Credentials",
    "accept_octets",
    "make_checker",
    "user_name",
]
