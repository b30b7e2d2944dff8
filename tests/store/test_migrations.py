"""How a database comes to the schema of today, and what is done about others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from ftptls.store import Group, StoreError, User, Users, database, schema

FIRST, HEAD = "001", "002"
OLD_USER = text(
    "INSERT INTO users (name, password, enabled, notes, home, rights, valid_until)"
    " VALUES ('alice', '', true, 'old', '/srv', 'full', 1800000000)"
)


@pytest.fixture
def engine(url):
    """The database, without tables."""
    made = database.find(url, create=True)
    yield made
    made.dispose()


@pytest.fixture
def old(engine):
    """The database as the first version left it, with a user."""
    database.upgrade(engine, FIRST)
    with engine.begin() as connection:
        connection.execute(OLD_USER)
    return engine


def version(engine):
    with engine.begin() as connection:
        return database.version(connection)


def test_the_steps_lead_to_the_tables_of_today(engine):
    database.upgrade(engine)
    assert version(engine) == HEAD
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_an_older_store_is_left_as_it_is(old, url):
    for create in (False, True):
        with pytest.raises(StoreError, match="older version; bring it up to date with `ftptls"):
            Users.open(url, create=create)
    assert version(old) == FIRST


def test_an_older_store_is_brought_up_to_date_with_its_users(old, url):
    for _ in range(2):
        Users.upgrade(url)
    with Users.open(url) as users:
        (alice,) = users.list()
        assert (alice.name, alice.home, alice.rights, alice.notes) == (
            "alice",
            "/srv",
            ("full",),
            "old",
        )
        assert alice.valid_until.timestamp() == 1800000000
        users.add_group(Group(name="staff", enabled=False))
        users.edit("alice", groups=("staff",))
        assert not users.find("alice").enabled


def test_a_newer_store_is_refused(engine, url):
    database.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999'"))
    for call in (Users.open, Users.upgrade):
        with pytest.raises(StoreError, match="made by a newer ftptls; install that one"):
            call(url)
    assert version(engine) == "999"


def test_a_step_that_fails_leaves_everything_as_it_was(old, url):
    with old.begin() as connection:
        connection.execute(text("CREATE TABLE memberships (a INTEGER)"))
    with pytest.raises(StoreError, match="cannot be used now"):
        Users.upgrade(url)
    assert version(old) == FIRST
    assert "groups" not in inspect(old).get_table_names()
    with old.begin() as connection:
        connection.execute(text("DROP TABLE memberships"))
    Users.upgrade(url)
    assert version(old) == HEAD


def test_without_tables_there_are_no_users(engine, url):
    with pytest.raises(StoreError, match="no users in this database yet; add one with `ftptls"):
        Users.open(url)


def test_a_store_is_made_once(url):
    for _ in range(2):
        with Users.open(url, create=True) as users:
            assert users.changes() == users.count()
            users.add(User(name=f"user{users.count()}"))
    with Users.open(url) as users:
        assert users.count() == 2


def test_nothing_is_open_that_a_daemon_would_inherit(url):
    """It forks between the check of its settings and its first login."""

    def sockets():
        return [each for each in map(os.readlink, descriptors()) if "socket:" in each]

    def descriptors():
        return [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]

    before = len(sockets())
    with Users.open(url, create=True) as users:
        assert len(sockets()) == before
        assert not [each for each in map(os.readlink, descriptors()) if "users.db" in each]
        assert users.count() == 0


# --- files and addresses


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"Cannot open .*/users\.db: No such file or directory"):
        Users.open(f"sqlite:{tmp_path}/users.db")
    with pytest.raises(StoreError, match="No such file or directory"):
        Users.open(f"sqlite:{tmp_path}/missing/users.db", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_is_for_its_owner_only(tmp_path):
    with Users.open(f"{tmp_path}/users.db", create=True) as users:
        users.add(User(name="alice"))
        found = [path.stat().st_mode for path in Path(tmp_path).iterdir()]
    assert len(found) == 3  # with those of the write-ahead log
    assert {stat.S_IMODE(mode) for mode in found} == {0o600}


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "users.db"
    path.write_bytes(b"alice:secret\n" * 1000)
    with pytest.raises(StoreError, match="cannot be used now: file is not a database"):
        Users.open(str(path))
    assert path.read_bytes().startswith(b"alice")


@pytest.mark.parametrize("text", ["sqlite:", "sqlite::memory:", "sqlite:/a\0b", ""])
def test_no_file_is_named(text):
    with pytest.raises(StoreError, match=r"Name the file of a SQLite user store"):
        Users.open(text)


@pytest.mark.parametrize("text", ["mysql://a/b", "http://example.org/users", "redis:users"])
def test_another_database(text):
    with pytest.raises(StoreError, match="sqlite:/path/to/file or postgresql://"):
        Users.open(text)


def test_a_mistaken_port():
    with pytest.raises(StoreError, match="Write the store as postgresql://"):
        Users.open("postgresql://a@b:port/users")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/srv/users.db", "/srv/users.db"),
        ("sqlite:/srv/users.db", "/srv/users.db"),
        ("sqlite:///srv/users.db", "/srv/users.db"),
        ("/srv/a:b.db", "/srv/a:b.db"),
    ],
)
def test_how_a_file_is_named(text, path):
    assert database.parse_url(text).database == path


def test_whoever_does_not_answer_is_not_waited_for():
    url = database.parse_url("postgres://a:b@c/d?connect_timeout=3")
    engine = database.connect(url)
    arguments = engine.dialect.create_connect_args(engine.url)[1]
    assert arguments["connect_timeout"] == "3"
    assert int(arguments["tcp_user_timeout"]) > 1000


def test_a_password_in_the_address_is_in_no_message():
    with pytest.raises(StoreError) as caught:
        Users.open("postgresql://ftptls:sesame@127.0.0.1:1/users")
    assert "sesame" not in str(caught.value)
    assert "cannot be used now" in str(caught.value)
