"""Between records and rows: lists are lines of text, times whole seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from ftptls.settings import LoginMode, Requirement
from ftptls.store.records import SHARED, Certificate, Group, StoreError, User, as_utc


class _Column(NamedTuple):
    """How one field is kept."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _to_lines(values: tuple[str, ...]) -> str:
    if any("\n" in each or "\0" in each or not each.strip() for each in values):
        raise StoreError("Lines of rights and networks are not empty, and hold no line end.")
    return "\n".join(values)


def _from_lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()


def _to_seconds(value: datetime) -> int:
    return int(value.timestamp())


_CONVERTED: Final[Mapping[str, _Column]] = {
    "login": _Column(lambda value: value.value, LoginMode),
    "login_protection": _Column(lambda value: value.value, Requirement),
    "data_protection": _Column(lambda value: value.value, Requirement),
    "rights": _Column(_to_lines, _from_lines),
    "networks": _Column(_to_lines, _from_lines),
    "valid_from": _Column(_to_seconds, as_utc),
    "valid_until": _Column(_to_seconds, as_utc),
}


def terms_row(terms: User | Group) -> dict[str, Any]:
    """The columns of a user's or group's own table.

    Raises:
        StoreError: A line of a list cannot be kept.
    """
    row: dict[str, Any] = {"name": terms.name}
    for name in SHARED:
        value = getattr(terms, name)
        column = _CONVERTED.get(name)
        row[name] = value if value is None or column is None else column.write(value)
    if isinstance(terms, User):
        row["password"] = terms.password
    return row


def _terms(row: Mapping[Any, Any]) -> dict[str, Any]:
    said = {}
    for name in SHARED:
        value, column = row[name], _CONVERTED.get(name)
        said[name] = value if value is None or column is None else column.read(value)
    return said


def user_of(
    row: Mapping[Any, Any], certificates: tuple[Certificate, ...], groups: tuple[str, ...]
) -> User:
    """A user from his row, and what belongs to it."""
    return User(
        name=row["name"],
        password=row["password"],
        certificates=certificates,
        groups=groups,
        **_terms(row),
    )


def group_of(row: Mapping[Any, Any]) -> Group:
    """A group from its row."""
    return Group(name=row["name"], **_terms(row))
