"""Dates that PostgreSQL holds and Python does not (infinity, before Christ) arrive as text, to be reported."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader


class _Date(DateLoader):
    def load(self, data: Buffer) -> Any:
        return _or_text(super().load, data)


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> Any:
        return _or_text(super().load, data)


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> Any:
        return _or_text(super().load, data)


def register(connection: Connection[Any]) -> None:
    """Use these loaders on `connection`."""
    for name, loader in (("date", _Date), ("timestamp", _Timestamp), ("timestamptz", _Timestamptz)):
        connection.adapters.register_loader(name, loader)


def _or_text(load: Any, data: Buffer) -> Any:
    try:
        return load(data)
    except DataError:
        return bytes(data).decode("ascii", "backslashreplace")
