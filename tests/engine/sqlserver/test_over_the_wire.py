"""Microsoft's driver and the product with a server that keeps what it is told: the stand-in, our own model of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from demo.dexis10 import opened, write_empty_database
from engine.profiles.load import load_source, load_target
from engine.settings import SnapshotKind
from engine.source.snapshot import restore
from engine.sqlserver.connection import engine_for
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.rows import Row
from protocol.errors import EnvironmentProblem, UsageProblem
from tests.engine.source.practice import job
from tests.simulators.sqlserver.standin import serving

SOURCE = load_source("dexis11")
PERSON = Row("Person", "PersonID", {"PersonID": 7, "SSN": None, "Removed": 0})


def _run(url: str, *statements: str) -> None:
    engine = engine_for(make_url(url), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _texts(url: str, question: str) -> list[object]:
    engine = opened(url)
    with engine.connect() as connection:
        found = [row[0] for row in connection.exec_driver_sql(question)]
    engine.dispose()
    return found


@pytest.fixture
def practice(new_standin_database: Callable[[], str]) -> str:
    url = new_standin_database()
    _run(
        url,
        "CREATE TABLE patient (id INTEGER PRIMARY KEY, text NVARCHAR(40))",
        "INSERT INTO patient VALUES (1, N'Żółć')",
    )
    return url


def _backup(url: str, path: Path) -> Path:
    _run(url, f"BACKUP DATABASE [{make_url(url).database}] TO DISK = N'{path}'")
    return path


def _staging(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def test_a_backup_becomes_a_staging_that_nobody_can_write_and_that_is_made_anew(practice: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    staging = _staging(practice, f"staging_{make_url(practice).database}")
    made = job(tmp_path, SnapshotKind.MSSQL_BACKUP, _backup(practice, tmp_path / "core.bak"), staging)
    told: list[int] = []
    assert restore(made, SOURCE, told.append).tables == 1
    assert sum(told) > 0
    assert _texts(staging, "SELECT text FROM patient") == ["Żółć"]
    with pytest.raises(sa.exc.DBAPIError, match="3906"):
        _run(staging, "INSERT INTO patient VALUES (2, N'never')")
    assert restore(made, SOURCE, told.append).tables == 1
    _run(_staging(practice, "master"), f"DROP DATABASE [{make_url(staging).database}]")


def test_a_database_that_is_not_ours_is_never_restored_over(
    practice: str, new_standin_database: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    theirs = new_standin_database()
    _run(theirs, "CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
    backup = _backup(practice, tmp_path / "core.bak")
    for staging in (theirs, practice):
        with pytest.raises(UsageProblem):
            restore(job(tmp_path, SnapshotKind.MSSQL_BACKUP, backup, staging), SOURCE)
    assert _texts(theirs, "SELECT name FROM sys.tables") == ["theirs"]


def test_a_backup_that_ends_too_soon_is_told(practice: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    backup = _backup(practice, tmp_path / "core.bak")
    backup.write_bytes(backup.read_bytes()[:-100])
    staging = _staging(practice, f"staging_{make_url(practice).database}")
    with pytest.raises(EnvironmentProblem):
        restore(job(tmp_path, SnapshotKind.MSSQL_BACKUP, backup, staging), SOURCE)
    _run(_staging(practice, "master"), f"DROP DATABASE [{make_url(staging).database}]")


@pytest.mark.parametrize("number", [1205, 3960])
def test_a_deadlock_and_a_moment_that_passed_are_worth_another_try(
    new_standin_database: Callable[[], str], number: int
) -> None:
    url = new_standin_database()
    write_empty_database(url)
    database = TargetDatabase(url, load_target("dexis10"), read_only=False)
    _run(url, f"EXEC standin_refuse N'INSERT INTO .Person', {number}, 1")
    with pytest.raises(Failure) as refused, database.transaction() as connection:
        database.insert(connection, [PERSON])
    assert refused.value.kind is Kind.TRANSIENT
    with database.transaction() as connection:
        database.insert(connection, [PERSON])
    assert database.found_of([PERSON]).equal == 1
    database.close()


def test_the_rights_that_the_docs_name_are_enough_and_no_more(
    new_standin_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_standin_database()
    write_empty_database(url)
    login = f"L{make_url(url).database}"
    _run(url, f"CREATE LOGIN [{login}] WITH PASSWORD = N'Sword!fish2'", f"CREATE USER [{login}] FOR LOGIN [{login}]")
    _run(url, f"ALTER ROLE db_datareader ADD MEMBER [{login}]")
    theirs = make_url(url).set(username=login, password="Sword!fish2").render_as_string(hide_password=False)
    database = TargetDatabase(theirs, load_target("dexis10"), read_only=False)
    with pytest.raises(Failure, match=r"229|262|1088"), database.transaction() as connection:
        database.insert(connection, [PERSON])
    _run(url, f"GRANT INSERT, DELETE, ALTER ON SCHEMA::dbo TO [{login}]")
    with database.transaction() as connection:
        database.insert(connection, [PERSON])
        assert database.delete(connection, [PERSON]) == 1
    with pytest.raises(sa.exc.DBAPIError, match="229"):
        _run(theirs, "UPDATE SystemInfo SET Value = 'theirs'")
    database.close()


@pytest.mark.parametrize("encrypt", ["no", "yes", "strict"])
def test_a_server_is_talked_to_in_tls_only_where_its_certificate_is_trusted(
    postgresql_url: str, driver_manager: None, tmp_path: Path, encrypt: str
) -> None:
    with serving(postgresql_url, tmp_path, certificate=True) as url:
        assert _texts(f"{url}&Encrypt=no", "SELECT N'ö'") == ["ö"]
        if encrypt == "no":
            return
        with pytest.raises(sa.exc.DBAPIError, match=r"(?i)certificate"):
            _texts(f"{url}&Encrypt={encrypt}", "SELECT 1")
        trusted = "TrustServerCertificate=yes" if encrypt == "yes" else f"ServerCertificate={tmp_path / 'server.pem'}"
        assert _texts(f"{url}&Encrypt={encrypt}&{trusted}", "SELECT N'ö'") == ["ö"]
