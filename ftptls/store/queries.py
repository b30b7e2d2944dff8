"""The statements of the user store, on a connection whose transaction is the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from ftptls.store import rows, schema
from ftptls.store.records import Certificate, Group, NameTakenError, UnknownNameError, User, inherit
from ftptls.vfs.book import Account

_users, _groups = schema.users, schema.groups
_certificates, _memberships = schema.certificates, schema.memberships

_Row = Mapping[Any, Any]
_groups_of_user = (
    select(_groups)
    .select_from(_users.join(_memberships).join(_groups))
    .order_by(_memberships.c.place)
)


def get(connection: Connection, name: str) -> User:
    """A user as he is stored.

    Raises:
        UnknownNameError: There is none.
    """
    statement = select(_users).where(_users.c.name == name)
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise unknown("user", name)
    return whole(connection, [row])[0]


def find(connection: Connection, name: str) -> User | None:
    """A user with what his groups say; the same three statements for everybody and nobody."""
    named = _users.c.name == name
    row = connection.execute(select(_users).where(named)).mappings().first()
    shown = connection.execute(
        select(_certificates).join(_users).where(named).order_by(_certificates.c.id)
    ).mappings()
    certificates = tuple(_certificate(each) for each in shown)
    found = connection.execute(_groups_of_user.where(named)).mappings()
    groups = [rows.group_of(each) for each in found]
    if row is None:
        return None
    user = rows.user_of(row, certificates, tuple(each.name for each in groups))
    return inherit(user, groups)


def quotas(connection: Connection, name: str) -> list[Account]:
    """Whose storage the files of a user count for: his own, and that of each of his groups."""
    accounts = []
    for kind, table, selected in (
        ("user", _users, select(_users)),
        ("group", _groups, _groups_of_user),
    ):
        columns = (table.c.name, table.c.quota_octets, table.c.quota_files)
        statement = selected.with_only_columns(*columns).where(_users.c.name == name)
        for own, octets, files in connection.execute(statement):
            accounts.append(Account(f"{kind}:{own}", octets, files))
    return accounts


def password_near(connection: Connection, place: int) -> str:
    """The password hash of somebody, the same for the same place; empty without users."""
    beyond = select(func.coalesce(func.max(_users.c.id), 0) + 1).scalar_subquery()
    somebody = _users.c.id >= literal(place, BigInteger) % beyond
    statement = select(_users.c.password).where(somebody).order_by(_users.c.id).limit(1)
    return connection.execute(statement).scalar() or ""


def page(connection: Connection, table: Table, after: str, size: int) -> Sequence[_Row]:
    """Rows of users or groups by name, behind a name."""
    statement = select(table).where(table.c.name > after).order_by(table.c.name).limit(size)
    return connection.execute(statement).mappings().all()


def whole(connection: Connection, found: Sequence[_Row]) -> Sequence[User]:
    """Users from their rows: two more statements, however many there are."""
    ids = [row["id"] for row in found]
    of_users = connection.execute(
        select(_certificates)
        .where(_certificates.c.user_id.in_(ids))
        .order_by(_certificates.c.user_id, _certificates.c.id)
    ).mappings()
    by_user = itemgetter("user_id")
    certificates = {
        key: tuple(_certificate(each) for each in some) for key, some in groupby(of_users, by_user)
    }
    memberships = connection.execute(
        select(_memberships.c.user_id, _groups.c.name)
        .join(_groups)
        .where(_memberships.c.user_id.in_(ids))
        .order_by(_memberships.c.user_id, _memberships.c.place)
    ).mappings()
    groups = {
        key: tuple(each["name"] for each in some) for key, some in groupby(memberships, by_user)
    }
    return [
        rows.user_of(row, certificates.get(row["id"], ()), groups.get(row["id"], ()))
        for row in found
    ]


def add(connection: Connection, users: Sequence[User]) -> None:
    """Add users whose names are free, with a few statements for all of them.

    Raises:
        UnknownNameError: A group is none.
    """
    if not users:
        return
    connection.execute(insert(_users), [rows.terms_row(user) for user in users])
    ids = _ids(connection, _users, (user.name for user in users))
    _attach(connection, [(ids[user.name], user) for user in users])


def put(connection: Connection, name: str, user: User) -> None:
    """Replace a user, who may get another name.

    Raises:
        UnknownNameError: There is no such user, or no such group.
        NameTakenError: There is a user of the new name.
    """
    key = _ids(connection, _users, [name]).get(name)
    if key is None:
        raise unknown("user", name)
    if user.name != name:
        refuse_taken(connection, _users, user.name)
    _replace(connection, [(key, user)])


def put_all(connection: Connection, users: Sequence[User]) -> None:
    """Replace users who are there, with a few statements for all of them.

    Raises:
        UnknownNameError: A group is none.
    """
    if users:
        ids = _ids(connection, _users, (user.name for user in users))
        _replace(connection, [(ids[user.name], user) for user in users])


def _replace(connection: Connection, users: Sequence[tuple[int, User]]) -> None:
    statement = update(_users).where(_users.c.id == bindparam("key"))
    connection.execute(statement, [{**rows.terms_row(user), "key": key} for key, user in users])
    keys = [key for key, _ in users]
    connection.execute(delete(_certificates).where(_certificates.c.user_id.in_(keys)))
    connection.execute(delete(_memberships).where(_memberships.c.user_id.in_(keys)))
    _attach(connection, users)


def refuse_taken(connection: Connection, table: Table, name: str) -> None:
    """Raise NameTakenError if there is a user, or a group, of this name."""
    if taken(connection, table, [name]):
        raise name_taken("user" if table is _users else "group", name)


def taken(connection: Connection, table: Table, names: Iterable[str]) -> set[str]:
    """Which of these names there are."""
    return set(_ids(connection, table, names))


def unknown(kind: str, name: str) -> UnknownNameError:
    """What to say of a name that nobody has."""
    return UnknownNameError(f"There is no {kind} {name!r}.")


def name_taken(kind: str, name: str) -> NameTakenError:
    """What to say of a name that somebody has."""
    return NameTakenError(f"There is a {kind} {name!r} already.")


def count_change(connection: Connection) -> None:
    """Tell who watches that users or groups are not what they were."""
    changes = schema.changes
    connection.execute(update(changes).values(number=changes.c.number + 1))


def _attach(connection: Connection, users: Sequence[tuple[int, User]]) -> None:
    """Certificates and memberships of users whose rows are there."""
    names = dict.fromkeys(name for _, user in users for name in user.groups)
    groups = _ids(connection, _groups, names)
    for name in names:
        if name not in groups:
            raise unknown("group", name)
    shown = [
        {"user_id": key, "kind": each.kind, "value": each.value, "notes": each.notes}
        for key, user in users
        for each in user.certificates
    ]
    if shown:
        connection.execute(insert(_certificates), shown)
    places = [
        {"user_id": key, "group_id": groups[name], "place": place}
        for key, user in users
        for place, name in enumerate(user.groups)
    ]
    if places:
        connection.execute(insert(_memberships), places)


def _ids(connection: Connection, table: Table, names: Iterable[str]) -> dict[str, int]:
    found = connection.execute(
        select(table.c.name, table.c.id).where(table.c.name.in_(list(names)))
    )
    return {name: key for name, key in found}  # noqa: C416 - rows are no pairs to mypy


def _certificate(row: _Row) -> Certificate:
    return Certificate(row["value"], row["kind"], row["notes"])


def group_named(connection: Connection, name: str) -> Group:
    """A group.

    Raises:
        UnknownNameError: There is none.
    """
    statement = select(_groups).where(_groups.c.name == name)
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise unknown("group", name)
    return rows.group_of(row)


def has_members(connection: Connection, name: str) -> bool:
    """Whether anybody is in a group."""
    members = select(_memberships.c.user_id).join(_groups).where(_groups.c.name == name).limit(1)
    return connection.execute(members).first() is not None
