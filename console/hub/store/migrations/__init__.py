"""Alembic migrations of the hub's store."""
