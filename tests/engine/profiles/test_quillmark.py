"""A profile alone, without code, carries an unknown system over: attributes as rows, files at paths made of a UUID."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.phases import PhaseResult, convert, dry_run, prove, reconcile, stage
from protocol.statements import CheckResult
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.profiles.quillmark import SQL, write_on_postgresql, write_on_sqlite
from tests.engine.tiny import Tiny, run_phase

Write = Callable[..., Tiny]

SOURCE_CHECKS = (Check.SOURCE_SCHEMA, Check.SOURCE_CODES_MAPPED, Check.SOURCE_FILES_RESOLVED, Check.DECODERS_AVAILABLE)
LOST = {FindingCode.CHART_MISSING, FindingCode.SUSPECT_SIZE, FindingCode.LABEL_DISAGREES}


@pytest.fixture(params=["sqlite", "postgresql"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Writes the practice with its backup in either system."""
    if request.param == "sqlite":
        return lambda sql=SQL: write_on_sqlite(tmp_path / "practice", sql)
    new_database = request.getfixturevalue("new_database")
    return lambda sql=SQL: write_on_postgresql(tmp_path / "practice", new_database, sql)


def by_check(result: PhaseResult) -> Mapping[Check, CheckResult]:
    return {check.check: check for check in result.checks}


def failed(result: PhaseResult) -> set[Check]:
    return {check.check for check in result.checks if check.verdict is Verdict.FAIL}


def test_from_the_practice_s_backup_to_an_exact_reconciliation(write: Write) -> None:
    practice = write()
    staged, told = run_phase(stage.run, Phase.STAGE, practice)
    assert (failed(staged), told.findings) == (set(), [])
    assert (staged.totals.patients, staged.totals.images, staged.totals.annotations) == (2, 6, 1)

    proven, told = run_phase(prove.run, Phase.PROVE, practice)
    assert (failed(proven), told.findings) == (set(), [])
    assert {by_check(proven)[check].verdict for check in SOURCE_CHECKS} == {Verdict.PASS}
    assert by_check(proven)[Check.SOURCE_FILES_RESOLVED].actual == 5

    planned, told = run_phase(dry_run.run, Phase.DRY_RUN, practice)
    assert failed(planned) == set()
    assert set(told.codes()) <= LOST  # the deleted shot's file is known, and no orphan

    converted, told = run_phase(convert.run, Phase.CONVERT, practice)
    assert (failed(converted), told.findings) == (set(), [])
    assert by_check(converted)[Check.IMAGES_CONVERTED].actual == 5

    reconciled, told = run_phase(reconcile.run, Phase.RECONCILE, practice)
    assert (failed(reconciled), told.findings) == (set(), [])
    assert by_check(reconciled)[Check.PIXELS_EQUAL].actual == 5


def test_what_its_rows_mean_stands_in_the_target(write: Write) -> None:
    practice = write()
    for phase, run in ((Phase.STAGE, stage.run), (Phase.DRY_RUN, dry_run.run), (Phase.CONVERT, convert.run)):
        run_phase(run, phase, practice)
    rows = practice.target_rows()
    assert [row[2:5] for row in rows["personname"]] == [("Ødegård", "Ana", None), ("王", "小明", None)]
    assert {str(row[3]) for row in rows["study"]} == {"2019-03-04 10:00:00", "2019-06-28 04:46:40", "None"}
    turned = {settings: teeth for *_, settings, teeth in rows["visual"]}
    # Mirrored left and right, then a quarter turn; the target mirrors top and bottom, so half a turn comes on top.
    assert turned["Turn=3&Flip=1"] == "teeth=307%3B306"


@pytest.mark.parametrize(
    ("row", "instead", "code"),
    {
        "a code nobody mapped": ("'kind', 'PAN'", "'kind', 'PANO'", FindingCode.UNKNOWN_CODE),
        "a day in another form": ("'20190304 103502'", "'2019-03-04'", FindingCode.DATE_OUT_OF_RANGE),
        "a turn that is none": ("'turn', '270'", "'turn', '45'", FindingCode.UNKNOWN_CODE),
        "a tooth that is none": ("'18,19'", "'18;19'", FindingCode.UNKNOWN_CODE),
        "a file that is not there": ("1C78AA30", "1C78AA31", FindingCode.MISSING_FILE),
        "a path that would leave the store": (
            "1C78AA30-0004-4000-8000-00000000000D",
            "../../../etc/x",
            FindingCode.UNREADABLE_FILE,
        ),
        "a UUID too short for a path": ("1C78AA30-0004-4000-8000-00000000000D", "1C7", FindingCode.MISSING_FILE),
        "a shot of no visit": (
            "'A1000000-0000-4000-8000-000000000002', 'shot'",
            "'B1', 'shot'",
            FindingCode.ORPHAN_ROW,
        ),
    }.values(),
)
def test_a_row_that_the_profile_does_not_understand_is_told_and_never_guessed(
    tmp_path: Path, row: str, instead: str, code: FindingCode
) -> None:
    practice = write_on_sqlite(tmp_path / "practice", SQL.replace(row, instead))
    run_phase(stage.run, Phase.STAGE, practice)
    planned, told = run_phase(dry_run.run, Phase.DRY_RUN, practice)
    assert code in told.codes()
    assert by_check(planned)[Check.IMAGES_ENUMERATED].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("row", "instead", "sentence"),
    [
        ("'20190304 103502'", "'2019-03-04'", "acquired_at holds dates in none of the forms that the profile states"),
        ("'1561690000000'", "'last summer'", "started_at holds dates in none of the forms that the profile states"),
        ("'19710501'", "'1.5.1971'", "birth_date holds dates in none of the forms that the profile states"),
        ("'kind', 'PAN'", "'kind', 'PANO'", "category is 'PANO', which the profile does not map"),
    ],
)
def test_prove_says_no_to_a_profile_that_does_not_know_its_values(
    tmp_path: Path, row: str, instead: str, sentence: str
) -> None:
    practice = write_on_sqlite(tmp_path / "practice", SQL.replace(row, instead))
    run_phase(stage.run, Phase.STAGE, practice)
    proven, told = run_phase(prove.run, Phase.PROVE, practice)
    assert Check.SOURCE_CODES_MAPPED in failed(proven)
    assert [finding.detail for finding in told.findings if finding.code is FindingCode.UNKNOWN_CODE] == [sentence]
