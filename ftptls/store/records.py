"""Users and groups as the store keeps them, and what follows for a login.

What is ``None`` is not said: then the user's first group that says it counts, and if none
does, the settings of the server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from ftptls.settings import LoginMode, Requirement

CERTIFICATE: Final = "certificate"
KEY: Final = "key"


class StoreError(ValueError):
    """What the user store cannot do; the text is one sentence for the operator."""


class UnknownNameError(StoreError):
    """There is no user, or no group, of this name."""


class NameTakenError(StoreError):
    """There is a user, or a group, of this name already."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Which client certificates stand for a user: one, those with one key, or those that say so.

    Attributes:
        value: What is looked for: a SHA-256 fingerprint in 64 lower-case hexadecimal digits,
            or the text of a field.
        kind: Where it is looked for: ``certificate`` is the fingerprint of the whole one,
            ``key`` that of its public key (SubjectPublicKeyInfo), which outlives a renewal;
            others are fields, as in :data:`ftptls.cred.fields.FIELDS`.
        notes: For people.
    """

    value: str
    kind: str = CERTIFICATE
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What may be said of a user, and of all members of a group alike.

    Attributes:
        login: What proves who it is.
        home: The folder; ``{user}`` in it stands for the name.
        rights: What may be done, by path: a line such as ``/in/** = list write_new``, or
            rights alone, such as ``read_only``.
        quota_octets: How much may be stored, where the server has a ledger of quotas; by all
            members of a group together. 0 is any amount.
        quota_files: How many files may be stored; the same.
        download_rate: Octets a second; 0 is no limit.
        upload_rate: Octets a second; 0 is no limit.
        login_protection: Whether a login takes TLS.
        data_protection: Whether transfers take PROT P.
        networks: Where logins may come from; none at all means from everywhere.
        valid_from: No login before; with a time zone.
        valid_until: No login from then on, and who is logged in is not for long; with a
            time zone.
        enabled: Whether there may be logins at all. A group that is not enabled
            bars all its members, whatever they say themselves.
        notes: For people.
    """

    login: LoginMode | None = None
    home: str | None = None
    rights: tuple[str, ...] | None = None
    quota_octets: int | None = None
    quota_files: int | None = None
    download_rate: int | None = None
    upload_rate: int | None = None
    login_protection: Requirement | None = None
    data_protection: Requirement | None = None
    networks: tuple[str, ...] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    enabled: bool = True
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Terms):
    """What several users have in common.

    Attributes:
        name: Case counts.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Terms):
    """One who may log in.

    Attributes:
        name: As USER gives it. Case counts, and no two spellings are one name.
        password: A hash that :mod:`ftptls.cred.passwords` can verify; empty without one.
        certificates: Those that stand for him.
        groups: Their names; the first one that says something counts.
    """

    name: str
    password: str = field(default="", repr=False)
    certificates: tuple[Certificate, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def policy(self) -> Mapping[str, Any]:
        """The fields of :class:`ftptls.settings.Policy` that differ for him."""
        names = ("login", "login_protection", "data_protection", "download_rate", "upload_rate")
        said = {name: getattr(self, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}

    def objection(self, at: datetime, address: str | None = None) -> str:
        """What stands in the way of a login besides proof of who he is; empty if nothing does.

        Args:
            at: Now, with a time zone.
            address: Where the client is; ``None`` does not ask about that.
        """
        if not self.enabled:
            return "he, or a group of his, is disabled"
        if self.valid_from is not None and at < self.valid_from:
            return "he may log in later only"
        if self.valid_until is not None and at >= self.valid_until:
            return "his time is over"
        if self.networks and address is not None and not _within(address, self.networks):
            return "he is in none of his networks"
        return ""


SHARED: Final = tuple(each.name for each in fields(Terms))
"""What a user and a group both have."""

# A group's quota is for all of its members together, beside those of their own.
_OWN: Final = ("enabled", "notes", "quota_octets", "quota_files")
_INHERITED: Final = tuple(name for name in SHARED if name not in _OWN)


def inherit(user: User, groups: Iterable[Group]) -> User:
    """The user with what he does not say himself from his groups.

    Args:
        user: As he is stored.
        groups: His, in order.
    """
    line = [user, *groups]
    said: dict[str, Any] = {}
    for name in _INHERITED:
        values = (getattr(each, name) for each in line)
        said[name] = next((value for value in values if value is not None), None)
    return replace(user, enabled=all(each.enabled for each in line), **said)


def as_utc(seconds: int | None) -> datetime | None:
    """A time from seconds since the epoch."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _within(address: str, networks: Iterable[str]) -> bool:
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(here in ipaddress.ip_network(network) for network in networks)
