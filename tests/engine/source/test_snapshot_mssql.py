"""A SQL Server backup becomes staging of ours alone. Statements are parsed as T-SQL; a cursor answers as the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from engine.job import Job
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import Query
from engine.settings import SnapshotKind
from engine.source.snapshot import mssql, restore
from engine.source.snapshot import mssql_statements as statements
from engine.source.snapshot.mssql_statements import BackupFile, BackupSet
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import job

FILES = (BackupFile("Core", "D"), BackupFile("O'Brien's", "D"), BackupFile("Core_log", "L"), BackupFile("Blobs", "S"))
CHOSEN = BackupSet(2, "Core", "PRACTICE", 15, 1_000, False)
URL = "mssql+pyodbc://127.0.0.1:1/staging?driver=ODBC+Driver+18+for+SQL+Server&timeout=1"
# What sqlglot's grammar of T-SQL does not know: administration, which it keeps as an unparsed command.
NOT_IN_THE_GRAMMAR = ("RESTORE HEADERONLY", "RESTORE FILELISTONLY", "RESTORE DATABASE", "ALTER DATABASE", "IF DATABASE")


def all_statements(name: str, backup: str) -> Iterator[str]:
    yield from (statements.existing(name), statements.files_of(name), statements.server(), statements.header(backup))
    yield from (statements.file_list(backup, 2), statements.tables(name), *statements.removal(name))
    yield statements.restoring(name, backup, CHOSEN, FILES, "D:\\Data\\", "L:\\Log\\")
    yield from statements.finishing(name)


def a_job(tmp_path: Path, staging: str) -> Job:
    (tmp_path / "store").mkdir()
    return job(tmp_path, SnapshotKind.MSSQL_BACKUP, tmp_path / "core.bak", staging)


def test_every_file_of_the_backup_is_moved_to_the_servers_own_folders() -> None:
    assert statements.restoring("staging", "D:\\o'b\\core.bak", CHOSEN, FILES, "D:\\Data\\", "L:\\Log\\") == (
        "RESTORE DATABASE [staging] FROM DISK = N'D:\\o''b\\core.bak' WITH FILE = 2, "
        "MOVE N'Core' TO N'D:\\Data\\bitewing_staging_staging_0.mdf', "
        "MOVE N'O''Brien''s' TO N'D:\\Data\\bitewing_staging_staging_1.ndf', "
        "MOVE N'Core_log' TO N'L:\\Log\\bitewing_staging_staging_2.ldf', "
        "MOVE N'Blobs' TO N'D:\\Data\\bitewing_staging_staging_3', RECOVERY, STATS = 1"
    )


def test_a_server_on_linux_gets_its_own_kind_of_path() -> None:
    text = statements.restoring("staging", "/backup/core.bak", CHOSEN, FILES[:1], "/var/opt/mssql/data/", "/var/log/")
    assert "TO N'/var/opt/mssql/data/bitewing_staging_staging_0.mdf'" in text


def test_staging_is_marked_and_then_read_only() -> None:
    *_, create, insert, last = statements.finishing("staging")
    assert create.startswith("CREATE TABLE [staging].[dbo].[bitewing_staging]")
    assert insert.startswith("INSERT INTO [staging].[dbo].[bitewing_staging]")
    assert last == "ALTER DATABASE [staging] SET READ_ONLY WITH ROLLBACK IMMEDIATE"


def test_nothing_ever_asks_the_server_to_replace_a_database() -> None:
    assert not any("REPLACE" in text for text in all_statements("staging", "core.bak"))


@pytest.mark.attack
def test_names_cannot_break_out_of_their_quotes() -> None:
    name = "x]; DROP DATABASE [core]; --\\..\\..\\master"
    for text in all_statements(name, "b'; DROP DATABASE core; --"):
        tokens = sqlglot.tokenize(text, read="tsql")
        assert TokenType.SEMICOLON not in {token.token_type for token in tokens}
        assert not any(token.comments for token in tokens)
    [moved] = [text for text in all_statements(name, "b") if text.startswith("RESTORE DATABASE")]
    assert "..\\" not in moved.partition("WITH")[2]


@pytest.mark.parametrize("text", all_statements("staging", "core.bak"))
def test_each_statement_is_one_of_t_sql(text: str) -> None:
    if text.startswith(NOT_IN_THE_GRAMMAR):
        assert sqlglot.tokenize(text, read="tsql")
    else:
        [tree] = sqlglot.parse(text, read="tsql")
        assert isinstance(tree, exp.Select | exp.Create | exp.Insert | exp.Drop), text


def test_every_bundled_query_is_t_sql_with_quoted_names() -> None:
    source, target = load_source("dexis11"), load_target("dexis10")
    queries: list[Query] = [
        source.database.version,
        *(entity.query for entity in source.entities.values()),
        *(
            source.audit.patients,
            source.audit.images,
            source.audit.annotations,
            source.audit.newest,
            source.audit.files,
        ),
        *(query for reasons in source.audit.excluded.values() for query in reasons.values()),
        *(target.database.version, target.audit.patients, target.audit.images, target.audit.look_up),
        *target.audit.rows.values(),
    ]
    for query in queries:
        tree = sqlglot.parse_one(query.for_dialect("mssql"), read="tsql")
        assert all(name.quoted for name in tree.find_all(exp.Identifier))
        assert not list(tree.find_all(exp.Limit, exp.Boolean, exp.ILike, exp.DPipe))


def test_a_server_that_cannot_be_reached_is_an_environment_problem(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"cannot be reached|driver|refused"):
        restore(a_job(tmp_path, URL), load_source("dexis11"))


@pytest.mark.parametrize("url", [URL.replace("/staging?", name) for name in ("/master?", "/Model?", "?")])
def test_a_system_database_is_no_staging(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageProblem, match="no database of its own"):
        restore(a_job(tmp_path, url), load_source("dexis11"))


HEADER = {"backuptype": 1, "position": 1, "databasename": "Core", "servername": "PRACTICE\\DTX"}
HEADER |= {"softwareversionmajor": 14, "backupsize": 4_000, "compressedbackupsize": 1_000, "isdamaged": 0}


class _DriversOwn(Exception):
    """Stands for pyodbc's error, which can be had only where unixODBC is."""


_DriversOwn.__module__ = "pyodbc"


class _Cursor:
    """Answers as SQL Server would, and says as it does how far a restore is."""

    def __init__(self, **known: Any) -> None:
        self.executed, self.messages, self.description = list[str](), list[tuple[str, str]](), list[tuple[str]]()
        self._known, self._rows, self._percent = known, list[dict[str, Any]](), list[int]()

    def execute(self, statement: str) -> None:
        self.executed.append(statement)
        self._rows = next((rows for start, rows in self._answers().items() if statement.startswith(start)), [])
        self.description = [(name.title(),) for name in self._rows[0]] if self._rows else []
        self._percent = [50, 90, 100] if statement.startswith("RESTORE DATABASE") else []
        self.messages = []

    def _answers(self) -> dict[str, list[dict[str, Any]]]:
        known = self._known
        server = {"server": "STAGING", "data": "D:\\Data\\", "log": "L:\\Log\\", "major": "15"}
        files = [{"logicalname": "Core", "physicalname": "C:\\core.mdf", "type": "D"}]
        return {
            "SELECT DB_ID": [{"id": known.get("id"), "marker": known.get("marker")}],
            "SELECT [physical_name]": [{"file_name": name} for name in known.get("files", [])],
            "SELECT CAST": [server | known.get("server", {})],
            "RESTORE HEADERONLY": known.get("header", [HEADER]),
            "RESTORE FILELISTONLY": files,
            "SELECT [name]": [{"name": name} for name in ("patient", "media", "bitewing_staging")],
        }

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._rows]

    def nextset(self) -> bool:
        if "later" in self._known and self.executed[-1].startswith(self._known["later"]):
            raise _DriversOwn("HY000", "[HY000] RESTORE is terminating abnormally. (3013) (SQLMoreResults)")
        if not self._percent:
            return False
        told = f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{self._percent.pop(0)} percent processed."
        self.messages = [("[01000] (3211)", told)]
        return True

    @property
    def changing(self) -> list[str]:
        return [
            text for text in self.executed if text.startswith(("RESTORE DATABASE", "ALTER", "IF", "DROP", "CREATE"))
        ]


class _Server:
    """A server that knows what it is told; `told` is the progress of a restore."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._job, self.cursor, self.told = a_job(folder, URL), _Cursor(), list[int]()
        monkeypatch.setattr(mssql, "_server", lambda _: nullcontext(self.cursor))

    def restore(self, **known: Any) -> frozenset[str]:
        self.cursor = _Cursor(**known)
        return mssql.restore(self._job, self.told.append)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Server:
    return _Server(tmp_path, monkeypatch)


def test_a_new_staging_is_restored(server: _Server) -> None:
    tables = server.restore()
    assert tables == {"patient", "media"}
    assert not any(text.startswith(("DROP", "IF")) for text in server.cursor.executed)


def test_progress_is_told_in_bytes_of_the_backup_and_ends_with_all_of_them(server: _Server) -> None:
    server.restore()
    assert server.told == [500, 400, 100]


@pytest.mark.parametrize("statement", ["RESTORE HEADERONLY", "RESTORE FILELISTONLY", "RESTORE DATABASE", "ALTER"])
def test_what_the_server_says_after_a_statements_rows_is_heard(server: _Server, statement: str) -> None:
    with pytest.raises(EnvironmentProblem):
        server.restore(later=statement)
    assert server.cursor.executed[-1].startswith(statement)


def test_our_own_staging_is_removed_before_it_is_restored_anew(server: _Server) -> None:
    server.restore(id=7, marker=8)
    assert [text.partition(" ")[0] for text in server.cursor.changing][:3] == ["IF", "DROP", "RESTORE"]


def test_a_restore_of_ours_that_was_cut_short_is_made_good(server: _Server) -> None:
    tables = server.restore(id=7, files=["D:\\Data\\bitewing_staging_staging_0.mdf"])
    assert tables
    assert "DROP DATABASE [staging]" in server.cursor.executed


@pytest.mark.attack
@pytest.mark.parametrize(
    "files",
    [
        [],
        ["D:\\Data\\core.mdf"],
        ["D:\\Data\\bitewing_staging_x_0.mdf", "D:\\Data\\core.ndf"],
        ["D:\\bitewing_staging_x\\core.mdf"],
    ],
)
def test_a_database_without_our_marker_is_never_touched(server: _Server, files: list[str]) -> None:
    with pytest.raises(UsageProblem, match="did not make"):
        server.restore(id=7, files=files)
    assert server.cursor.changing == []


@pytest.mark.attack
def test_the_database_that_the_backup_is_of_is_never_staging(server: _Server) -> None:
    with pytest.raises(UsageProblem, match="the very database that the backup is of"):
        server.restore(header=[HEADER | {"databasename": "STAGING", "servername": "staging"}])
    assert server.cursor.changing == []


def test_a_database_of_the_same_name_on_another_server_may_be_staging(server: _Server) -> None:
    assert server.restore(header=[HEADER | {"databasename": "staging", "servername": "PRACTICE"}])


def test_a_backup_of_a_newer_server_is_refused_with_both_versions(server: _Server) -> None:
    with pytest.raises(EnvironmentProblem, match="version 16, staging's server is version 15"):
        server.restore(header=[HEADER | {"softwareversionmajor": 16}])
    assert server.cursor.changing == []


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ([HEADER | {"backuptype": 2}, HEADER | {"backuptype": 5}], "no backup of a whole database"),
        ([HEADER | {"isdamaged": 1}], "found errors in the database"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(server: _Server, header: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(EnvironmentProblem, match=why):
        server.restore(header=header)
    assert server.cursor.changing == []


def test_the_newest_whole_backup_of_several_is_taken(server: _Server) -> None:
    several = [HEADER, HEADER | {"position": 2}, HEADER | {"position": 3, "backuptype": 2}]
    server.restore(header=several)
    assert any("WITH FILE = 2" in text for text in server.cursor.executed if text.startswith("RESTORE FILELISTONLY"))
