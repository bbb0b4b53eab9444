"""Names of tables and columns compared as the database server compares them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

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
