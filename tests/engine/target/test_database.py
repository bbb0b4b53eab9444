"""The target database of each kind: what is there, what is put there, and what a read-only one refuses."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from demo.dexis10 import opened, write_empty_database
from engine.profiles.load import load_target
from engine.target.columns import adapted, as_timestamp
from engine.target.connect import Statements, connected
from engine.target.database import Found, TargetDatabase
from engine.target.failures import Failure, Kind, explained
from engine.target.rows import Row
from protocol.errors import EnvironmentProblem, UsageProblem

PROFILE = load_target("dexis10")
PERSON = Row("Person", "PersonID", {"PersonID": 7, "SSN": None, "Removed": 0})
NAME = Row(
    "PersonName", "PersonID", {"PersonID": 7, "TypeID": 1, "FamilyName": "王", "GivenName": "Ødegård", "Title": None}
)
BORN = Row("Patient", "PersonID", {"PersonID": 7, "ExternalID": "007", "DateOfBirth": date(1971, 5, 1), "Sex": "F"})
ROWS = (PERSON, NAME, BORN)
_A_DAY = datetime.fromisoformat("2020-01-02")


@pytest.fixture
def url(empty_database: str) -> str:
    write_empty_database(empty_database)
    return empty_database


@pytest.fixture
def database(url: str) -> Iterator[TargetDatabase]:
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as opened:
        yield opened


def _insert(database: TargetDatabase, *rows: Row) -> None:
    with database.transaction() as connection:
        database.insert(connection, rows)


def _run(url: str, *statements: str) -> None:
    engine = opened(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def test_inserted_rows_are_found_value_for_value(database: TargetDatabase) -> None:
    assert database.found_of(ROWS) == Found(0, 0)
    _insert(database, *ROWS)
    assert database.found_of(ROWS, after_writers=True) == Found(3, 3)


@pytest.mark.parametrize("change", [{"FamilyName": "玉"}, {"GivenName": "Odegard"}, {"Title": "Dr"}])
def test_a_row_that_differs_in_one_value_is_not_ours(database: TargetDatabase, change: dict[str, object]) -> None:
    _insert(database, *ROWS)
    other = Row("PersonName", "PersonID", {**NAME.values, **change})
    assert database.found_of((PERSON, other, BORN)) == Found(3, 2)


def test_a_strangers_row_between_two_of_ours_is_not_one_of_ours(database: TargetDatabase) -> None:
    ours = [Row("Person", "PersonID", {"PersonID": key, "SSN": None, "Removed": 0}) for key in (7, 9)]
    _insert(database, Row("Person", "PersonID", {"PersonID": 8, "SSN": None, "Removed": 0}))
    assert database.found_of(ours) == Found(0, 0)
    _insert(database, *ours)
    assert database.found_of(ours) == Found(2, 2)


def test_a_name_that_only_the_columns_collation_calls_equal_is_not_deleted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/DEXIS.sqlite"
    write_empty_database(url)
    columns = "PersonID INTEGER, TypeID INTEGER, FamilyName TEXT COLLATE NOCASE, GivenName TEXT, Title TEXT"
    more = "MiddleName TEXT, Suffix TEXT"
    _run(url, "DROP TABLE PersonName", f"CREATE TABLE PersonName ({columns}, {more})")
    smith, shouted = (Row("PersonName", "PersonID", {**NAME.values, "FamilyName": name}) for name in ("Smith", "SMITH"))
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as database:
        _insert(database, smith)
        with database.transaction() as connection:
            assert database.delete(connection, [shouted]) == 0
            assert database.delete(connection, [smith]) == 1


def _logged(key: int, **changed: object) -> Row:
    """A row of the one table in which nothing leads to a row but reading them all."""
    values = {"Event": "FileImport", "Filename": f"{key}.dex", "ItemID": key, "EventDateTime": None}
    return Row("ActivityLog", "ItemID", {**values, **changed})


def test_rows_of_a_table_without_an_index_are_deleted_many_at_once_and_no_others(database: TargetDatabase) -> None:
    ours = [_logged(key) for key in range(1, 1101)]
    others = [
        _logged(3, Event="Rotate"),
        _logged(1101),
        _logged(1100, EventDateTime=datetime.fromisoformat("2020-01-02")),
    ]
    _insert(database, PERSON, *ours, *others)
    with database.transaction() as connection:
        assert database.delete(connection, [PERSON, *ours]) == 1101
    assert database.fingerprint()["ActivityLog"].rows == 3
    assert database.found_of(others) == Found(3, 3)


def test_a_row_that_stands_there_twice_makes_up_for_none_that_is_gone(database: TargetDatabase) -> None:
    _insert(database, _logged(7), _logged(7))
    with database.transaction() as connection:
        assert database.delete(connection, [PERSON, _logged(7)]) == 0


def test_a_transaction_that_fails_leaves_no_row(database: TargetDatabase) -> None:
    with pytest.raises(Failure) as failure:
        _insert(database, PERSON, NAME, PERSON)
    assert failure.value.kind is Kind.PERMANENT
    assert "Ødegård" not in str(failure.value)
    assert database.found_of(ROWS) == Found(0, 0)


def test_the_baseline_is_the_largest_key_in_use(database: TargetDatabase) -> None:
    assert database.baseline() == {"patient": 0, "study": 0, "series": 0, "image": 0}
    _insert(database, PERSON)
    assert database.baseline()["patient"] == 7


def test_the_fingerprint_sees_any_change_and_no_order(url: str) -> None:
    other = Row("Person", "PersonID", {"PersonID": 8, "SSN": None, "Removed": 0})
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as database:
        empty = database.fingerprint()
        _insert(database, PERSON, other)
        full = database.fingerprint()
        assert {name for name in empty if empty[name] != full[name]} == {"Person"}
        with database.transaction() as connection:
            connection.execute(sa.text("DELETE FROM Person"))
        _insert(database, other, PERSON)
        assert database.fingerprint() == full
        with database.transaction() as connection:
            connection.execute(sa.text("UPDATE Person SET Removed = 1 WHERE PersonID = 8"))
        assert database.fingerprint() != full


def test_what_the_profile_relies_on_and_is_not_there_is_named(url: str, database: TargetDatabase) -> None:
    assert database.drift() == []
    assert database.version() == "10.1"
    with database.transaction() as connection:
        connection.execute(sa.text("ALTER TABLE Image DROP COLUMN DeviceMake"))
        connection.execute(sa.text("DROP TABLE ActivityLog"))
    with closing(TargetDatabase(url, PROFILE, read_only=True)) as changed:
        assert changed.drift() == ["Image.DeviceMake", "ActivityLog"]


def test_a_read_only_target_refuses_before_and_at_the_server(url: str) -> None:
    with closing(TargetDatabase(url, PROFILE, read_only=True)) as database:
        with pytest.raises(EnvironmentProblem):
            _insert(database, PERSON)
        assert database.statements.refused == 1
        if database.dialect == "mssql":  # it has no read-only session: only our own guard stands there
            return
        with (
            database.transaction() as connection,
            pytest.raises((sqlite3.OperationalError, psycopg.Error), match="read"),
        ):
            connection.connection.cursor().execute("DELETE FROM SystemInfo")  # past our own guard
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as database:
        assert database.version() == "10.1"


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("sqlite:////nowhere/at/all.sqlite", EnvironmentProblem),
        ("postgresql+psycopg://127.0.0.1:1/none", EnvironmentProblem),
        ("mysql+nothing://x/y", UsageProblem),
        ("no url", UsageProblem),
    ],
)
def test_a_target_that_cannot_be_used_is_said_with_a_next_step(bad: str, error: type[EnvironmentProblem]) -> None:
    with pytest.raises(error) as problem:
        TargetDatabase(bad, PROFILE, read_only=True)
    assert problem.value.next_step


def test_a_wrong_path_never_becomes_an_empty_database(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem):
        TargetDatabase(f"sqlite:///{tmp_path}/typo.sqlite", PROFILE, read_only=False)
    assert list(tmp_path.iterdir()) == []


STUDIES = [
    Row("Study", "StudyRecordID", {"StudyRecordID": key, "PatientID": 7, "Name": "Visit", "CreatedDate": at})
    for key, at in enumerate(
        map(
            datetime.fromisoformat,
            ("2019-03-04 10:30:01.0045", "1999-12-31 23:59:59.5", "1987-06-05 04:03:02.5", "2031-01-01 00:00:29.9985"),
        ),
        1,
    )
]
COARSE_TIMES = {
    "sqlite": ["TIMESTAMP"],
    "postgresql": ["TIMESTAMP", "TIMESTAMP(0)", "TIMESTAMP(3)", "DATE", "VARCHAR(30)", "TIMESTAMPTZ", "TIMESTAMPTZ(3)"],
    "mssql": ["DATETIME", "SMALLDATETIME", "DATETIME2(0)", "DATETIME2(3)", "DATE", "VARCHAR(30)", "DATETIMEOFFSET(3)"],
}


@pytest.mark.parametrize("number", range(7))
def test_a_time_is_found_again_as_coarsely_as_its_column_keeps_it(url: str, number: int) -> None:
    kinds = COARSE_TIMES[sa.engine.make_url(url).get_backend_name()]
    kind = kinds[number % len(kinds)]
    _run(url, "ALTER TABLE Study DROP COLUMN CreatedDate", f"ALTER TABLE Study ADD CreatedDate {kind}")
    studies = [_in_oslo(row) for row in STUDIES] if kind.startswith(("TIMESTAMPTZ", "DATETIMEOFFSET")) else STUDIES
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as database:
        _insert(database, *ROWS, *studies)
        assert database.found_of(studies) == Found(len(studies), len(studies))
        with database.transaction() as connection:
            assert database.delete(connection, studies) == len(studies)


def _in_oslo(row: Row) -> Row:
    at = row.values["CreatedDate"]
    assert isinstance(at, datetime)
    return replace(row, values={**row.values, "CreatedDate": at.replace(tzinfo=timezone(timedelta(hours=1)))})


def test_a_time_of_no_zone_never_gets_this_machine_s(new_database: Callable[[], str]) -> None:
    url = new_database()
    write_empty_database(url)
    _run(url, "ALTER TABLE Study ALTER CreatedDate TYPE TIMESTAMPTZ")
    with (
        closing(TargetDatabase(url, PROFILE, read_only=False)) as database,
        pytest.raises(Failure, match="does not fit its column in Study"),
    ):
        _insert(database, *ROWS, *STUDIES)


def test_after_explicit_keys_the_target_itself_goes_on_with_the_next(url: str, database: TargetDatabase) -> None:
    dialect = database.dialect
    if dialect == "postgresql":
        _run(url, "CREATE SEQUENCE person_keys OWNED BY Person.PersonID")
        _run(url, "ALTER TABLE Person ALTER PersonID SET DEFAULT nextval('person_keys')")
    _insert(database, PERSON)
    database.advance_counters()
    _run(url, "INSERT INTO Person (SSN, Removed) VALUES (NULL, 0)")
    assert database.baseline()["patient"] == 8
    database.advance_counters()
    _run(url, "INSERT INTO Person (SSN, Removed) VALUES (NULL, 0)")
    assert database.baseline()["patient"] == 9


def test_postgresql_takes_a_planned_key_where_it_would_always_make_one(new_database: Callable[[], str]) -> None:
    url = new_database()
    write_empty_database(url)
    _run(url, "ALTER TABLE Person ALTER PersonID ADD GENERATED ALWAYS AS IDENTITY")
    with closing(TargetDatabase(url, PROFILE, read_only=False)) as database:
        _insert(database, PERSON)
        database.advance_counters()
        _run(url, "INSERT INTO Person (SSN, Removed) VALUES (NULL, 0)")
        assert database.baseline()["patient"] == 8


def test_postgresqls_deadlock_and_serialization_failure_are_worth_another_try(new_database: Callable[[], str]) -> None:
    url = new_database()
    write_empty_database(url)
    for code, kind in (("40001", Kind.TRANSIENT), ("40P01", Kind.TRANSIENT), ("53100", Kind.ENVIRONMENT)):
        with (
            closing(TargetDatabase(url, PROFILE, read_only=False)) as database,
            pytest.raises(Failure) as failure,
            database.transaction() as connection,
        ):
            connection.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'Ana' USING ERRCODE = '{code}'; END $$"))
        assert failure.value.kind is kind
        assert code in failure.value.detail


@pytest.mark.parametrize("digits", range(7))
def test_postgresql_rounds_a_time_as_we_say(new_database: Callable[[], str], digits: int) -> None:
    chance = random.Random(digits)
    halves = [10 ** (6 - digits) // 2 + offset for offset in (-1, 0, 1)]
    moments = [
        datetime.fromisoformat(f"{year}-06-05 04:03:59") + timedelta(microseconds=max(0, micro))
        for year in (1753, 1987, 1999, 2000, 2024, 9998)
        for micro in (0, *halves, 999_999, *(chance.randrange(1_000_000) for _ in range(20)))
    ]
    made = sa.create_engine(new_database())
    with made.connect() as connection:
        for moment in moments:
            asked = sa.text(f"SELECT CAST(CAST('{moment.isoformat(sep=' ')}' AS TIMESTAMP) AS TIMESTAMP({digits}))")
            assert connection.execute(asked).scalar() == as_timestamp(moment, digits)
    made.dispose()


def test_the_rights_in_the_docs_are_enough_on_postgresql(new_database: Callable[[], str], postgresql_url: str) -> None:
    url = new_database()
    write_empty_database(url)
    _run(url, "ALTER TABLE Person ALTER PersonID ADD GENERATED ALWAYS AS IDENTITY")
    text = (Path(__file__).parents[3] / "docs" / "databases.md").read_text("utf-8")
    grants = [line.partition("--")[0] for line in text.split("## PostgreSQL")[1].splitlines() if line[:5] == "GRANT"]
    role = f"fewest_{sa.engine.make_url(url).database}"
    _run(url, f"CREATE ROLE {role} LOGIN", *(grant.replace("bitewing", role) for grant in grants))
    fewest = sa.engine.make_url(url).set(username=role).render_as_string(hide_password=False)
    try:
        with closing(TargetDatabase(fewest, PROFILE, read_only=False)) as database:
            _insert(database, *ROWS)
            assert database.found_of(ROWS, after_writers=True) == Found(3, 3)
            database.advance_counters()
            with database.transaction() as connection:
                assert database.delete(connection, ROWS) == 3
            with pytest.raises(Failure, match="42501"), database.transaction() as connection:
                connection.execute(sa.text("DROP TABLE Person"))
    finally:
        _run(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


WHEN = datetime.fromisoformat("2019-03-04T10:30:01")
ADAPTED: list[tuple[sa.types.TypeEngine[object], object, object]] = [
    (sa.String(), b"\x01\xff", "01ff"),
    (sa.String(), WHEN, "2019-03-04 10:30:01"),
    (sa.String(), date(2019, 3, 4), "2019-03-04"),
    (sa.String(), 7, "7"),
    (sa.Boolean(), 0, False),
    (sa.LargeBinary(), b"\x01", b"\x01"),
    (sa.DateTime(), date(2019, 3, 4), datetime.fromisoformat("2019-03-04")),
    (sa.Date(), WHEN, date(2019, 3, 4)),
    (sa.Integer(), 7, 7),
    (sa.Integer(), None, None),
]


@pytest.mark.parametrize(("kind", "value", "wanted"), ADAPTED)
def test_a_value_takes_the_form_of_its_column(kind: sa.types.TypeEngine[object], value: object, wanted: object) -> None:
    found = adapted(kind, value)
    assert found == wanted
    assert type(found) is type(wanted)


def test_an_unforeseen_error_is_permanent_and_quotes_nothing() -> None:
    failure = explained(ValueError("Ana Ødegård"))
    assert (failure.kind, failure.detail) == (Kind.PERMANENT, "a defect in Bitewing (ValueError): report it")


def test_a_driver_that_cannot_be_loaded_is_the_environments_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(EnvironmentProblem, match="driver") as caught:
        connected("mssql+pyodbc://host/DEXIS?driver=x", Statements(read_only=True))
    assert "bitewing[mssql]" in caught.value.next_step
