"""How the target database is connected, dialect by dialect, and how a dry run's connection is kept from writing."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import sqlglot
from sqlalchemy.pool import NullPool
from sqlglot import exp
from sqlglot.errors import SqlglotError

from engine.sqlserver.connection import engine_for, reading_engine
from protocol.errors import EnvironmentProblem, UsageProblem

# What our own session settings and questions begin with; none of them can write.
_SETTINGS: Final = ("pragma", "show ", "set transaction", "begin", "set lock_timeout", "set xact_abort")
_GRAMMARS: Final = {"sqlite": "sqlite", "postgresql": "postgres", "mssql": "tsql"}
_WRITES: Final = (exp.DML, exp.DDL, exp.Into, exp.Command, exp.Merge, exp.Lock)
_LOCK_SECONDS: Final = 30  # longer than any transaction of DEXIS 10


class Statements:
    """Watches every statement sent to the target; a read-only connection refuses all that could write.

    `refused` counts the refusals. The session is read-only by itself where the server knows such a thing.
    """

    def __init__(self, read_only: bool) -> None:
        self.read_only, self.refused = read_only, 0

    def watch(self, engine: sa.Engine) -> None:
        if self.read_only:
            sa.event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, connection: sa.Connection, cursor: Any, statement: str, *_: Any) -> None:
        if not only_reads(statement, connection.dialect.name):
            self.refused += 1
            raise EnvironmentProblem(
                "a statement that could write was refused",
                where="target database, dry run",
                next_step="nothing was written; send engine.log to support, and correct the queries of the target"
                " profile if you wrote it",
            )


@lru_cache(maxsize=512)
def only_reads(statement: str, dialect: str) -> bool:
    """Whether a statement is a single one that cannot write, judged by its parts; what cannot be parsed could."""
    if statement.lstrip().lower().startswith(_SETTINGS) and ";" not in statement:
        return True
    text = statement.replace("%%", "%").replace("%(", ":").replace(")s", "")
    try:
        trees = sqlglot.parse(text, read=_GRAMMARS[dialect])
    except SqlglotError:
        return False
    return len(trees) == 1 and isinstance(trees[0], exp.Query) and not any(trees[0].find_all(*_WRITES))


def connected(url: str, statements: Statements) -> sa.Engine:
    """An engine for `url`. Raises UsageProblem for a URL nobody understands or a dialect we do not speak."""
    try:
        engine = _engine(sa.engine.make_url(url), statements.read_only)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as problem:
        raise UsageProblem(
            "target.database is no database address that is understood", next_step="see docs/databases.md for examples"
        ) from problem
    except ImportError as problem:
        raise EnvironmentProblem(
            "target.database: the driver for this kind of database is missing, or one of its libraries",
            next_step="pip install 'bitewing[engine]'",
        ) from problem
    statements.watch(engine)
    return engine


def _engine(url: sa.URL, read_only: bool) -> sa.Engine:
    """Evidence for recovery is read behind a lock on the whole table, so that READ COMMITTED is enough to write."""
    match url.get_backend_name():
        case "sqlite":
            creator = _sqlite_creator(str(url.database), read_only)
            return sa.create_engine(url, hide_parameters=True, creator=creator, poolclass=NullPool)
        case "postgresql":
            return sa.create_engine(
                url,
                hide_parameters=True,
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
                connect_args={"options": _postgresql_session(url, read_only), "connect_timeout": 15},
            )
        case "mssql":
            if read_only:
                return reading_engine(url, pool_pre_ping=True)
            # insertmanyvalues and fast_executemany exclude each other.
            return engine_for(
                url,
                pool_pre_ping=True,
                isolation_level="READ COMMITTED",
                fast_executemany=True,
                use_insertmanyvalues=False,
            )
    raise UsageProblem(
        f"target.database: {url.get_backend_name()} is not supported", next_step="use sqlite, postgresql or mssql"
    )


def _postgresql_session(url: sa.URL, read_only: bool) -> str:
    """Settings of the session, after those that the URL brings along."""
    given = url.query.get("options", "")
    settings = [given if isinstance(given, str) else " ".join(given)]
    settings += [f"-c lock_timeout={_LOCK_SECONDS}s", "-c application_name=bitewing"]
    if read_only:
        settings.append("-c default_transaction_read_only=on")
    return " ".join(settings).strip()


def _sqlite_creator(path: str, read_only: bool) -> Any:
    """Opens an existing file only: a wrong path must not become an empty database."""
    uri = f"{Path(path).absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    # EXTRA: the folder is flushed after the rollback journal is gone, or a power cut could take a commit back.
    pragma = "PRAGMA query_only=ON" if read_only else "PRAGMA synchronous=EXTRA"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS)
        connection.execute(pragma)
        return connection

    return connect
