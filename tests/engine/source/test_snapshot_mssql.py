"""SQL Server's statements are checked without a server; without a server or driver the error says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from engine.job import Job
from engine.profiles.load import load_source, load_target
from engine.settings import SnapshotKind
from engine.source.snapshot import mssql, restore
from engine.source.snapshot.mssql import BackupFile
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import job

FILES = (BackupFile("Core", "D"), BackupFile("O'Brien's", "D"), BackupFile("Core_log", "L"))
URL = "mssql+pyodbc://127.0.0.1:1/staging?driver=ODBC+Driver+18+for+SQL+Server&timeout=1"


def statements(*, replace: bool) -> tuple[str, ...]:
    return mssql.restore_statements("staging", "D:\\o'b\\core.bak", FILES, "D:\\Data", "L:\\Log", replace=replace)


def a_job(tmp_path: Path, staging: str) -> Job:
    (tmp_path / "store").mkdir()
    return job(tmp_path, SnapshotKind.MSSQL_BACKUP, tmp_path / "core.bak", staging)


def test_every_file_of_the_backup_is_moved_to_the_servers_own_folders() -> None:
    [restoring] = [text for text in statements(replace=False) if text.startswith("RESTORE")]
    assert restoring == (
        "RESTORE DATABASE [staging] FROM DISK = N'D:\\o''b\\core.bak' WITH "
        "MOVE N'Core' TO N'D:\\Data\\staging_0.mdf', MOVE N'O''Brien''s' TO N'D:\\Data\\staging_1.ndf', "
        "MOVE N'Core_log' TO N'L:\\Log\\staging_2.ldf', RECOVERY"
    )


def test_staging_is_marked_and_then_read_only() -> None:
    *_, create, insert, last = statements(replace=False)
    assert create.startswith("CREATE TABLE [staging].[dbo].[bitewing_staging]")
    assert insert.startswith("INSERT INTO [staging].[dbo].[bitewing_staging]")
    assert last == "ALTER DATABASE [staging] SET READ_ONLY WITH ROLLBACK IMMEDIATE"


def test_only_a_staging_of_ours_is_replaced() -> None:
    assert not any("REPLACE" in text or "SINGLE_USER" in text for text in statements(replace=False))
    replacing = statements(replace=True)
    assert replacing[1] == "ALTER DATABASE [staging] SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
    assert replacing[2].endswith(", RECOVERY, REPLACE")


def test_names_cannot_break_out_of_their_quotes() -> None:
    name = "x]; DROP DATABASE [core]; --"
    texts = mssql.restore_statements(name, "b'; DROP DATABASE core; --", FILES, "D:", "L:", replace=True)
    asked = (mssql.exists_statement(name), mssql.marker_statement(name), mssql.tables_statement(name))
    for text in (*texts, *asked):
        tokens = sqlglot.tokenize(text, read="tsql")
        assert TokenType.SEMICOLON not in {token.token_type for token in tokens}
        assert not any(token.comments for token in tokens)


def test_t_sql_understands_what_asks_and_what_marks() -> None:
    for text in (mssql.exists_statement("s"), mssql.marker_statement("s"), mssql.folders_statement()):
        assert isinstance(sqlglot.parse_one(text, read="tsql"), exp.Select)
    *_, create, insert, _ = statements(replace=False)
    assert isinstance(sqlglot.parse_one(create, read="tsql"), exp.Create)
    assert isinstance(sqlglot.parse_one(insert, read="tsql"), exp.Insert)
    assert isinstance(sqlglot.parse_one(mssql.tables_statement("s"), read="tsql"), exp.Select)


def test_every_bundled_query_is_t_sql_with_quoted_names() -> None:
    source, target = load_source("dexis11"), load_target("dexis10")
    queries = [
        source.database.version,
        *(entity.query for entity in source.entities.values()),
        *(source.audit.patients, source.audit.images, source.audit.annotations, source.audit.newest),
        *(query for reasons in source.audit.excluded.values() for query in reasons.values()),
        *(target.database.version, target.audit.patients, target.audit.images, target.audit.look_up),
        *target.audit.rows.values(),
    ]
    for query in queries:
        tree = sqlglot.parse_one(query.for_dialect("mssql"), read="tsql")
        assert all(name.quoted for name in tree.find_all(exp.Identifier))


def test_a_server_that_cannot_be_reached_is_an_environment_problem(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot be reached|driver|refused"):
        restore(a_job(tmp_path, URL), load_source("dexis11"))


@pytest.mark.parametrize("url", [URL.replace("/staging?", "/master?"), URL.replace("/staging?", "?")])
def test_a_system_database_is_no_staging(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageProblem, match="no database of its own"):
        restore(a_job(tmp_path, url), load_source("dexis11"))


class _Cursor:
    """Answers as SQL Server would: `found` says what is there by the names staging and marker."""

    description = ("column",)

    def __init__(self, found: dict[str, Any]) -> None:
        self._found, self.executed = found, list[str]()

    def execute(self, statement: str) -> None:
        self.executed.append(statement)

    def fetchall(self) -> list[tuple[Any, ...]]:
        last = self.executed[-1]
        answers = {
            "SELECT DB_ID": [(self._found["staging"],)],
            "SELECT OBJECT_ID": [(self._found["marker"],)],
            "RESTORE FILELISTONLY": [("Core", "C:\\core.mdf", "D"), ("Core_log", "C:\\core.ldf", "L")],
            "SELECT CAST": [("D:\\Data\\", "L:\\Log\\")],
            "SELECT [name]": [("patient",), ("media",), ("bitewing_staging",)],
        }
        return next((rows for start, rows in answers.items() if last.startswith(start)), [])

    def nextset(self) -> bool:
        return False


def serve(monkeypatch: pytest.MonkeyPatch, **found: Any) -> _Cursor:
    from contextlib import nullcontext

    cursor = _Cursor(found)
    monkeypatch.setattr(mssql, "_server", lambda url: nullcontext(cursor))
    return cursor


def test_a_new_staging_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = serve(monkeypatch, staging=None, marker=None)
    assert mssql.restore(a_job(tmp_path, URL)) == {"patient", "media"}
    assert not any("REPLACE" in text for text in cursor.executed)


def test_our_own_staging_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = serve(monkeypatch, staging=7, marker=8)
    mssql.restore(a_job(tmp_path, URL))
    assert any(text.endswith("REPLACE") for text in cursor.executed)


def test_a_database_without_our_marker_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = serve(monkeypatch, staging=7, marker=None)
    with pytest.raises(UsageProblem, match="did not make"):
        mssql.restore(a_job(tmp_path, URL))
    assert not any(text.startswith(("RESTORE", "ALTER", "CREATE")) for text in cursor.executed)
