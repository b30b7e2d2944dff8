"""Users and groups as plain values, for JSON, and users as cells, for CSV.

The keys are the names of the fields. What is not said is left out; an empty cell says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TypeVar

from ftptls.settings import LoginMode, Requirement
from ftptls.store.checks import parse_fingerprint
from ftptls.store.records import CERTIFICATE, KEY, Certificate, Group, StoreError, User

T = TypeVar("T", User, Group)

PLAIN: Final = "plain_password"
"""The key of a password that is still to be hashed, instead of ``password``."""

_LISTS: Final = frozenset({"rights", "networks", "groups", "certificates"})
_SEPARATOR: Final = ";"


def as_values(record: User | Group) -> dict[str, Any]:
    """A user or a group as JSON can hold it."""
    found = {each.name: getattr(record, each.name) for each in fields(record)}
    return {key: _plain(value) for key, value in found.items() if value not in (None, (), "")}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Certificate):
        named = {"value": value.value, "kind": value.kind, "notes": value.notes}
        return {key: text for key, text in named.items() if text}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def from_values(kind: type[T], values: Mapping[str, Any]) -> T:
    """A user or a group from what :func:`as_values` made, or somebody wrote.

    Raises:
        StoreError: A key is none, or a value is of the wrong kind.
    """
    known = {each.name for each in fields(kind)}
    for key in values:
        if key not in known:
            raise StoreError(f"{key!r} is no field; there are {', '.join(sorted(known))}.")
    if not values.get("name"):
        raise StoreError("There is no name.")
    read = {key: _read(key, value) for key, value in values.items() if value is not None}
    return kind(**read)


def from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """The values in a line of CSV; in a list, ``;`` comes between two.

    Raises:
        StoreError: A cell does not hold what its column says.
    """
    values: dict[str, Any] = {}
    for key, text in cells.items():
        if not text:
            continue
        if key in _LISTS:
            values[key] = [part.strip() for part in text.split(_SEPARATOR) if part.strip()]
        elif key in _READERS and _READERS[key] in (_whole_number, _truth):
            values[key] = _from_text(key, text)
        else:
            values[key] = text
    return values


def _from_text(key: str, text: str) -> int | bool:
    if _READERS[key] is _truth:
        if text.lower() not in ("true", "false"):
            raise StoreError(f"{key} is {text!r}; it must be true or false.")
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        raise StoreError(f"{key} is {text!r}; it must be a whole number.") from None


def _read(key: str, value: Any) -> Any:
    try:
        return _READERS[key](value)
    except StoreError:
        raise
    except (ValueError, TypeError, KeyError):
        shown = "of no use" if key == "password" else repr(value)
        raise StoreError(f"{key} is {shown}; it must be {_ACCEPTED[_READERS[key]]}.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole_number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(_text(each) for each in value)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


def _mode(value: Any) -> LoginMode:
    return LoginMode(value)


def _requirement(value: Any) -> Requirement:
    return Requirement(value)


def _certificates(value: Any) -> tuple[Certificate, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(_certificate(each) for each in value)


def _certificate(value: Any) -> Certificate:
    """From an object, or a text: a fingerprint, or with its kind before it, ``email:a@b``."""
    if isinstance(value, Mapping):
        found = Certificate(**{key: _text(text) for key, text in value.items()})
    else:
        kind, colon, rest = _text(value).partition(":")
        # A fingerprint has its own colons, behind two digits each; cn and dn are no digits.
        is_kind = colon and not re.fullmatch(r"\s*[0-9a-fA-F]{2}", kind)
        found = Certificate(rest, kind) if is_kind else Certificate(value)
    if found.kind in (CERTIFICATE, KEY):
        return replace(found, value=parse_fingerprint(found.value))
    return found


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _text,
    "password": _text,
    "certificates": _certificates,
    "groups": _texts,
    "login": _mode,
    "home": _text,
    "rights": _texts,
    "quota_octets": _whole_number,
    "quota_files": _whole_number,
    "download_rate": _whole_number,
    "upload_rate": _whole_number,
    "login_protection": _requirement,
    "data_protection": _requirement,
    "networks": _texts,
    "valid_from": _moment,
    "valid_until": _moment,
    "enabled": _truth,
    "notes": _text,
}
_ACCEPTED: Final[Mapping[Callable[[Any], Any], str]] = {
    _text: "text",
    _texts: "a list of texts",
    _whole_number: "a whole number",
    _truth: "true or false",
    _moment: "a time with its zone, such as 2030-01-31T12:00:00Z",
    _mode: "one of " + ", ".join(each.value for each in LoginMode),
    _requirement: "one of " + ", ".join(each.value for each in Requirement),
    _certificates: "a list of fingerprints, or of objects with value, kind and notes",
}
