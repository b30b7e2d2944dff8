"""What Alembic runs to apply the steps; the connection comes from :mod:`ftptls.store.database`."""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Apply what Alembic was asked for, in the transaction that is open already."""
    context.configure(
        connection=context.config.attributes["connection"],
        # SQLite can hardly change a table; Alembic makes a new one then.
        render_as_batch=True,
    )
    context.run_migrations()


if __name__ == "env_py":  # as Alembic calls it
    run()
