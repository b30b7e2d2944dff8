"""From a TOML file and command-line flags to :class:`ftptls.settings.Settings`.

Nothing here knows any one setting: types, defaults, flags and what is accepted are
read from the dataclasses. Every error is one sentence that names the place, the key,
the value and what is accepted.
"""

from __future__ import annotations

import difflib
import enum
import functools
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ftptls.settings import About, Hook, Host, OwnListener, PortRange, Rule, Settings
from ftptls.vfs.objects.opening import is_store_url

T = TypeVar("T", Rule, Host, OwnListener, Hook)


class ConfigError(ValueError):
    """A configuration that cannot be used; the text is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as the file, the flags and the reference page see it.

    Attributes:
        section: Its TOML table; empty at the top level.
        name: Its key in that table.
        type: Its annotation.
        default: Its value without configuration.
        about: Flag, help and bounds.
    """

    section: str
    name: str
    type: Any
    default: Any
    about: About

    @property
    def key(self) -> str:
        """The dotted name, such as ``policy.data_protection``."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def shown_default(self) -> str:
        """The default, as one writes it in the file."""
        return _shown(self.default)

    @property
    def repeats(self) -> bool:
        """Whether it holds several values, and its flag may be repeated."""
        return bool(self.type == tuple[str, ...])

    @property
    def accepts(self) -> str:
        """What is accepted, in words."""
        if self.about.accepts:
            return self.about.accepts
        if isinstance(self.type, type) and issubclass(self.type, enum.Enum):
            return " or ".join(_shown(choice.value) for choice in self.type)
        words = {
            str: "text in quotes",
            bool: "true or false",
            int: f"a whole number of at least {self.about.minimum}",
            float: f"a number of at least {self.about.minimum:g}",
            PortRange: 'two ports of 1 to 65535, the lower one first, such as "50000-50100"; '
            'or "0-0"',
        }
        return words.get(self.type, "a list of texts in quotes")


@functools.cache
def options() -> dict[str, Option]:
    """Every setting by its dotted key, in the order of the dataclasses."""
    return {option.key: option for option in _walk(Settings(), "")}


@functools.cache
def rule_options() -> dict[str, Option]:
    """What selects whom a table of ``[[rules]]`` is for, by its key."""
    return _table_options(Rule, "rules")


@functools.cache
def host_options() -> dict[str, Option]:
    """What a table of ``[[hosts]]`` holds, by its key."""
    return _table_options(Host, "hosts")


@functools.cache
def listener_options() -> dict[str, Option]:
    """What a table of ``[[listeners]]`` holds besides sections, by its key."""
    return _table_options(OwnListener, "listeners")


@functools.cache
def hook_options() -> dict[str, Option]:
    """What a table of ``[[hooks]]`` holds, by its key."""
    return _table_options(Hook, "hooks")


def _table_options(kind: type[Rule | Host | OwnListener | Hook], name: str) -> dict[str, Option]:
    hints = get_type_hints(kind)
    return {
        entry.name: Option(
            name, entry.name, hints[entry.name], entry.default, entry.metadata["about"]
        )
        for entry in fields(kind)
        if "about" in entry.metadata
    }


def _walk(holder: Any, section: str) -> Iterator[Option]:
    hints = get_type_hints(type(holder))
    for entry in fields(holder):
        default = getattr(holder, entry.name)
        if is_dataclass(hints[entry.name]) and hints[entry.name] is not PortRange:
            yield from _walk(default, entry.name)
        elif "about" in entry.metadata:  # another field is for programs, not for the file
            about = entry.metadata["about"]
            yield Option(section, entry.name, hints[entry.name], default, about)


def load(path: str | os.PathLike[str], over: Settings | None = None) -> Settings:
    """Read a TOML file.

    Args:
        path: The file. Relative paths in it start at its folder.
        over: Where settings that the file does not mention come from; the defaults without.

    Raises:
        ConfigError: The file cannot be read, or says what is not accepted.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"Cannot read {name}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is no TOML file: it is not in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is no TOML file: {str(error).rstrip('.')}.") from None
    settings = over or Settings()
    settings = replace(
        settings,
        rules=(*settings.rules, *_tables(table, name, "rules", rule_options(), Rule)),
        listeners=(
            *settings.listeners,
            *_tables(table, name, "listeners", listener_options(), OwnListener),
        ),
        hosts=(*settings.hosts, *_tables(table, name, "hosts", host_options(), Host)),
        hooks=(*settings.hooks, *_tables(table, name, "hooks", hook_options(), Hook)),
    )
    values = {}
    for option, value in _flatten(table, name):
        value = _from_toml(option, value, f"{name}: {option.key}")
        values[option] = anchored(option, value, Path(name).absolute().parent)
    return override(settings, values)


def _tables(
    table: dict[str, Any], name: str, key: str, known: Mapping[str, Option], kind: type[T]
) -> Iterator[T]:
    """Take a list of tables, unlike the others, out of the file's table: ``[[rules]]``."""
    tables = table.pop(key, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ConfigError(f"{name}: {key} is {_shown(tables)}; it must be tables, [[{key}]].")
    for at, each in enumerate(tables):
        where = f"{name}: {key}[{at}]"
        try:
            yield kind(**_table(each, where, known, kind, Path(name).absolute().parent))
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(f"{where}: {error}.") from None


def _table(
    table: Mapping[str, Any], where: str, known: Mapping[str, Option], kind: type, folder: Path
) -> dict[str, Any]:
    """The fields of one; a field that is no setting holds settings of the section it names."""
    sections = [each.name for each in fields(kind) if each.name not in known]
    elsewhere: Mapping[str, str] = getattr(kind, "ELSEWHERE", {})
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in known:
            read = _from_toml(known[key], value, f"{where}.{key}")
            values[key] = anchored(known[key], read, folder)
        elif key in sections:
            values[key] = _changes(key, value, where, folder)
        elif key in elsewhere:
            raise ConfigError(f"{where}.{key} {elsewhere[key]}.")
        else:
            there = ", ".join([*known, *sections])
            raise ConfigError(f"{where}.{key} is no setting; there are {there}.")
    return values


def _changes(section: str, table: Any, where: str, folder: Path) -> dict[str, Any]:
    """Settings of a section that a table changes for some."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}.{section} is {_shown(table)}; it must be a table.")
    values = {}
    for key, value in table.items():
        option = _known(f"{section}.{key}", where)
        read = _from_toml(option, value, f"{where}.{section}.{key}")
        values[option.name] = anchored(option, read, folder)
    return values


def _flatten(table: Mapping[str, Any], name: str) -> Iterator[tuple[Option, Any]]:
    known = options()
    sections = {option.section for option in known.values()} - {""}
    for key, value in table.items():
        if key not in sections:
            yield _known(key, name), value
        elif isinstance(value, dict):
            for inner, item in value.items():
                yield _known(f"{key}.{inner}", name), item
        else:
            raise ConfigError(f"{name}: {key} is {_shown(value)}; it must be a table, [{key}].")


def _known(key: str, name: str) -> Option:
    known = options()
    if key in known:
        return known[key]
    # A key in the wrong table is as frequent as a misspelt one.
    section, _, last = key.rpartition(".")
    near = [other for other, option in known.items() if option.name == last]
    alike = difflib.get_close_matches(last, [option.name for option in known.values()], n=2)
    near = near or [other for other, option in known.items() if option.name in alike]
    if near:
        raise ConfigError(f"{name}: {key} is no setting; did you mean {' or '.join(near)}?")
    there = [option.name for option in known.values() if section and option.section == section]
    there = there or list(dict.fromkeys(o.section or o.name for o in known.values()))
    raise ConfigError(f"{name}: {key} is no setting; there are {', '.join(there)}.")


def from_flag(option: Option, text: str) -> Any:
    """The value that a flag's text stands for; for one that repeats, of one occurrence.

    Raises:
        ConfigError: It is not accepted.
    """
    where = f"--{option.about.flag}"
    if option.repeats:
        return _checked(option, text, where)
    if option.type not in (int, float):
        return _from_toml(option, text, where)
    try:
        return _from_toml(option, option.type(text), where)
    except ValueError as error:
        raise _refusal(option, text, where) from error


def override(settings: Settings, values: Mapping[Option, Any]) -> Settings:
    """``settings`` with other values for some options."""
    sections: dict[str, dict[str, Any]] = {}
    for option, value in values.items():
        sections.setdefault(option.section, {})[option.name] = value
    changes = sections.pop("", {})
    for section, inner in sections.items():
        changes[section] = replace(getattr(settings, section), **inner)
    return replace(settings, **changes)


def anchored(option: Option, value: Any, folder: Path) -> Any:
    """A value whose relative paths, if it is of paths, start at a folder."""
    if not option.about.path or not value:
        return value
    if option.repeats:
        return tuple(os.fspath(folder / each) for each in value)
    return value if is_store_url(value) else os.fspath(folder / value)


def _from_toml(option: Option, value: Any, where: str) -> Any:
    kind = option.type
    if option.repeats:
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list):
            raise _refusal(option, value, where)
        return tuple(_checked(option, item, where) for item in value)
    if kind is PortRange:
        return _port_range(option, value, where)
    if issubclass(kind, enum.Enum):
        for choice in kind:
            if value == choice.value and option.about.check(choice):
                return choice
        raise _refusal(option, value, where)
    return _checked(option, value, where)


def _port_range(option: Option, value: Any, where: str) -> PortRange:
    ports = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value))
    if ports is None or isinstance(value, bool):
        raise _refusal(option, value, where)
    try:
        return PortRange(int(ports[1]), int(ports[2] or ports[1]))
    except ValueError:
        raise _refusal(option, value, where) from None


def _checked(option: Option, value: Any, where: str) -> Any:
    """A plain value if its type, bounds and check allow it."""
    kind: Any = str if option.repeats else option.type
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise _refusal(option, value, where)
    if kind in (int, float) and not (math.isfinite(value) and value >= option.about.minimum):
        raise _refusal(option, value, where)
    if not option.about.check(value):
        raise _refusal(option, value, where)
    return kind(value)


def _refusal(option: Option, value: Any, where: str) -> ConfigError:
    is_what = "is not accepted" if option.about.secret else f"is {_shown(value)}"
    return ConfigError(f"{where} {is_what}; it must be {option.accepts}.")


def _shown(value: Any) -> str:
    """A value as TOML writes it, nearly."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, enum.Enum):
        return _shown(value.value)
    if isinstance(value, PortRange):
        return _shown(str(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value)
