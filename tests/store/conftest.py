"""User stores, in SQLite and in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftptls.store import Users


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database."""
    return request.param


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where a store may be made; there is none yet."""
    if kind == "sqlite":
        return f"sqlite:{tmp_path}/users.db"
    return request.getfixturevalue("cluster").make_database()


@pytest.fixture
def users(url: str) -> Iterator[Users]:
    """An empty store."""
    with Users.open(url, create=True) as made:
        yield made
