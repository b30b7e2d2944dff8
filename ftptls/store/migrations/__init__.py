"""How a database comes to the schema of today, step by step (Alembic)."""
