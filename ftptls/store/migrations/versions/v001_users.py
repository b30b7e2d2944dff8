"""Users, their certificates, and the count of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("login", sa.Text),
        sa.Column("home", sa.Text),
        sa.Column("rights", sa.Text),
        sa.Column("quota_octets", sa.BigInteger),
        sa.Column("quota_files", sa.BigInteger),
        sa.Column("download_rate", sa.BigInteger),
        sa.Column("upload_rate", sa.BigInteger),
        sa.Column("login_protection", sa.Text),
        sa.Column("data_protection", sa.Text),
        sa.Column("networks", sa.Text),
        sa.Column("valid_from", sa.BigInteger),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_certificates_user_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("user_id", "kind", "value", name="uq_certificates_user_id_kind_value"),
    )
    changes = op.create_table(
        "changes",
        sa.Column("id", sa.Integer),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.bulk_insert(changes, [{"id": 1, "number": 0}])
