"""Where the databases of the demo practice live: SQLite files, or one embedded PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from demo.server import Server


@dataclass(frozen=True, slots=True)
class Urls:
    """SQLAlchemy URLs: DEXIS 11's production and staging, DEXIS 10's own, and the archive of samples."""

    production: str
    staging: str
    target: str
    samples: str


class Databases(Protocol):
    """A kind of database. `urls` and `snapshot_path` speak of the practice in the folder given."""

    snapshot_kind: str

    def urls(self, practice: Path) -> Urls:
        """Where each database is when the practice stands in `practice`."""

    def snapshot_path(self, practice: Path) -> Path:
        """Where the nightly backup is."""

    def back_up(self, practice: Path) -> None:
        """Make DEXIS 11's nightly backup of production."""


class SqliteDatabases:
    """Files beside the stores, as an embedded default would keep them."""

    snapshot_kind = "sqlite-file"

    def urls(self, practice: Path) -> Urls:
        return Urls(
            production=f"sqlite:///{practice / 'dexis11' / 'core.sqlite'}",
            staging=f"sqlite:///{practice.parent / 'staging.sqlite'}",
            target=f"sqlite:///{practice / 'dexis10' / 'DEXIS.sqlite'}",
            samples=f"sqlite:///{practice / 'samples' / 'DEXIS.sqlite'}",
        )

    def snapshot_path(self, practice: Path) -> Path:
        return practice / "backup" / "core.sqlite"

    def back_up(self, practice: Path) -> None:
        production = practice / "dexis11" / "core.sqlite"
        with (
            closing(sqlite3.connect(production)) as source,
            closing(sqlite3.connect(self.snapshot_path(practice))) as copy,
        ):
            source.backup(copy)


class PostgresqlDatabases:
    """Four databases in one server of the practice's own."""

    snapshot_kind = "postgresql-dump"

    def __init__(self, server: Server) -> None:
        self._server = server

    def urls(self, practice: Path) -> Urls:
        del practice  # the server is not in the practice's folder
        return Urls(*(self._server.url(name) for name in ("core", "staging", "dexis10", "samples")))

    def snapshot_path(self, practice: Path) -> Path:
        return practice / "backup" / "core.dump"

    def back_up(self, practice: Path) -> None:
        self._server.dump("core", self.snapshot_path(practice))
