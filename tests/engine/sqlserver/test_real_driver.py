"""Microsoft's own ODBC driver, loaded for real, against a closed port and against a server that only talks.

What it makes of SQL Server's errors is what the product meets; nothing here is made up by us but the server's words.
"""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from engine.identifiers import Matching
from engine.profiles.load import load_source, load_target
from engine.source.database import SourceDatabase
from engine.sqlserver.connection import PREPARED, engine_for, reading_engine
from engine.target.database import TargetDatabase
from engine.target.failures import Failure, Kind
from engine.target.rows import Row
from engine.target.schema import LiveSchema
from protocol.errors import EnvironmentProblem
from tests.simulators.sqlserver.talking import HANG_UP, SILENCE, Refusal, Talking

PROFILE = load_target("dexis10")
PERSON = [Row("Person", "PersonID", {"PersonID": key, "SSN": None, "Removed": 0}) for key in (7, 8)]
NAME = Row("PersonName", "PersonID", {"PersonID": 7, "FamilyName": "Ødegård"})
ABOUT_ITSELF = {"ProductVersion": "15.0.2000.5", "schema_name": "dbo", "snapshot_isolation_state": "1"}
ABOUT_ITSELF |= {"DATABASE_DEFAULT": "0", "transaction_isolation_level": "READ COMMITTED"}


@pytest.fixture
def server(talking: Talking, monkeypatch: pytest.MonkeyPatch) -> Talking:
    """It answers what every connection asks, and its tables are taken as known."""
    talking.says(ABOUT_ITSELF)
    talking.says({"sp_describe_undeclared_parameters": Refusal(11_513, "The metadata could not be determined")})
    metadata = sa.MetaData()
    key = sa.Column("PersonID", sa.Integer, sa.Identity(), primary_key=True)
    person = sa.Table("Person", metadata, key, sa.Column("SSN", sa.VARCHAR(16)), sa.Column("Removed", sa.Integer))
    name = sa.Table("PersonName", metadata, sa.Column("PersonID", sa.Integer), sa.Column("FamilyName", sa.NVARCHAR(64)))
    known = LiveSchema({"Person": person, "PersonName": name}, Matching("mssql"), {person: (), name: ()})
    monkeypatch.setattr(LiveSchema, "read", staticmethod(lambda connection, profile: known))
    return talking


def opened(server: Talking, **options: str) -> Any:
    return closing(TargetDatabase(server.url(timeout="5", **options), PROFILE, read_only=False))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.usefixtures("driver_manager")
def test_a_server_that_is_not_there_is_said_with_the_drivers_own_code() -> None:
    url = f"mssql+pyodbc://dex:swordfish@127.0.0.1:{closed_port()}/core?timeout=1"
    for open_it in (
        lambda: SourceDatabase.open(url, load_source("dexis11")),
        lambda: TargetDatabase(url, PROFILE, read_only=True),
    ):
        with pytest.raises(EnvironmentProblem, match="the server cannot be reached") as problem:
            open_it()
        assert "HYT00" in str(problem.value) or "08001" in str(problem.value)
        assert "swordfish" not in f"{problem.value} {problem.value.next_step}"


@pytest.mark.usefixtures("driver_manager")
def test_a_driver_that_does_not_exist_is_said() -> None:
    with pytest.raises(EnvironmentProblem, match="the ODBC driver cannot be loaded"):
        SourceDatabase.open("mssql+pyodbc://127.0.0.1/core?driver=No+Such+Driver&timeout=1", load_source("dexis11"))


REFUSALS = [
    (Refusal(1205, "Transaction (Process ID 52) was deadlocked on lock resources.", 13), Kind.TRANSIENT, "deadlock"),
    (Refusal(3960, "Snapshot isolation transaction aborted due to update conflict."), Kind.TRANSIENT, "same rows"),
    (Refusal(1222, "Lock request time out period exceeded."), Kind.ENVIRONMENT, "lock"),
    (Refusal(1105, "Could not allocate space for object 'dbo.Person'.", 17), Kind.ENVIRONMENT, "full"),
    (Refusal(9002, "The transaction log for database 'DEXIS' is full.", 17), Kind.ENVIRONMENT, "full"),
    (Refusal(3906, "Failed to update database because the database is read-only."), Kind.ENVIRONMENT, "read-only"),
    (Refusal(229, "The INSERT permission was denied on the object 'Person'.", 14), Kind.ENVIRONMENT, "right"),
    (Refusal(2627, "Violation of PRIMARY KEY constraint (Ødegård).", 14), Kind.PERMANENT, "already there"),
    (Refusal(547, "The INSERT statement conflicted with the FOREIGN KEY constraint."), Kind.PERMANENT, "forbids"),
    (Refusal(2628, "String or binary data would be truncated: 'Ødegård'."), Kind.PERMANENT, "longer"),
    (Refusal(544, "Cannot insert explicit value for identity column."), Kind.PERMANENT, "schema"),
    (Refusal(50_000, "A trigger of the vendor says no: Ødegård."), Kind.PERMANENT, "refused"),
]


@pytest.mark.parametrize(("refusal", "kind", "word"), REFUSALS, ids=[str(each[0].number) for each in REFUSALS])
def test_each_refusal_is_told_for_what_it_is(server: Talking, refusal: Refusal, kind: Kind, word: str) -> None:
    server.says({"INSERT INTO": refusal})
    with opened(server) as database, pytest.raises(Failure) as failure, database.transaction() as connection:
        database.insert(connection, [NAME])
    assert failure.value.kind is kind
    assert word in failure.value.detail
    assert "Ødegård" not in failure.value.detail


@pytest.mark.parametrize(("number", "words"), [(18_456, "the login was refused"), (4060, "cannot be opened")])
def test_a_login_that_is_refused_is_said_without_the_password(server: Talking, number: int, words: str) -> None:
    server.refuses_logins(Refusal(number, "Login failed for user 'user'.", 14))
    with pytest.raises(EnvironmentProblem, match=words) as problem:
        SourceDatabase.open(server.url(timeout="5"), load_source("dexis11"))
    assert "swordfish" not in f"{problem.value} {problem.value.next_step}"


def test_a_connection_that_is_lost_is_the_environments(server: Talking) -> None:
    server.says({"INSERT INTO": HANG_UP})
    with opened(server) as database, pytest.raises(Failure) as failure, database.transaction() as connection:
        database.insert(connection, [NAME])
    assert failure.value.kind is Kind.ENVIRONMENT
    assert "lost" in failure.value.detail


def test_a_server_that_falls_silent_is_given_up(server: Talking) -> None:
    server.says({"INSERT INTO": SILENCE})
    with (
        opened(server, query_timeout="1") as database,
        pytest.raises(Failure) as failure,
        database.transaction() as connection,
    ):
        database.insert(connection, [NAME])
    assert failure.value.kind is Kind.ENVIRONMENT
    assert "in time" in failure.value.detail


def test_a_commit_that_is_refused_is_a_failure(server: Talking) -> None:
    with opened(server) as database:
        server.says({"COMMIT": Refusal(9002, "The transaction log for database 'DEXIS' is full.", 17)})
        with pytest.raises(Failure) as failure, database.transaction() as connection:
            database.insert(connection, [NAME])
    assert failure.value.kind is Kind.ENVIRONMENT


def test_a_commit_whose_answer_is_lost_is_the_environments_and_settled_by_evidence(server: Talking) -> None:
    with opened(server) as database:
        server.says({"COMMIT": HANG_UP})
        with pytest.raises(Failure) as failure, database.transaction() as connection:
            database.insert(connection, [NAME])
    assert failure.value.kind is Kind.ENVIRONMENT
    assert "lost" in failure.value.detail


def test_an_explicit_key_goes_between_on_and_off_and_only_where_the_table_has_an_identity(server: Talking) -> None:
    with opened(server) as database:
        server.heard()
        with database.transaction() as connection:
            database.insert(connection, [*PERSON, NAME])
    heard = server.heard()
    told = [
        word
        for text in heard
        for word in ("IDENTITY_INSERT [Person] ON", "IDENTITY_INSERT [Person] OFF", "INTO [Person] (", "[PersonName] (")
        if word in text
    ]
    assert list(dict.fromkeys(told)) == [
        "IDENTITY_INSERT [Person] ON",
        "INTO [Person] (",
        "IDENTITY_INSERT [Person] OFF",
        "[PersonName] (",
    ]
    assert not any("OUTPUT" in text for text in heard)


def test_a_key_that_the_server_makes_is_asked_for_in_the_same_breath(
    server: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says({"scope_identity": "4711"})
    with opened(server) as database, database.transaction() as connection:
        monkeypatch.setattr(database, "_makes", {("Person", "PersonID"): "patient"})
        server.heard()
        assert database.insert(connection, [PERSON[0]]) == {"patient": {7: 4711}}
    [insert] = [text for text in server.heard() if "INTO [Person]" in text and "sp_describe" not in text]
    assert "PersonID" not in insert
    assert "IDENTITY_INSERT" not in insert


def test_a_session_that_failed_is_not_used_again(server: Talking) -> None:
    """IDENTITY_INSERT outlives a rollback: the next patient would meet it."""
    server.says({"INTO .Person. ": Refusal(2627, "Violation of PRIMARY KEY constraint.", 14)})
    with opened(server) as database:
        with pytest.raises(Failure), database.transaction() as connection:
            database.insert(connection, PERSON)
        server.heard()
        with database.transaction() as connection:
            database.insert(connection, [NAME])
    assert PREPARED[0] in server.heard()


def test_every_session_is_prepared_and_a_reading_one_sees_a_snapshot(server: Talking) -> None:
    for made, level in ((engine_for, None), (reading_engine, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT")):
        server.heard()
        engine = made(make_url(server.url(timeout="5")))
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == ""
        engine.dispose()
        heard = server.heard()
        assert set(PREPARED) <= set(heard)
        assert level is None or level in heard
