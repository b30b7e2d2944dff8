"""What can be stored, and what to say of the rest."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from ftptls.cred.passwords import HashError, check_hash
from ftptls.store.records import LONGEST_NAME, Group, StoreError, Terms, User, is_name

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 2**63 - 1  # what a column holds


def check_user(user: User) -> None:
    """See that a user can be kept.

    Raises:
        StoreError: He cannot.
        MissingExtraError: What can look at his password hash is not installed.
    """
    checked_name(user.name)
    check_terms(user)
    if user.password:
        try:
            check_hash(user.password)
        except HashError as error:
            raise StoreError(f"The stored password would be {error}.") from None
    for each in user.certificates:
        if parse_fingerprint(each.fingerprint) != each.fingerprint:
            raise StoreError("Fingerprints are kept as 64 lower-case hexadecimal digits.")
        _check_notes(each.notes)
    if len({each.fingerprint for each in user.certificates}) != len(user.certificates):
        raise StoreError("A certificate is there twice.")
    if len(set(user.groups)) != len(user.groups):
        raise StoreError("A group is there twice.")


def check_group(group: Group) -> None:
    """See that a group can be kept.

    Raises:
        StoreError: It cannot.
    """
    checked_name(group.name)
    check_terms(group)


def checked_name(text: str) -> str:
    """The name.

    Raises:
        StoreError: It can be nobody's.
    """
    if not is_name(text):
        raise StoreError(
            f"{text!r} cannot be a name: names have 1 to {LONGEST_NAME} characters that can be "
            "shown, and no blank at either end."
        )
    return text


def check_terms(terms: Terms) -> None:
    """See that what is said of a user or a group can be kept.

    Raises:
        StoreError: It cannot.
    """
    for network in terms.networks or ():
        _check_network(network)
    for name in ("quota_octets", "quota_files", "download_rate", "upload_rate"):
        value = getattr(terms, name)
        if value is not None and not 0 <= value <= _LARGEST:
            raise StoreError(f"{name} is {value}; it must be a whole number of at least 0.")
    _check_home(terms.home)
    for name in ("valid_from", "valid_until"):
        value = getattr(terms, name)
        if value is not None and value.tzinfo is None:
            raise StoreError(f"{name} has no time zone; write one such as 2030-01-31T12:00:00Z.")
    if terms.valid_from and terms.valid_until and terms.valid_from >= terms.valid_until:
        raise StoreError("valid_until is not later than valid_from.")
    _check_notes(terms.notes)


def _check_notes(notes: str) -> None:
    if "\0" in notes:
        raise StoreError("Notes cannot hold a NUL.")


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise StoreError(
            f"{text!r} is no network; write one such as 10.0.0.0/8 or 2001:db8::/32."
        ) from None


def _check_home(home: str | None) -> None:
    if home is not None and (not home.startswith("/") or "\0" in home):
        raise StoreError(f"The home {home!r} is no absolute path; begin it with /.")


def parse_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as it is kept.

    Args:
        text: Hexadecimal, in either case, with colons or without.

    Raises:
        StoreError: It is none.
    """
    plain = text.strip().lower().replace(":", "")
    if not _FINGERPRINT.fullmatch(plain):
        raise StoreError(
            f"{text!r} is no SHA-256 fingerprint: write 64 hexadecimal digits, "
            "with or without colons."
        )
    return plain
