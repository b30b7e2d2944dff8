"""What can be stored, and what to say of the rest."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from ftptls.cred import names
from ftptls.cred.fields import field
from ftptls.cred.mappers import distinguished_name
from ftptls.cred.passwords import HashError, check_hash
from ftptls.settings.rights import Rights
from ftptls.store.records import CERTIFICATE, KEY, Certificate, Group, StoreError, Terms, User

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME: Final = 255  # characters; those of a folder
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
        _check_certificate(each)
    if len({(each.kind, each.value) for each in user.certificates}) != len(user.certificates):
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
    why = _name_objection(text)
    if why:
        raise StoreError(f"{text!r} cannot be a name: {why}.")
    return text


def is_name(text: str) -> bool:
    """Whether it can be the name of a user or a group."""
    return not _name_objection(text)


def _name_objection(text: str) -> str:
    if len(text) > _LONGEST_NAME:
        return f"it has more than {_LONGEST_NAME} characters"
    return names.objection(text) or ("" if text == text.strip() else "a blank is at an end of it")


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
    if terms.rights == ():
        raise StoreError("The rights are an empty list; write full or nothing.")
    for line in terms.rights or ():
        _check_text("the rights", line)
    try:
        Rights(terms.rights or ())
    except ValueError as error:
        raise StoreError(f"The rights cannot be used: {str(error).rstrip('.')}.") from None
    for name in ("valid_from", "valid_until"):
        value = getattr(terms, name)
        if value is not None and value.tzinfo is None:
            raise StoreError(f"{name} has no time zone; write one such as 2030-01-31T12:00:00Z.")
    if terms.valid_from and terms.valid_until and terms.valid_from >= terms.valid_until:
        raise StoreError("valid_until is not later than valid_from.")
    _check_text("the notes", terms.notes)


def _check_certificate(certificate: Certificate) -> None:
    value, kind = certificate.value, certificate.kind
    _check_text("the notes", certificate.notes)
    if kind in (CERTIFICATE, KEY):
        if parse_fingerprint(value) != value:
            raise StoreError("Fingerprints are kept as 64 lower-case hexadecimal digits.")
        return
    try:
        field(kind)
        if kind.lower() == "dn":
            distinguished_name(value)
    except ValueError as error:
        raise StoreError(f"{error}; or write certificate or key.") from None
    why = names.flaw(value)
    if why:
        raise StoreError(f"The {kind} of a certificate cannot be {value!r}: {why}.")


def _check_text(what: str, text: str) -> None:
    """What a database cannot keep: a NUL, and half of a character."""
    if "\0" in text or any(0xD800 <= ord(sign) < 0xE000 for sign in text):
        raise StoreError(f"There is a character in {what} that cannot be kept.")


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise StoreError(
            f"{text!r} is no network; write one such as 10.0.0.0/8 or 2001:db8::/32."
        ) from None


def _check_home(home: str | None) -> None:
    if home is not None:
        _check_text("home", home)
    if home is not None and not home.startswith("/"):
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
