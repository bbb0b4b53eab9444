"""What a statement comes to, between the session that runs it and the wire that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulators.sqlserver.wire.tokens import Column


@dataclass(frozen=True, slots=True)
class Rows:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows written; None where a statement counts nothing."""

    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A message that is no error."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The session is in another database now."""

    new: str
    old: str


Outcome = Rows | Counted | Told | Moved
