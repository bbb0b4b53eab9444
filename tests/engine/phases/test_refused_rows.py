"""What the target's own constraints would refuse at night is found in the dry run, on every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from engine.phases import convert, dry_run, reconcile
from engine.profiles.load import load_target
from engine.target.constraints import Constraint
from engine.target.database import TargetDatabase
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.simulators.databases import opened

F = FindingCode
ONCE = "must be given once"
IS_THERE = "a row of the target has the same"
IS_PLANNED = "another planned row has the same"


def practice() -> TinyPractice:
    """A practice in which nothing is found, but that two patients have one given name and one sex."""
    made = TinyPractice()
    made.rows["patient"] = [row for row in made.rows["patient"] if row["id"] != 3]
    made.rows["study"] = [row for row in made.rows["study"] if row["id"] != 31]
    made.row("patient", 2)["sex"] = "F"
    return made


@pytest.fixture
def tiny(empty_database: str, tmp_path: Path) -> Tiny:
    return practice().build(tmp_path / "practice", target=empty_database)


@pytest.fixture(params=["sqlite", "postgresql"])
def not_sql_server(request: pytest.FixtureRequest, tmp_path: Path) -> Tiny:
    """For what SQL Server says otherwise, or does otherwise."""
    if request.param == "sqlite":
        return practice().build(tmp_path / "practice")
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return practice().build(tmp_path / "practice", target=new_database())


def change(tiny: Tiny, *statements: str) -> None:
    engine = opened(tiny.target)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def refused(tiny: Tiny) -> list[tuple[str | None, str | None, str | None, str]]:
    """Patient, image, column and sentence of everything that the target would not take."""
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return [
        (found.patient, found.image, found.place, found.detail or "")
        for found in told.findings
        if found.code in {F.VALUE_UNFIT, F.SCHEMA_DRIFT}
    ]


def test_the_modelled_target_demands_nothing_that_the_plan_does_not_settle(tiny: Tiny) -> None:
    with closing(TargetDatabase(tiny.target, load_target("dexis10"), read_only=True)) as database:
        assert database.constraints() == []
    assert refused(tiny) == []


def test_two_planned_rows_under_one_unique_key_are_both_told(tiny: Tiny) -> None:
    change(tiny, "CREATE UNIQUE INDEX one_sex ON Patient (Sex)")
    sentence = f"code('sex', patient.sex) {ONCE} (Sex is UNIQUE), and {IS_PLANNED}; correct it in the source"
    assert refused(tiny) == [(key, None, "Patient.Sex", sentence) for key in ("1", "2")]


def test_an_image_is_named_and_a_value_that_stands_in_the_target_is_told_apart(not_sql_server: Tiny) -> None:
    change(
        not_sql_server,
        "CREATE UNIQUE INDEX one_number ON Image (ImageNum)",
        "INSERT INTO Person (PersonID, Removed) VALUES (1, 0)",
        "INSERT INTO Patient (PersonID) VALUES (1)",
        "INSERT INTO Study (StudyRecordID, PatientID) VALUES (1, 1)",
        "INSERT INTO Series (SeriesID, StudyRecordID, Name) VALUES (1, 1, '')",
        "INSERT INTO Visual (VisualID, SeriesID, ImageCategory) VALUES (1, 1, 1)",
        "INSERT INTO Image (VisualID, UID, ImageNum, SecurityHash) VALUES (1, '1.2', 4, '')",
    )
    [(patient, image, place, sentence)] = refused(not_sql_server)
    assert (patient, image, place) == ("1", "4", "Image.ImageNum")
    assert IS_THERE in sentence


UNTOUCHED: dict[str, str] = {
    "a key with the row's own key": "CREATE UNIQUE INDEX u ON Patient (Sex, PersonID)",
    "two columns, and only one is equal": "CREATE UNIQUE INDEX u ON Patient (Sex, ExternalID)",
    "no unique key": "CREATE INDEX u ON Patient (Sex)",
    "a path is one image's": "CREATE UNIQUE INDEX u ON ActivityLog (Filename)",
}
NULLS: Final = "CREATE UNIQUE INDEX u ON Person (SSN)"
NOT_ON_SQL_SERVER: dict[str, str] = {
    "nulls are no equals": NULLS,
    "some rows only": "CREATE UNIQUE INDEX u ON Patient (Sex) WHERE DateOfBirth IS NULL",
    "no column, but something made of it": "CREATE UNIQUE INDEX u ON Patient (lower(ExternalID))",
}


@pytest.mark.parametrize("statement", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_no_two_rows_share_is_no_finding(tiny: Tiny, statement: str) -> None:
    change(tiny, statement)
    assert refused(tiny) == []


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.parametrize("statement", NOT_ON_SQL_SERVER.values(), ids=NOT_ON_SQL_SERVER)
def test_what_two_rows_may_share_elsewhere_is_no_finding(not_sql_server: Tiny, statement: str) -> None:
    change(not_sql_server, statement)
    assert refused(not_sql_server) == []


def test_to_sql_server_two_nulls_are_one(new_standin_database: Callable[[], str], tmp_path: Path) -> None:
    tiny = practice().build(tmp_path / "practice", target=new_standin_database())
    change(tiny, NULLS)
    assert [(patient, place) for patient, _, place, _ in refused(tiny)] == [(key, "Person.SSN") for key in ("1", "2")]


FOUND: dict[str, tuple[str, str]] = {
    "several columns": ("CREATE UNIQUE INDEX u ON Patient (Sex, ExternalID)", "Patient.Sex"),
    "of one parent": ("CREATE UNIQUE INDEX u ON Study (PatientID, Name)", "Study.PatientID"),
    "all rows that have a value": (
        "CREATE UNIQUE INDEX u ON Patient (ExternalID) WHERE ExternalID IS NOT NULL",
        "Patient.ExternalID",
    ),
}


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND)
def test_every_form_of_a_unique_key_is_held(
    tmp_path: Path, new_database: Callable[[], str], case: tuple[str, str]
) -> None:
    statement, place = case
    made = practice()
    made.row("patient", 2)["practice_pms_id"] = "000123"
    for name, target in (("sqlite", None), ("postgresql", new_database())):
        tiny = made.build(tmp_path / name, target=target)
        change(tiny, statement)
        assert {found[2] for found in refused(tiny)} == {place}


LOOK_UP = (
    "CREATE TABLE Category (Code INTEGER PRIMARY KEY)",
    "INSERT INTO Category VALUES (1), (2), (4), (5)",
    "DROP TABLE ActivityLog",
    "DROP TABLE Image",
    "DROP TABLE Visual",
)
VISUAL = (
    "CREATE TABLE Visual (VisualID INTEGER PRIMARY KEY, SeriesID INTEGER NOT NULL, ImageCategory INTEGER NOT NULL{0},"
    " Settings VARCHAR(255), Teeth VARCHAR(255){1})"
)
LATER = (
    "CREATE TABLE Image (VisualID INTEGER PRIMARY KEY, UID VARCHAR(64) NOT NULL, ImageNum INTEGER NOT NULL,"
    " SecurityHash {0} NOT NULL, AcquiredDate TIMESTAMP, DeviceMake VARCHAR(64), DeviceModel VARCHAR(64),"
    " DeviceSerial VARCHAR(64))",
    "CREATE TABLE ActivityLog (Event VARCHAR(32) NOT NULL, Filename VARCHAR(255) NOT NULL, ItemID INTEGER NOT NULL,"
    " EventDateTime TIMESTAMP)",
)


def pointing(tiny: Tiny, column: str, key: str = "", *, first: bool = False) -> None:
    """Visual points somewhere; the tables of images are made anew."""
    binary = "BLOB" if tiny.target.startswith("sqlite") else "BYTEA"
    visual, (image, log) = VISUAL.format(column, key), LATER
    change(tiny, *LOOK_UP, *((image.format(binary), visual) if first else (visual, image.format(binary))), log)


def test_a_code_that_a_table_of_words_does_not_have_is_told_by_image(not_sql_server: Tiny) -> None:
    pointing(not_sql_server, " REFERENCES Category (Code)")
    sentence = (
        "code('category', image.category) is not among the rows of {}, which the column points to; enter it there, or"
        " correct [codes]"
    )
    [(patient, image, place, said)] = refused(not_sql_server)
    assert (patient, image, place) == ("2", "6", "Visual.ImageCategory")
    assert said.lower() == sentence.format("category").lower()
    change(not_sql_server, "INSERT INTO Category VALUES (3)")
    assert refused(not_sql_server) == []


def test_a_key_that_points_to_a_table_nobody_fills_is_told_by_its_column(not_sql_server: Tiny) -> None:
    pointing(not_sql_server, "", ", FOREIGN KEY (SeriesID) REFERENCES Category (Code)")
    [(patient, _, place, said)] = refused(not_sql_server)
    assert (patient, place) == (None, "Visual.SeriesID")
    assert said.lower() == "points to category, whose rows no [[insert]] writes; write one for it"


@pytest.mark.parametrize("there", [(), ("CREATE TABLE Gone (Other INTEGER)",)], ids=["no table", "no such column"])
def test_what_points_to_nothing_in_sqlite_ends_no_dry_run(tmp_path: Path, there: tuple[str, ...]) -> None:
    """SQLite looks at no foreign key unless it is told to; such a target was never told."""
    tiny = practice().build(tmp_path / "practice")
    event = "Event VARCHAR(64) REFERENCES Gone (Name)"
    log = f"CREATE TABLE ActivityLog ({event}, Filename VARCHAR(260), ItemID INTEGER, EventDateTime TIMESTAMP)"
    change(tiny, *there, "DROP TABLE ActivityLog", log)
    assert refused(tiny) == []


def test_a_row_that_points_to_one_filled_later_is_told_where_the_server_looks_at_once(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    tiny = practice().build(tmp_path / "practice", target=new_database())
    pointing(tiny, "", ", FOREIGN KEY (VisualID) REFERENCES Image (VisualID)", first=True)
    [(patient, _, place, said)] = refused(tiny)
    assert (patient, place) == (None, "Visual.VisualID")
    assert said == "points to image, which is filled later; write that [[insert]] before this one"
    change(tiny, "ALTER TABLE Visual ALTER CONSTRAINT visual_visualid_fkey DEFERRABLE INITIALLY DEFERRED")
    assert refused(tiny) == []


def test_in_a_top_up_who_leaves_makes_room_and_who_stays_does_not(tmp_path: Path) -> None:
    made = practice()
    tiny = made.build(tmp_path / "practice")
    change(tiny, "CREATE UNIQUE INDEX u ON Patient (ExternalID)")
    for function, phase in (
        (dry_run.run, Phase.DRY_RUN),
        (convert.run, Phase.CONVERT),
        (reconcile.run, Phase.RECONCILE),
    ):
        result, _ = run_phase(function, phase, tiny)
        assert not {check.verdict for check in result.checks} & {Verdict.FAIL}
    made.row("patient", 1)["family_name"] = "Married"  # comes again with her chart number, and leaves with it
    made.restage(tiny)
    assert refused(tiny) == []
    made.row("patient", 1)["practice_pms_id"] = "000124"  # the number of one who stays
    made.restage(tiny)
    [(patient, _, place, said)] = refused(tiny)
    assert (patient, place) == ("1", "Patient.ExternalID") and IS_THERE in said


EQUAL: dict[str, tuple[sa.types.TypeEngine[Any], object, object, bool]] = {
    "case, where the collation has none": (mssql.NVARCHAR(9, collation="Latin1_General_CI_AS"), "Ab", "aB", True),
    "case, where it has": (mssql.NVARCHAR(9, collation="Latin1_General_CS_AS"), "Ab", "aB", False),
    "blanks at the end": (mssql.NVARCHAR(9, collation="Latin1_General_BIN2"), "Ab ", "Ab", True),
    "accents, where it has none": (mssql.NVARCHAR(9, collation="Latin1_General_CS_AI"), "é", "e", True),
    "accents, where it has": (mssql.NVARCHAR(9, collation="Latin1_General_CI_AS"), "é", "e", False),
    "nulls": (mssql.NVARCHAR(9), None, None, True),
    "numbers": (sa.Numeric(9, 2), 1, 1.0, True),
    "truth": (mssql.BIT(), 1, True, True),
}


@pytest.mark.parametrize("case", EQUAL.values(), ids=EQUAL)
def test_values_are_equal_where_sql_server_says_so(
    case: tuple[sa.types.TypeEngine[Any], object, object, bool],
) -> None:
    kind, planned, standing, expected = case
    rule = Constraint("T", ("c",), (kind,), (), "mssql", nulls_are_equal=True)
    assert (rule.planned([planned]) == rule.held([standing])) is expected
