"""Many users at once, from lines of JSON or from CSV."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from ftptls.cred.passwords import PasswordError, hash_password
from ftptls.store import checks, queries, schema
from ftptls.store.records import StoreError, User
from ftptls.store.texts import PLAIN, from_cells, from_values

BATCH: Final = 2000
"""Users in one transaction, where what is good is kept although something else is not."""
_TOGETHER: Final = 64  # lines whose passwords are hashed side by side

Progress = Callable[[int, int], object]
"""Called now and then with the number of the line that was read last, and users stored."""


def silent(read: int, stored: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of a file says.

    Attributes:
        number: Where it begins, from 1.
        user: Who is to be imported; ``None`` if it is nobody.
        plain: A password that is still to be hashed; ``None`` without one.
        problem: Why it is nobody, as a sentence; empty if it is somebody.
    """

    number: int
    user: User | None = None
    plain: bytes | None = field(default=None, repr=False)
    problem: str = ""


@dataclass(slots=True)
class Imported:
    """What came of an import.

    Attributes:
        added: How many users are new.
        replaced: How many were there, and are now as the file says.
        problems: Line numbers, each with a sentence. Unless what is good was to be kept,
            there is nothing imported where there is one of these.
    """

    added: int = 0
    replaced: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_json(lines: Iterable[str]) -> Iterator[Line]:
    """Users from lines of JSON, one object on each; empty lines say nothing."""
    for number, text in enumerate(lines, 1):
        if text.strip():
            yield _line(number, _from_json, text)


def read_csv(lines: Iterable[str]) -> Iterator[Line]:
    """Users from CSV; the first line names the columns."""
    reader = csv.reader(lines, strict=True)
    columns: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, problem=f"This is no CSV: {error}.")
            continue
        if not columns:
            columns = [each.strip() for each in cells]
        elif len(cells) > len(columns):
            yield Line(number, problem="There are more cells than columns.")
        elif any(cells):
            yield _line(number, from_cells, dict(zip(columns, cells, strict=False)))


def _from_json(text: str) -> Any:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise StoreError("This is no JSON.") from None
    if not isinstance(values, dict):
        raise StoreError("This is no JSON object, {...}.")
    return values


def _line(number: int, read: Callable[[Any], dict[str, Any]], what: Any) -> Line:
    try:
        values = read(what)
        plain = values.pop(PLAIN, None)
        if plain is not None and (not isinstance(plain, str) or "password" in values):
            raise StoreError(f"{PLAIN} must be text, and the only password.")
        user = from_values(User, values)
        checks.check_user(user)
    except StoreError as error:
        return Line(number, problem=str(error))
    return Line(number, user, None if plain is None else plain.encode("utf-8", "surrogatepass"))


def import_lines(
    transaction: Callable[[], AbstractContextManager[Connection]],
    lines: Iterable[Line],
    *,
    replacing: bool = False,
    keep_good: bool = False,
    progress: Progress = silent,
) -> Imported:
    """See :meth:`ftptls.store.users.Users.import_many`."""
    found = Imported()
    good = _good(lines, found, progress)
    if keep_good:
        while batch := list(islice(good, BATCH)):
            with transaction() as connection:
                _store(connection, batch, found, replacing)
            progress(batch[-1].number, found.added + found.replaced)
        return found
    everybody = list(good)
    try:
        with transaction() as connection:
            for start in range(0, len(everybody), BATCH):
                _store(connection, everybody[start : start + BATCH], found, replacing)
                progress(everybody[-1].number, found.added + found.replaced)
            if found.problems:
                raise _UndoneError
    except _UndoneError:
        found.added = found.replaced = 0
    return found


class _UndoneError(Exception):
    """Ends a transaction without a trace."""


def _good(lines: Iterable[Line], found: Imported, progress: Progress) -> Iterator[Line]:
    """The lines with somebody, each name once; what is wrong with the others is kept."""
    names: set[str] = set()
    for count, line in enumerate(_hashed(lines), 1):
        if count % BATCH == 0 or line.plain is not None:
            progress(line.number, found.added + found.replaced)
        problem = line.problem
        if line.user is not None and line.user.name in names:
            problem = f"{line.user.name!r} is there twice."
        if problem:
            found.problems.append((line.number, problem))
        elif line.user is not None:
            names.add(line.user.name)
            yield line


def _hashed(lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines, plain passwords hashed: several at once, for each takes a processor long."""
    rest = iter(lines)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while some := list(islice(rest, _TOGETHER)):
            plain = any(line.plain is not None for line in some)
            yield from threads.map(_hash, some) if plain else some


def _hash(line: Line) -> Line:
    if line.user is None or line.plain is None:
        return line
    try:
        return replace(line, user=replace(line.user, password=hash_password(line.plain)))
    except PasswordError as error:
        return replace(line, problem=f"It is refused: {error}.")


def _store(connection: Connection, batch: Sequence[Line], found: Imported, replacing: bool) -> None:
    users = [line.user for line in batch if line.user is not None]
    there = queries.taken(connection, schema.users, (user.name for user in users))
    wanted = {name for user in users for name in user.groups}
    groups = queries.taken(connection, schema.groups, wanted)
    new, old = [], []
    for line in batch:
        user = line.user
        if user is None:
            continue
        missing = [name for name in user.groups if name not in groups]
        if missing:
            found.problems.append((line.number, str(queries.unknown("group", missing[0]))))
        elif user.name not in there:
            new.append(user)
        elif replacing:
            old.append(user)
        else:
            found.problems.append((line.number, str(queries.name_taken("user", user.name))))
    queries.add(connection, new)
    queries.put_all(connection, old)
    found.added += len(new)
    found.replaced += len(old)
