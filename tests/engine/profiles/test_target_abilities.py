"""A target that makes something of what the source says is filled as its profile says, and reconciled to exact."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa

import engine.profiles
from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.profiles.load import load_target
from engine.reconcile.checkable import require_reconcilable
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, run_phase
from tests.simulators.postgresql import run_sql

DEXIS10 = (Path(engine.profiles.__file__).parent / "dexis10.toml").read_text(encoding="utf-8")
SHARDED = "Images/{hex8[0]}{hex8[4]}/{hex8[1]}{hex8[5]}/{hex8[2]}{hex8[6]}/{hex8}"
MADE: dict[str, str] = {
    'ExternalID = "patient.chart_number"': 'ExternalID = "pad(patient.chart_number, 8)"',
    'FamilyName = "patient.family_name"': 'FamilyName = "upper(patient.family_name)"',
    'MiddleName = "patient.middle_name"': (
        'MiddleName = "when(is_null(patient.middle_name), left(patient.given_name, 1), patient.middle_name)"'
    ),
    "Sex = \"code('sex', patient.sex)\"": "Sex = \"when(patient.sex == 'female', 'W', code('sex', patient.sex))\"",
    'Name = "study.name"': (
        "Name = \"join(', ', study.name, format(study.started_at, '%d.%m.%Y'), patient.given_name)\""
    ),
    'ImageNum = "image.number"': 'ImageNum = "image.number * 10 + 1"',
    'AcquiredDate = "image.acquired_at"': 'AcquiredDate = "default(image.acquired_at, study.started_at)"',
    'EventDateTime = "image.acquired_at"': 'EventDateTime = "default(image.acquired_at, study.started_at)"',
    '"Image.AcquiredDate"        = { precision = "second"': '"Image.AcquiredDate"        = { precision = "datetime"',
    '"ActivityLog.EventDateTime" = { precision = "second"': '"ActivityLog.EventDateTime" = { precision = "minute"',
    '"Study.CreatedDate"         = { precision = "second", earliest = 1753-01-01, latest = 9999-12-31 }': (
        '"Study.CreatedDate" = { precision = "smalldatetime", earliest = 1900-01-01, latest = 2079-06-06 }'
    ),
    'FamilyName" = { length = 64, encoding = "unicode" }': (
        'FamilyName" = { length = 9, encoding = "latin-1", trailing_spaces = "lost" }'
    ),
    SHARDED: "Images/{image.acquired_at:%Y}-{image.acquired_at:%m}/{patient_key:05[4]}/{study_key}/{key}",
}


def profile_with(changes: dict[str, str]) -> str:
    text = DEXIS10
    for old, new in changes.items():
        assert old in text, f"no longer in the bundled profile: {old}"
        text = text.replace(old, new)
    return text


def practice(folder: Path, changes: dict[str, str] = MADE, **urls: str) -> Tiny:
    """The tiny practice with another target profile, and names and times that put it to the test."""
    source = TinyPractice()
    source.row("patient", 1)["family_name"] = "Ödegård  "
    source.row("patient", 2)["family_name"] = "Wang"
    source.row("media", 1)["acquisition_date_time"] = source.row("media", 1)["acquisition_date_time"].replace(
        microsecond=995_000
    )
    tiny = source.build(folder, **urls)  # type: ignore[arg-type]
    (tiny.folder / "target.toml").write_text(profile_with(changes), encoding="utf-8")
    job = (tiny.folder / "job.toml").read_text().replace("'dexis10'", "'target.toml'")
    (tiny.folder / "job.toml").write_text(job, encoding="utf-8")
    return tiny


def converted(tiny: Tiny) -> list[str]:
    """What the dry run found."""
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert failed(run_phase(convert.run, Phase.CONVERT, tiny)[0]) == set()
    return told.codes()


def failed(result: PhaseResult) -> set[Any]:
    return {check.check for check in result.checks if check.verdict is Verdict.FAIL}


@cache
def _built() -> Path:
    """The practice, converted once; its folder may be copied."""
    folder = Path(mkdtemp(prefix="bitewing-abilities-"))
    atexit.register(shutil.rmtree, folder)
    assert FindingCode.DATE_PRECISION_LOST in converted(practice(folder / "p"))
    return folder / "p"


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A converted practice of this test's own."""
    shutil.copytree(_built(), tmp_path / "p")
    return Tiny(tmp_path / "p" / "job")


def test_every_ability_together_converts_and_reconciles_to_exact(tiny: Tiny) -> None:

    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert (failed(result), told.findings) == (set(), [])
    rows = tiny.target_rows()
    assert [row[2:5] for row in rows["personname"]][:2] == [("ÖDEGÅRD", "Ana", "A"), ("WANG", "小明", "小")]
    assert [(row[1], row[3]) for row in rows["patient"]][:2] == [("00000123", "W"), ("00000124", "M")]
    assert rows["study"][0][2] == "Check-up, 04.03.2019, Ana"
    assert rows["image"][0][4] == datetime.fromisoformat("2019-03-04T10:30:01.997")
    assert "Images/2019-03/1/1/1.dex" in tiny.store_content()
    assert any(path.startswith("Images/0000-00/") for path in tiny.store_content())


def test_the_same_on_postgresql_with_a_column_that_fills_up_with_spaces(
    tmp_path: Path, new_database: Callable[[], str]
) -> None:
    padded = {
        '"Image.DeviceModel"     = { length = 64, encoding = "unicode" }': (
            '"Image.DeviceModel" = { length = 12, encoding = "unicode", unit = "characters", trailing_spaces = "lost" }'
        )
    }
    tiny = practice(tmp_path / "p", {**MADE, **padded}, staging=new_database(), target=new_database())
    run_sql(tiny.target, "ALTER TABLE Image ALTER COLUMN DeviceModel TYPE CHAR(12)")
    converted(tiny)
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert (failed(result), told.findings) == (set(), [])


@pytest.mark.parametrize(
    ("statement", "code"),
    {
        "UPDATE PersonName SET FamilyName = 'Ödegård' WHERE PersonID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Patient SET ExternalID = '000123' WHERE PersonID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Patient SET Sex = 'F' WHERE PersonID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Study SET Name = 'Check-up' WHERE StudyRecordID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Image SET ImageNum = 1 WHERE VisualID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Image SET AcquiredDate = '2019-03-04 10:30:01.993000' WHERE VisualID = 1": FindingCode.FIELD_DIFFERS,
        "UPDATE Study SET CreatedDate = '2019-03-04 10:00:11' WHERE StudyRecordID = 1": FindingCode.FIELD_DIFFERS,
    }.items(),
)
def test_what_a_formula_should_have_made_and_did_not_is_seen(tiny: Tiny, statement: str, code: FindingCode) -> None:

    engine_ = sa.create_engine(tiny.target)
    with engine_.begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount == 1
    engine_.dispose()
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert failed(result)
    assert code in told.codes()


def test_a_file_at_another_patient_s_path_is_missing_and_a_stray(tiny: Tiny) -> None:

    path = next(path for path in tiny.store_content() if path.endswith("/1.dex"))
    moved = tiny.store / path.replace("/1/1/1.dex", "/2/1/1.dex")
    moved.parent.mkdir(parents=True, exist_ok=True)
    (tiny.store / path).rename(moved)
    _, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert {FindingCode.FILE_MISSING, FindingCode.STRAY_FILE} <= set(told.codes())


def test_a_text_that_its_expression_cannot_use_is_a_finding_of_its_image(tmp_path: Path) -> None:
    changes = {'ImageNum = "image.number"': 'ImageNum = "integer(device.model)"'}
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, practice(tmp_path / "p", changes))
    details = {finding.detail for finding in told.findings if finding.code is FindingCode.TEXT_NOT_REPRESENTABLE}
    assert details == {"integer(device.model): is no whole number"}


def test_a_header_that_its_expression_cannot_fill_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    changes = {'type = "uint32", is = "key(image)"': 'type = "uint32", is = "integer(device.model)"'}
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, practice(tmp_path / "p", changes))
    details = {finding.detail for finding in told.findings if finding.code is FindingCode.TEXT_NOT_REPRESENTABLE}
    assert details == {"native header: is no whole number"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {'EventDateTime = "image.acquired_at"': 'EventDateTime = "default(image.acquired_at, study.started_at)"'},
            "acquired_at is filled by two expressions",
        ),
        (
            {'UID = "image.uid"': 'UID = "concat(image.uid, teeth(image.teeth))"'},
            r"reconcile cannot work out teeth\(\)",
        ),
    ],
)
def test_what_cannot_be_reconciled_is_said_before_anything_is_compared(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    tiny = practice(tmp_path / "p", changes)
    with pytest.raises(UsageProblem, match=message):
        run_phase(reconcile.run, Phase.RECONCILE, tiny)


@pytest.mark.parametrize(
    ("other", "refused"),
    [("integrity()", False), ("hex(integrity())", False), ("base64(integrity())", True), ("number(integrity())", True)],
)
def test_a_hash_in_columns_of_different_forms_is_refused_before_one_of_them_goes_uncompared(
    tmp_path: Path, other: str, refused: bool
) -> None:
    changes = {
        'UID = "image.uid"': f'UID = "image.uid", DeviceMake2 = "{other}"',
        '"UID", "Im': '"UID", "DeviceMake2", "Im',
    }
    text = profile_with(changes)
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "DeviceMake2 =" in line)
    refusing = pytest.raises(UsageProblem, match=rf"x\.toml:{line}: .* kept in columns of different forms.*DeviceMake2")
    with refusing if refused else nullcontext():
        require_reconcilable(load_target(tmp_path / "x.toml"))


@pytest.mark.parametrize("name", ["COM1", "com¹", "COM².d", "Lpt³", "CONIN$", "conout$.x", "nul .x", "COM{hex8[0]}"])
def test_a_device_of_windows_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.toml").write_text(profile_with({'= "Images/': f'= "{name}/'}), encoding="utf-8")
    with pytest.raises(UsageProblem, match="is a name that Windows does not allow"):
        load_target(tmp_path / "x.toml")
