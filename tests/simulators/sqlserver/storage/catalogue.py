"""What the stand-in knows of a database's tables, asked of its own catalogue views and remembered until a DDL."""

# ruff: noqa: E501 - questions and tables
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.simulators.sqlserver.kinds import SYSTEM_TYPES, Kind, precision_of


@dataclass(frozen=True, slots=True)
class StoredColumn:
    name: str
    kind: Kind
    is_nullable: bool
    identity: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class StoredTable:
    oid: int
    name: str
    schema: str
    columns: tuple[StoredColumn, ...]  # in order

    @property
    def identity(self) -> StoredColumn | None:
        return next((column for column in self.columns if column.identity is not None), None)

    def column(self, name: str) -> StoredColumn | None:
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)


def comment(name: str, kind: Kind | None = None, identity: tuple[int, int] | None = None) -> str:
    """What stands in a table's or a column's comment."""
    about: dict[str, Any] = {"name": name}
    if kind is not None:
        precision, scale = precision_of(kind)
        about |= {"type_id": SYSTEM_TYPES[kind.name], "max_length": kind.bytes, "precision": precision, "scale": scale}
        about |= {"kind": [kind.name, kind.length, kind.precision, kind.scale]}
        about |= {"collation": "SQL_Latin1_General_CP1_CI_AS"} if kind.is_text else {}
        about |= {"identity": list(identity)} if identity else {}
    return json.dumps(about)


class Catalogue:
    """One database's tables, by schema and name in lower case, and by PostgreSQL's number."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], StoredTable | None] = {}
        self._by_number: dict[tuple[int, int], StoredColumn | None] = {}

    def forget(self) -> None:
        self._by_name.clear()
        self._by_number.clear()

    def table(self, connection: psycopg.Connection, schema: str, name: str) -> StoredTable | None:
        key = (schema.lower(), name.lower())
        if key not in self._by_name:
            self._by_name[key] = _table(connection, *key)
        return self._by_name[key]

    def column(self, connection: psycopg.Connection, oid: int, number: int) -> StoredColumn | None:
        """The column behind a result's, by PostgreSQL's numbers of table and column."""
        if (oid, number) not in self._by_number:
            found = connection.execute(
                "SELECT c.relname::text, n.nspname::text, a.attname::text, pg_catalog.col_description(a.attrelid, a.attnum),"
                " a.attnotnull, pg_catalog.obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_attribute a"
                " JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid"
                " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
                " WHERE a.attrelid OPERATOR(pg_catalog.=) %s AND a.attnum OPERATOR(pg_catalog.=) %s",
                (oid, number),
            ).fetchone()
            self._by_number[oid, number] = None if found is None else _of_view(*found[1:5])
        return self._by_number[oid, number]


def _of_view(schema: str, name: str, about: str | None, is_filled: bool) -> StoredColumn | None:
    if about is not None:
        return _column(json.loads(about), is_filled)
    if schema in ("sys", "ischema") and name.startswith("is_"):
        return StoredColumn(name, Kind("bit"), True, None)
    return None


def _column(about: Mapping[str, Any], is_filled: bool) -> StoredColumn:
    identity = tuple(about["identity"]) if "identity" in about else None
    return StoredColumn(about["name"], Kind(*about["kind"]), not is_filled, identity)  # type: ignore[arg-type]


def _table(connection: psycopg.Connection, schema: str, name: str) -> StoredTable | None:
    found = connection.execute(
        "SELECT c.oid::bigint, pg_catalog.obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c"
        " WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)::oid AND c.relkind OPERATOR(pg_catalog.=) 'r'",
        (f'"{schema}"."{name}"',),
    ).fetchone()
    if found is None or found[1] is None:
        return None
    rows = connection.execute(
        "SELECT pg_catalog.col_description(attrelid, attnum), attnotnull FROM pg_catalog.pg_attribute"
        " WHERE attrelid OPERATOR(pg_catalog.=) %s AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped ORDER BY attnum",
        (found[0],),
    ).fetchall()
    return StoredTable(
        found[0], json.loads(found[1])["name"], schema, tuple(_column(json.loads(a), f) for a, f in rows)
    )
