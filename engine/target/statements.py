"""Every statement the converter sends to the target, as a pure function of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

# Waits for open transactions that write a table and keeps new ones out until ours ends. SQLite has one writer anyway.
_LOCKS: Final = {
    "postgresql": "LOCK TABLE {} IN SHARE MODE",
    "mssql": "SELECT TOP 1 1 FROM {} WITH (TABLOCK, HOLDLOCK)",
}


def insert(table: sa.Table) -> sa.Insert:
    """One row for each set of parameters."""
    return table.insert()


def everything(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table)


def largest(column: sa.Column[Any]) -> sa.Select[Any]:
    """The largest value in use; NULL for an empty table."""
    return sa.select(sa.func.max(column))


def count_between(column: sa.Column[Any], first: int, last: int) -> sa.Select[Any]:
    """How many rows have a key from `first` to `last`."""
    return sa.select(sa.func.count()).select_from(column.table).where(column.between(first, last))


def keys_between(column: sa.Column[Any], first: int, last: int) -> sa.Select[Any]:
    """The keys in use from `first` to `last`, each once."""
    return sa.select(column).where(column.between(first, last)).distinct()


def is_there(table: sa.Table, values: Mapping[str, Any]) -> sa.Select[Any]:
    """A row if exactly these values stand in one row of the table."""
    equal = [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in values.items()]
    return sa.select(sa.literal(1)).select_from(table).where(*equal)


def wait_for_writers(table: sa.Table, dialect: sa.Dialect) -> str | None:
    """What waits until nobody writes the table any more, if the dialect needs such a thing."""
    lock = _LOCKS.get(dialect.name)
    return lock.format(dialect.identifier_preparer.format_table(table)) if lock else None


def columns(table: sa.Table) -> Mapping[str, str]:
    """Names in lower case, to the names as the database spells them."""
    return {column.name.lower(): column.name for column in table.columns}
