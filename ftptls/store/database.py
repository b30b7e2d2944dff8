"""The database of a user store: where it is, how it is spoken to, and its schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError

from ftptls.errors import MissingExtraError
from ftptls.store.records import StoreError

_PATIENCE = 10  # seconds: of a writer for another one, and of who connects for an answer
_MIGRATION_LOCK = 0x66747074  # of PostgreSQL; any number that nobody else takes

_BEGIN = "ftptls_begin"

OLDER = "The user store is of an older version; bring it up to date with `ftptls user upgrade`."
NEWER = "The user store was made by a newer ftptls; install that one."


def parse_url(text: str) -> URL:
    """Where a user store is.

    Args:
        text: ``sqlite:/path/to/file``, just ``/path/to/file``, or
            ``postgresql://user@host/database``.

    Raises:
        StoreError: It is nothing of that.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "sqlite", text
    if scheme == "sqlite":
        path = rest.removeprefix("//") if rest.startswith("///") else rest
        if not path or path.startswith(("//", ":")) or "\0" in path:
            raise StoreError("Name the file of a SQLite user store, such as sqlite:/srv/users.db.")
        return URL.create("sqlite", database=os.path.abspath(path))
    if scheme not in ("postgresql", "postgres"):
        raise StoreError("A user store is sqlite:/path/to/file or postgresql://user@host/database.")
    try:
        return make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise StoreError("Write the store as postgresql://user:password@host/database.") from None


def connect(url: URL) -> Engine:
    """A pool of connections; none is made yet.

    A transaction of SQLite takes the lock for writing when it begins if the engine has the
    execution option of :func:`writing`, and never otherwise: so two that read before they
    write wait for each other instead of failing.

    Raises:
        MissingExtraError: The driver for PostgreSQL is not installed.
    """
    if url.drivername != "sqlite":
        try:
            return create_engine(_patient(url), pool_pre_ping=True)
        except ModuleNotFoundError:
            raise MissingExtraError("postgresql", "keep users in PostgreSQL") from None
    engine = create_engine(url, connect_args={"timeout": _PATIENCE})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def _patient(url: URL) -> URL:
    """The same, where nobody waits for ever for a server that does not answer."""
    patience = {"connect_timeout": str(_PATIENCE), "tcp_user_timeout": str(1000 * _PATIENCE)}
    return url.update_query_dict({**patience, **url.query})


def writing(engine: Engine) -> Engine:
    """The same pool, for transactions that will write."""
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def find(url: str, *, create: bool) -> Engine:
    """A pool for a database that is there, or for a new SQLite file, only its owner's to read.

    Raises:
        StoreError: There is none.
        MissingExtraError: The driver for PostgreSQL is not installed.
    """
    where = parse_url(url)
    if where.drivername == "sqlite":
        path = str(where.database)
        try:
            _make_file(path) if create else os.stat(path)
        except OSError as error:
            raise StoreError(f"Cannot open the user store {path}: {error.strerror}.") from None
    return connect(where)


def _make_file(path: str) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _config() -> Config:
    config = Config()
    config.set_main_option("path_separator", "os")
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def version(connection: Connection) -> str | None:
    """Which step the schema is at; ``None`` where there are no tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def refuse_other_versions(engine: Engine, *, create: bool) -> None:
    """See that the schema is the one of today.

    Args:
        engine: The pool.
        create: Whether to make it where there is none at all.

    Raises:
        StoreError: It is older, or newer, or not there.
    """
    scripts = _scripts()
    with explained(), engine.begin() as connection:
        now = version(connection)
    if now is None and create:
        upgrade(engine)
    elif now is None:
        raise StoreError("There are no users in this database yet; add one with `ftptls user add`.")
    elif now != scripts.get_current_head():
        known = {each.revision for each in scripts.walk_revisions()}
        raise StoreError(OLDER if now in known else NEWER)


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the schema up to date; all of it, or nothing.

    Raises:
        StoreError: It was made by a newer version, or the database refuses.
    """
    known = {each.revision for each in _scripts().walk_revisions()}
    config = _config()
    with explained(), writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        if version(connection) not in known | {None}:
            raise StoreError(NEWER)
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@contextmanager
def explained() -> Iterator[None]:
    """What the database refuses in this block becomes one sentence.

    Statements and their values are left out of it, for there are password hashes in them.

    Raises:
        StoreError: It refuses.
    """
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        cause = str(getattr(error, "orig", None) or type(error).__name__).strip()
        reason = cause.splitlines()[0].rstrip(".")
        raise StoreError(f"The user store cannot be used now: {reason}.") from None
