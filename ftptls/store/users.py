"""The user store: users and groups in one database.

Calls block; :mod:`ftptls.store.checker` and the realm make them on threads. Nothing is
remembered between two calls, so what one program changes holds for the next login at any
server that uses the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from ftptls.cred.passwords import hash_password
from ftptls.store import checks, database, queries, rows, schema
from ftptls.store.importing import Imported, Line, Progress, import_lines, silent
from ftptls.store.records import CERTIFICATE, Certificate, Group, StoreError, User
from ftptls.vfs.book import Account

_PAGE: Final = 1000


class Users:
    """The users and groups in a database; made by :meth:`open`.

    Its methods may be called from several threads at once. All raise
    :class:`~ftptls.store.records.StoreError` where the database does not answer.

    Args:
        engine: A pool of connections to a database that has the schema.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = database.writing(engine)

    @classmethod
    def open(cls, url: str, *, create: bool = False) -> Self:
        """A user store that is there, or a new one.

        Args:
            url: ``sqlite:/path/to/file``, ``/path/to/file``, or
                ``postgresql://user@host/database``.
            create: Whether a SQLite file is made if there is none, and the tables if there
                are none. A store of an older version is left as it is: see :meth:`upgrade`.

        Raises:
            StoreError: There is no store that can be used.
            MissingExtraError: What is needed is not installed.
        """
        engine = database.find(url, create=create)
        try:
            database.refuse_other_versions(engine, create=create)
        finally:
            engine.dispose()  # a daemon forks before it goes on, and none of this survives that
        return cls(engine)

    @staticmethod
    def upgrade(url: str) -> None:
        """Bring a store of an older version up to date; harmless when repeated.

        Raises:
            StoreError: It cannot be done; the store is as it was.
        """
        engine = database.find(url, create=False)
        try:
            database.upgrade(engine)
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close every connection to the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # users

    def get(self, name: str) -> User:
        """A user as he is stored.

        Raises:
            UnknownNameError: There is none.
        """
        with self._reading() as connection:
            return queries.get(connection, name)

    def find(self, name: str) -> User | None:
        """A user with what his groups say, for a login; ``None`` if there is none.

        It takes the same three statements for everybody and for nobody.
        """
        with self._reading() as connection:
            # Some texts that can be no name, a database would refuse to compare.
            return queries.find(connection, name if checks.is_name(name) else "")

    def find_with_decoy(self, name: str, place: int) -> tuple[User | None, str]:
        """The same, and the password hash of somebody, to be verified for nobody's sake.

        Args:
            name: Whose.
            place: A number below 2**62 that chooses somebody.
        """
        with self._reading() as connection:
            user = queries.find(connection, name if checks.is_name(name) else "")
            return user, queries.password_near(connection, place)

    def quotas(self, name: str) -> Sequence[Account]:
        """Whose storage the files of a user count for, his own first, then his groups'.

        Where nothing is said, the limits are ``None``.
        """
        with self._reading() as connection:
            return queries.quotas(connection, name if checks.is_name(name) else "")

    def list(self, after: str = "") -> Iterator[User]:
        """All users by name, in pieces: whoever looks at them keeps nobody waiting.

        Args:
            after: Begin behind this name.
        """
        while True:
            with self._reading() as connection:
                found = queries.page(connection, schema.users, after, _PAGE)
                users = queries.whole(connection, found)
            yield from users
            if len(users) < _PAGE:
                return
            after = users[-1].name

    def count(self) -> int:
        """How many users there are."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(schema.users)).scalar_one()

    def add(self, user: User) -> None:
        """Add a user.

        Raises:
            NameTakenError: There is one of this name.
            UnknownNameError: A group of his is none.
            StoreError: He cannot be stored.
        """
        checks.check_user(user)
        with self._changing() as connection:
            queries.refuse_taken(connection, schema.users, user.name)
            queries.add(connection, [user])

    def edit(self, name: str, /, **changes: Any) -> User:
        """Change fields of a user, all or none; another ``name`` renames him.

        Returns:
            The user as he is stored now.

        Raises:
            UnknownNameError: There is no such user, or no such group.
            NameTakenError: There is a user of the new name.
            StoreError: He cannot be stored so.
        """
        with self._changing() as connection:
            user = replace(queries.get(connection, name), **changes)
            checks.check_user(user)
            queries.put(connection, name, user)
        return user

    def remove(self, name: str) -> None:
        """Remove a user.

        Raises:
            UnknownNameError: There is none.
        """
        with self._changing() as connection:
            gone = connection.execute(delete(schema.users).where(schema.users.c.name == name))
            if gone.rowcount != 1:
                raise queries.unknown("user", name)

    def set_password(self, name: str, password: bytes) -> None:
        """Give a user another password.

        Raises:
            UnknownNameError: There is no such user.
            PasswordError: It cannot be a password.
        """
        self.edit(name, password=hash_password(password))

    def upgrade_password(self, name: str, old: str, new: str) -> None:
        """Store a new hash of the same password, unless the password was changed meanwhile.

        Args:
            name: Whose.
            old: The hash that was verified.
            new: What comes in its place.
        """
        users = schema.users
        mine = (users.c.name == name) & (users.c.password == old)
        with self._writing_to() as connection:
            connection.execute(update(users).where(mine).values(password=new))

    def add_certificate(self, name: str, certificate: Certificate) -> None:
        """Let a certificate stand for a user; one that does already gets the new notes.

        Raises:
            UnknownNameError: There is no such user.
            StoreError: It cannot be stored.
        """
        with self._changing() as connection:
            user = queries.get(connection, name)
            others = (c for c in user.certificates if not _same(c, certificate))
            changed = replace(user, certificates=(*others, certificate))
            checks.check_user(changed)
            queries.put(connection, name, changed)

    def remove_certificate(self, name: str, value: str, kind: str = CERTIFICATE) -> None:
        """Let a certificate stand for a user no more.

        Args:
            name: Whose.
            value: As in :class:`~ftptls.store.records.Certificate`.
            kind: The same.

        Raises:
            UnknownNameError: There is no such user.
            StoreError: It does not stand for him.
        """
        with self._changing() as connection:
            user = queries.get(connection, name)
            gone = Certificate(value, kind)
            others = tuple(each for each in user.certificates if not _same(each, gone))
            if others == user.certificates:
                raise StoreError(f"No such {kind} stands for the user {name!r}.")
            queries.put(connection, name, replace(user, certificates=others))

    def import_many(
        self,
        lines: Iterable[Line],
        *,
        replacing: bool = False,
        keep_good: bool = False,
        progress: Progress = silent,
    ) -> Imported:
        """Add many users.

        Args:
            lines: As :func:`~ftptls.store.importing.read_json` and ``read_csv`` yield them.
            replacing: Whether users who are there are replaced; otherwise they are problems.
            keep_good: Whether what is good is stored although there are problems, some
                thousand in one transaction, with what was stored kept. By default all is
                read first, and then either everything is stored or nothing.
            progress: Called now and then, with the line that was read last, and how many
                users are stored.

        Returns:
            How many there were, and what was wrong, by line.
        """
        return import_lines(
            self._changing, lines, replacing=replacing, keep_good=keep_good, progress=progress
        )

    # groups

    def get_group(self, name: str) -> Group:
        """A group.

        Raises:
            UnknownNameError: There is none.
        """
        with self._reading() as connection:
            return queries.group_named(connection, name)

    def list_groups(self, after: str = "") -> Iterator[Group]:
        """All groups by name.

        Args:
            after: Begin behind this name.
        """
        while True:
            with self._reading() as connection:
                found = queries.page(connection, schema.groups, after, _PAGE)
            groups = [rows.group_of(row) for row in found]
            yield from groups
            if len(groups) < _PAGE:
                return
            after = groups[-1].name

    def add_group(self, group: Group) -> None:
        """Add a group.

        Raises:
            NameTakenError: There is one of this name.
            StoreError: It cannot be stored.
        """
        checks.check_group(group)
        with self._changing() as connection:
            queries.refuse_taken(connection, schema.groups, group.name)
            connection.execute(insert(schema.groups).values(rows.terms_row(group)))

    def edit_group(self, name: str, /, **changes: Any) -> Group:
        """Change fields of a group, all or none; another ``name`` renames it.

        Returns:
            The group as it is stored now.

        Raises:
            UnknownNameError: There is no such group.
            NameTakenError: There is a group of the new name.
            StoreError: It cannot be stored so.
        """
        groups = schema.groups
        with self._changing() as connection:
            group = replace(queries.group_named(connection, name), **changes)
            checks.check_group(group)
            if group.name != name:
                queries.refuse_taken(connection, groups, group.name)
            connection.execute(
                update(groups).where(groups.c.name == name).values(rows.terms_row(group))
            )
        return group

    def remove_group(self, name: str) -> None:
        """Remove a group without members.

        Raises:
            UnknownNameError: There is none.
            StoreError: It has members, who might lose what bars them.
        """
        with self._changing() as connection:
            queries.group_named(connection, name)
            if queries.has_members(connection, name):
                raise StoreError(f"The group {name!r} has members; take them out of it first.")
            connection.execute(delete(schema.groups).where(schema.groups.c.name == name))

    # transactions

    def changes(self) -> int:
        """A number that is another one when users or groups were changed."""
        with self._reading() as connection:
            number: int = connection.execute(select(schema.changes.c.number)).scalar_one()
        return number

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with database.explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing_to(self) -> Iterator[Connection]:
        with database.explained(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that changes what is stored.

        It counts first: PostgreSQL then has others wait for its end, as SQLite does, and
        nothing changes between what is read here and what is written.
        """
        with self._writing_to() as connection:
            queries.count_change(connection)
            yield connection


def _same(one: Certificate, other: Certificate) -> bool:
    return (one.kind, one.value) == (other.kind, other.value)
