"""How the target database is connected, dialect by dialect, and how a dry run's connection is kept from writing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from protocol.errors import EnvironmentProblem, UsageProblem

_READING = ("select", "pragma", "show", "set transaction", "exec sp_", "with", "begin", "explain")


class Statements:
    """Watches every statement sent to the target; a read-only connection refuses all that could write.

    `refused` counts the refusals. The session is read-only by itself where the server knows such a thing.
    """

    def __init__(self, read_only: bool) -> None:
        self.read_only, self.refused = read_only, 0

    def watch(self, engine: sa.Engine) -> None:
        if self.read_only:
            sa.event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().lower().startswith(_READING):
            self.refused += 1
            raise EnvironmentProblem(
                "a statement that could write was refused",
                where="target database, dry run",
                next_step="nothing was written; send engine.log to support, and correct the queries of the target"
                " profile if you wrote it",
            )


def connected(url: str, statements: Statements) -> sa.Engine:
    """An engine for `url`. Raises UsageProblem for a URL nobody understands or a dialect we do not speak."""
    try:
        made = sa.engine.make_url(url)
        engine = sa.create_engine(made, hide_parameters=True, **_options(made, statements.read_only))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as problem:
        raise UsageProblem(
            f"target.database cannot be used ({type(problem).__name__})", next_step="see the examples in the guide"
        ) from problem
    except ImportError as problem:
        raise EnvironmentProblem(
            "target.database: the driver for this kind of database is missing, or one of its libraries",
            next_step="SQL Server: pip install 'bitewing[mssql]', and Microsoft's ODBC driver",
        ) from problem
    _prepare(engine, statements.read_only)
    statements.watch(engine)
    return engine


def _options(url: sa.URL, read_only: bool) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"creator": _sqlite_creator(str(url.database), read_only), "poolclass": sa.NullPool}
        case "postgresql":
            session = {"options": "-c default_transaction_read_only=on"} if read_only else {}
            return {"pool_pre_ping": True, "connect_args": session}
        case "mssql":
            # insertmanyvalues and fast_executemany exclude each other.
            return {"pool_pre_ping": True, "fast_executemany": True, "use_insertmanyvalues": False}
    raise UsageProblem(
        f"target.database: {url.get_backend_name()} is not supported", next_step="use sqlite, postgresql or mssql"
    )


def _sqlite_creator(path: str, read_only: bool) -> Any:
    """Opens an existing file only: a wrong path must not become an empty database."""
    import sqlite3  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    uri = f"{Path(path).absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    return lambda: sqlite3.connect(uri, uri=True)


def _prepare(engine: sa.Engine, read_only: bool) -> None:
    if engine.dialect.name == "sqlite":
        pragma = "PRAGMA query_only=ON" if read_only else "PRAGMA synchronous=FULL"

        @sa.event.listens_for(engine, "connect")
        def _set(connection: Any, record: Any) -> None:
            connection.execute(pragma)
