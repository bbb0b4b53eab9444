"""Every statement the converter sends to the target, as a pure function of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Waits for open transactions that write a table and keeps new ones out until ours ends. SQLite has one writer anyway.
_LOCKS: Final = {
    "postgresql": "LOCK TABLE {} IN SHARE MODE",
    "mssql": "SELECT TOP 1 1 FROM {} WITH (TABLOCK, HOLDLOCK)",
}
_KEPT: Final = 256  # statements made once and used for every patient: more than any profile has
_LONGEST_NVARCHAR: Final = 4_000  # characters; beyond it is NVARCHAR(MAX)


class ExplicitInsert(sa.Insert):
    """An INSERT that gives a key itself, although the column would make one."""

    inherit_cache = True


@compiles(ExplicitInsert, "postgresql")
def _overriding(statement: ExplicitInsert, compiler: SQLCompiler, **options: Any) -> str:
    """GENERATED ALWAYS yields to a given value only if told so."""
    text = str(compiler.visit_insert(statement, **options))  # type: ignore[no-untyped-call]
    return text.replace(") VALUES (", ") OVERRIDING SYSTEM VALUE VALUES (", 1)


class _Iso8601(sa.types.TypeDecorator[datetime]):
    """A time as text: for DATETIMEOFFSET more is written than the driver lets a column of few digits have."""

    impl = mssql.NVARCHAR(34)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else value.isoformat()


class letters(FunctionElement[str]):  # noqa: N801 - reads as the function that it is
    """A text to be compared letter for letter, whatever the column's collation calls equal."""

    inherit_cache = True
    type = sa.String()


@compiles(letters)
def _as_it_is(element: letters, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(letters, "postgresql")
def _by_code(element: letters, compiler: SQLCompiler, **options: Any) -> str:
    return f'{compiler.process(element.clauses, **options)} COLLATE "C"'


@compiles(letters, "sqlite")
def _by_byte(element: letters, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE BINARY"


@compiles(letters, "mssql")
def _as_bytes(element: letters, compiler: SQLCompiler, **options: Any) -> str:
    """Even a binary collation of SQL Server takes no account of blanks at the end."""
    return f"CAST(CAST({compiler.process(element.clauses, **options)} AS NVARCHAR(MAX)) AS VARBINARY(MAX))"


@lru_cache(maxsize=_KEPT)
def insert(table: sa.Table, names: tuple[str, ...], dialect: str) -> sa.Insert:
    """One row for each set of parameters; `names` are the columns, as the database spells them.

    A plain table is named, so that no clause is added for keys, and none to get generated values back: it would be
    refused by SQL Server where a table has triggers.
    """
    plain = sa.table(table.name, *(sa.column(name, table.c[name].type) for name in names), schema=table.schema)
    kind = ExplicitInsert if _is_always_generated(table, names) else sa.Insert
    return kind(plain).values({name: _parameter(table.c[name], dialect) for name in names})


@lru_cache(maxsize=_KEPT)
def insert_making_key(table: sa.Table, key: str, names: tuple[str, ...], dialect: str) -> sa.Insert:
    """One row whose key the database makes; `inserted_primary_key` of the result is that key.

    `names` are the other columns. SQL Server is asked by SCOPE_IDENTITY, which works where a table has triggers.
    """
    key_column = sa.Column(key, sa.BigInteger if dialect == "postgresql" else sa.Integer, primary_key=True)
    others = (sa.Column(name, table.c[name].type) for name in names)
    one = sa.Table(
        table.name, sa.MetaData(), key_column, *others, schema=table.schema, implicit_returning=dialect != "mssql"
    )
    return one.insert().values({name: _parameter(table.c[name], dialect) for name in names})


def identity_insert(table: sa.Table, names: Sequence[str], dialect: sa.Dialect) -> tuple[str, str] | None:
    """What must stand before and after an INSERT that fills an IDENTITY column of SQL Server; None elsewhere.

    It holds for a session, and for one table at a time.
    """
    if dialect.name != "mssql" or not any(table.c[name].identity for name in names):
        return None
    named = dialect.identifier_preparer.format_table(table)
    return f"SET IDENTITY_INSERT {named} ON", f"SET IDENTITY_INSERT {named} OFF"


def everything(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table)


def columns(wanted: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """These columns of all rows of their table."""
    return sa.select(*wanted)


def largest(column: sa.Column[Any]) -> sa.Select[Any]:
    """The largest value in use; NULL for an empty table."""
    return sa.select(sa.func.max(column))


def keys_between(column: sa.Column[Any], first: int, last: int) -> sa.Select[Any]:
    """The keys in use from `first` to `last`, each once."""
    return sa.select(column).where(column.between(first, last)).distinct()


def row_counts(column: sa.Column[Any], first: int, last: int) -> sa.Select[Any]:
    """The values in use from `first` to `last`, and in how many rows each of them stands."""
    return sa.select(column, sa.func.count()).where(column.between(first, last)).group_by(column)


def texts(column: sa.Column[Any]) -> sa.Select[Any]:
    """Everything that stands in a column, but for NULL."""
    return sa.select(column).where(column.is_not(None))


@lru_cache(maxsize=_KEPT)
def rows_between(column: sa.Column[Any], names: tuple[str, ...]) -> sa.Select[Any]:
    """The columns `names` of all rows whose key is from :first to :last."""
    span = column.between(sa.bindparam("first", type_=column.type), sa.bindparam("last", type_=column.type))
    return sa.select(*(column.table.c[name] for name in names)).where(span)


def count_among(column: sa.Column[Any], keys: Sequence[int]) -> sa.Select[Any]:
    """How many rows have one of `keys`."""
    return sa.select(sa.func.count()).select_from(column.table).where(column.in_(keys))


def is_there(table: sa.Table, values: Mapping[str, Any]) -> sa.Select[Any]:
    """A row if exactly these values stand in one row of the table."""
    return sa.select(sa.literal(1)).select_from(table).where(*_equal(table, values))


def delete(table: sa.Table, rows: Sequence[Mapping[str, Any]], key: str | None = None) -> sa.Delete:
    """Deletes every row in which exactly the values of one of `rows` stand.

    Where the table must be read whole, the whole numbers in `key` tell nearly every other row apart at once.
    """
    exactly = sa.or_(*(sa.and_(*_equal(table, values)) for values in rows))
    if key is None:
        return sa.delete(table).where(exactly)
    keys = [int(values[key]) for values in rows]
    return sa.delete(table).where(table.c[key].between(min(keys), max(keys)), exactly)


def wait_for_writers(table: sa.Table, dialect: sa.Dialect) -> str | None:
    """What waits until nobody writes the table any more, if the dialect needs such a thing."""
    lock = _LOCKS.get(dialect.name)
    return lock.format(dialect.identifier_preparer.format_table(table)) if lock else None


def sequence_of(column: sa.Column[Any], dialect: sa.Dialect) -> sa.Select[Any] | None:
    """Asks for the sequence that gives a column its keys; None for dialects whose counter follows given keys itself."""
    if dialect.name != "postgresql":
        return None
    return sa.select(
        sa.func.pg_get_serial_sequence(dialect.identifier_preparer.format_table(column.table), column.name)
    )


def advance(sequence: str, column: sa.Column[Any]) -> sa.Select[Any]:
    """Sets a sequence of PostgreSQL past the largest key in use, never back."""
    largest_key = sa.select(sa.func.max(column)).scalar_subquery()
    last = sa.select(sa.literal_column("last_value")).select_from(sa.text(sequence)).scalar_subquery()
    named = sa.cast(sa.literal(sequence), postgresql.REGCLASS)
    return sa.select(sa.func.setval(named, sa.func.greatest(largest_key, last))).where(largest_key > last)


def _parameter(column: sa.Column[Any], dialect: str) -> Any:
    """SQL Server gets texts, and times with a zone, in Unicode, and turns them into the column's own form itself."""
    if dialect == "mssql" and isinstance(column.type, mssql.DATETIMEOFFSET):
        return _from_text(sa.bindparam(column.name, type_=_Iso8601()), column)
    narrow = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Unicode | sa.UnicodeText)
    if dialect == "mssql" and narrow:
        wide = _one_letter_more(column.type)
        return sa.cast(sa.bindparam(column.name, type_=wide), wide)
    return sa.bindparam(column.name, type_=column.type)


def _from_text(text: sa.ColumnElement[Any], column: sa.Column[Any]) -> sa.Cast[Any]:
    """Cast twice: a parameter that is cast once is described to the driver as what it is cast to."""
    return sa.cast(sa.cast(text, _Iso8601.impl), column.type)


def _one_letter_more(kind: sa.types.TypeEngine[Any]) -> mssql.NVARCHAR:
    """More than the column holds, so that a text too long is refused and never cut."""
    length = getattr(kind, "length", None)
    fits = isinstance(length, int) and length < _LONGEST_NVARCHAR
    return mssql.NVARCHAR(length + 1 if fits else "max")  # type: ignore[operator, arg-type]


def _is_always_generated(table: sa.Table, names: Sequence[str]) -> bool:
    return any((identity := table.c[name].identity) is not None and identity.always for name in names)


def _equal(table: sa.Table, values: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [_equals(table.c[name], value) for name, value in values.items()]


def _equals(column: sa.Column[Any], value: object) -> sa.ColumnElement[bool]:
    """Texts letter for letter. A `datetime` of SQL Server as one: against a finer time it would never be equal."""
    if value is None:
        return column.is_(None)
    if isinstance(column.type, mssql.DATETIMEOFFSET):
        return column == _from_text(sa.literal(value, _Iso8601()), column)
    given = sa.literal(value, column.type)
    if isinstance(column.type, mssql.SMALLDATETIME) or type(column.type) is sa.DATETIME:
        return column == sa.cast(given, column.type)
    if isinstance(column.type, sa.String) and not isinstance(column.type, sa.CHAR | sa.NCHAR):
        return letters(column) == letters(given)
    return column == given
