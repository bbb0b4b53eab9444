"""How many digits of a second SQL Server's columns keep: SQLAlchemy's reflection leaves that out.

Fact: learn.microsoft.com, "sys.columns": `scale` of a `time`, `datetime2` or `datetimeoffset` is its digits, 0 to 7.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

QUESTION: Final = (
    "SELECT c.name, c.scale FROM sys.columns AS c JOIN sys.tables AS t ON t.object_id = c.object_id"
    " JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE t.name = :table AND s.name = :schema"
)
_WITH_DIGITS: Final = (mssql.DATETIME2, mssql.DATETIMEOFFSET, mssql.TIME)


def add_time_digits(connection: sa.Connection, table: sa.Table) -> None:
    """Puts the digits into the types of a reflected table's columns. Raises SQLAlchemyError."""
    timed = [column for column in table.columns if isinstance(column.type, _WITH_DIGITS)]
    if timed:
        schema = table.schema or connection.dialect.default_schema_name
        found = connection.execute(sa.text(QUESTION), {"table": table.name, "schema": schema})
        digits = {row.name: row.scale for row in found}
        for column in timed:
            column.type.precision = digits[column.name]  # type: ignore[attr-defined]
