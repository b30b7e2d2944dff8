"""Fields of users and groups as flags, which the fields themselves declare, and as lines."""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, get_args, get_type_hints

from ftptls.store.records import Group, StoreError, Terms, User
from ftptls.store.texts import T, from_cells, from_values

# They have commands of their own.
_ELSEWHERE = ("name", "password", "certificates", "enabled")
_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be set with a flag.

    Attributes:
        name: Its name.
        about: What it means, as its dataclass documents it.
        several: Whether it is a list; then the flag may be repeated.
        choices: What it can be, if that is a few words.
        default: What it is when nothing is said.
    """

    name: str
    about: str
    several: bool
    choices: tuple[str, ...]
    default: Any

    @property
    def flag(self) -> str:
        """Its flag."""
        return "--" + self.name.replace("_", "-")


def fields_of(kind: type[User | Group]) -> Iterator[Field]:
    """The fields of a user or a group that have flags."""
    hints, abouts = get_type_hints(kind), {**documented(Terms), **documented(kind)}
    for each in fields(kind):
        if each.name not in _ELSEWHERE:
            types = get_args(hints[each.name]) or (hints[each.name],)
            enums = [t for t in types if isinstance(t, type) and issubclass(t, Enum)]
            yield Field(
                each.name,
                abouts.get(each.name, ""),
                "tuple" in str(hints[each.name]),
                tuple(str(choice.value) for enum in enums for choice in enum),
                None if each.default is MISSING else each.default,
            )


def documented(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says of each attribute, on one line."""
    _, _, text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    found = _ATTRIBUTE.findall(textwrap.dedent(text))
    return {name: re.sub(r"\s+", " ", about).replace("``", "") for name, about in found}


def add_fields(parser: argparse.ArgumentParser, kind: type[User | Group]) -> None:
    """Declare a flag for each field."""
    for each in fields_of(kind):
        about = each.about[:1].lower() + each.about[1:].rstrip(".")
        if each.several:
            about += "; may be repeated"
        parser.add_argument(
            each.flag,
            action="append" if each.several else "store",
            choices=("", *each.choices) if each.choices else None,
            metavar="|".join(each.choices) or _metavar(each.name),
            help=about.replace("%", "%%"),
        )


def changes(chosen: argparse.Namespace, kind: type[T]) -> dict[str, Any]:
    """The fields whose flags were given; an empty text unsays a field.

    Raises:
        StoreError: One does not hold what its field takes.
    """
    said: dict[str, Any] = {}
    for each in fields_of(kind):
        given = getattr(chosen, each.name)
        if given is None:
            continue
        if given in ("", [""]):
            said[each.name] = each.default
        else:
            said[each.name] = _read(kind, each, given)
    return said


def add_rename(parser: argparse.ArgumentParser) -> None:
    """Declare the flag of a new name."""
    parser.add_argument("--rename", metavar="NAME", help="another name")


def edits(chosen: argparse.Namespace, kind: type[T]) -> dict[str, Any]:
    """The same, with a new name; there must be something.

    Raises:
        StoreError: There is nothing, or something does not hold what its field takes.
    """
    said = changes(chosen, kind)
    if chosen.rename is not None:
        said["name"] = chosen.rename
    if not said:
        raise StoreError("There is nothing to change; --help lists the flags of all fields.")
    return said


def told(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields and what they hold, the name first, a pair for each line, without the password."""
    for key, value in {"name": values["name"], **values}.items():
        if key == "certificates":
            for each in value:
                notes = f"  ({each['notes']})" if "notes" in each else ""
                yield key, f"{each['kind']}:{each['value']}{notes}"
        elif key != "password":
            yield key, "; ".join(value) if isinstance(value, list) else yes_or_no(value)


def yes_or_no(value: Any) -> str:
    """A truth as a word; anything else as its text."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _read(kind: type[T], field: Field, given: Any) -> Any:
    try:
        values = {field.name: given} if field.several else from_cells({field.name: given})
        return getattr(from_values(kind, {"name": "-", **values}), field.name)
    except StoreError as error:
        raise StoreError(f"{field.flag}: {error}") from None


def _metavar(name: str) -> str:
    return name.rpartition("_")[2].upper()
