"""The tables of the user store, the same under SQLite and PostgreSQL.

A database is brought to this schema by :mod:`ftptls.store.migrations` alone; a test compares
the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _terms() -> list[Column[Any]]:
    """The columns of :class:`~ftptls.store.records.Terms`; lists are lines, times are seconds."""
    return [
        Column("login", Text),
        Column("home", Text),
        Column("rights", Text),
        Column("quota_octets", BigInteger),
        Column("quota_files", BigInteger),
        Column("download_rate", BigInteger),
        Column("upload_rate", BigInteger),
        Column("login_protection", Text),
        Column("data_protection", Text),
        Column("networks", Text),
        Column("valid_from", BigInteger),
        Column("valid_until", BigInteger),
        Column("enabled", Boolean, nullable=False),
        Column("notes", Text, nullable=False),
    ]


users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("password", Text, nullable=False),
    *_terms(),
    UniqueConstraint("name"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("value", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("user_id", "kind", "value"),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    *_terms(),
    UniqueConstraint("name"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("groups.id", ondelete="RESTRICT"), primary_key=True, index=True),
    Column("place", Integer, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""One row: how often users or groups were changed, for who wants to know whether they were."""
