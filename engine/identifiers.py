"""Names of tables and columns compared as the database server compares them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

_DBO: Final = "dbo"  # the schema in which SQL Server looks after the login's own
# Asks SQL Server whether its database tells names apart by case.
CASE_QUESTION: Final = "SELECT CASE WHEN N'a' = N'A' COLLATE DATABASE_DEFAULT THEN 0 ELSE 1 END"


@dataclass(frozen=True, slots=True)
class Matching:
    """How one database takes a name that a profile writes. `exact`: SQL Server with a case-sensitive collation."""

    dialect: str
    exact: bool = False

    def find(self, wanted: str, live: Iterable[str]) -> str | None:
        """The name among `live` that the server takes `wanted` for; None if there is none."""
        names = list(live)
        if self.exact:
            return wanted if wanted in names else None
        if self.dialect == "postgresql":  # unquoted it is folded to lower case, quoted it is taken as it stands
            return next((name for name in (wanted.lower(), wanted) if name in names), None)
        return next((name for name in names if name.lower() == wanted.lower()), None)


def matching_of(connection: Connection) -> Matching:
    """How the connected database takes a name. Raises SQLAlchemyError."""
    dialect = connection.dialect.name
    return Matching(dialect, dialect == "mssql" and bool(connection.exec_driver_sql(CASE_QUESTION).scalar()))


def schemas(connection: Connection) -> list[str | None]:
    """Where a table named without its schema is looked for, in order; None is the login's own schema."""
    elsewhere = connection.dialect.name == "mssql" and connection.dialect.default_schema_name != _DBO
    return [None, _DBO] if elsewhere else [None]
