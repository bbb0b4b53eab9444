"""The dry run: every trouble has its code, nothing outside the job's folder is written, the plan is the same twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.phases.dry_run import Clock
from engine.plan.reader import Plan
from engine.profiles import load
from engine.running.control import Uncontrolled
from engine.running.forecast import MIB
from engine.source.store import SourceStore
from engine.target import workshop
from engine.target.database import TargetDatabase
from engine.target.files import TargetStore
from engine.target.zero_writes import WriteRefused
from protocol.advice import ADVICE
from protocol.checks import REQUIRED_CHECKS
from protocol.errors import EnvironmentProblem, Interrupted
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Severity, Verdict
from tests.engine.tiny import RecordingReporter, Tiny, TinyPractice, Told, dicom, photo, run_phase

PASS, ACCEPT, FAIL = Verdict.PASS, Verdict.ACCEPT, Verdict.FAIL


def _run(tiny: Tiny) -> tuple[PhaseResult, Told]:
    result, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert result.gate is Gate.DRY_RUN
    assert {check.check for check in result.checks} == REQUIRED_CHECKS[Gate.DRY_RUN]
    return result, told


def _checks(result: PhaseResult) -> dict[Check, tuple[Verdict, int, int]]:
    return {check.check: (check.verdict, check.expected, check.actual) for check in result.checks}


def _clean() -> TinyPractice:
    """A practice in which nothing is found."""
    practice = TinyPractice()
    practice.files["1.2.12/c.jpg"] = photo(3, "JPEG", side=200)
    return practice


@pytest.fixture
def built(new_databases: Callable[[], str], tmp_path: Path) -> Tiny:
    return _clean().build(tmp_path / "practice", staging=new_databases(), target=new_databases())


def test_a_clean_practice_passes_every_check_and_has_no_findings(built: Tiny) -> None:
    result, told = _run(built)
    assert told.findings == []
    assert {check.verdict for check in result.checks} == {PASS}
    checks = _checks(result)
    assert checks[Check.PATIENTS_ENUMERATED] == (PASS, 3, 3)
    assert checks[Check.IMAGES_ENUMERATED] == (PASS, 6, 6)
    totals = result.totals
    assert (totals.patients, totals.studies, totals.series, totals.images, totals.files) == (3, 4, 3, 6, 6)
    assert (totals.rows, totals.annotations) == (34, 1)


def test_nothing_is_written_to_source_or_target(built: Tiny) -> None:
    def snapshot() -> list[tuple[str, int, int]]:
        return [
            (str(path), path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(built.folder.parent.rglob("*"))
            if built.folder not in path.parents and path != built.folder
        ]

    before, rows = snapshot(), built.target_rows()
    _run(built)
    assert snapshot() == before
    assert built.target_rows() == rows


def test_the_plan_is_the_same_twice_and_with_two_workers(tmp_path: Path) -> None:
    one, two = _clean().build(tmp_path / "one"), _clean().build(tmp_path / "two", workers=2)
    _run(one)
    first = Plan(one.job.plan_path).digest
    _run(one)
    _run(two)
    assert Plan(one.job.plan_path).digest == first == Plan(two.job.plan_path).digest


def _missing_file(practice: TinyPractice) -> None:
    del practice.files["1.2.11/a.dcm"]


def _empty_file(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = b""


def _truncated(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = practice.files["1.2.11/a.dcm"][:-2500]


def _not_a_picture(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = os.urandom(16) * 1000


def _several_frames(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = dicom(1, frames=3)


def _small(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = dicom(1, width=40, height=30)


def _photo_filed_as_xray(practice: TinyPractice) -> None:
    practice.files["1.2.11/a.dcm"] = photo(1, "PNG")


def _lossy_xray(practice: TinyPractice) -> None:
    from io import BytesIO

    import numpy as np
    from PIL import Image

    target = BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (150, 150), dtype=np.uint8)).save(target, "JPEG")
    practice.files["1.2.11/a.dcm"] = target.getvalue()


def _unknown_category(practice: TinyPractice) -> None:
    practice.row("media", 1)["category"] = "HOLOGRAM"


def _no_chart(practice: TinyPractice) -> None:
    practice.row("patient", 1)["practice_pms_id"] = None


def _blank_chart(practice: TinyPractice) -> None:
    practice.row("patient", 1)["practice_pms_id"] = " "


def _shared_chart(practice: TinyPractice) -> None:
    practice.row("patient", 1)["practice_pms_id"] = "000124"


def _long_chart(practice: TinyPractice) -> None:
    practice.row("patient", 1)["practice_pms_id"] = "0" * 17


def _strange_chart(practice: TinyPractice) -> None:
    practice.row("patient", 1)["practice_pms_id"] = "王12"


def _long_name(practice: TinyPractice) -> None:
    practice.row("patient", 1)["family_name"] = "x" * 65


def _long_name_in_utf16(practice: TinyPractice) -> None:
    practice.row("patient", 1)["family_name"] = "🦷" * 33


def _early_date(practice: TinyPractice) -> None:
    practice.row("media", 1)["acquisition_date_time"] = datetime.fromisoformat("1700-01-01T00:00:00")


def _before_filetime(practice: TinyPractice) -> None:
    practice.row("media", 1)["acquisition_date_time"] = datetime.fromisoformat("1600-01-01T00:00:00")


def _fraction_of_a_second(practice: TinyPractice) -> None:
    practice.row("media", 1)["acquisition_date_time"] = datetime.fromisoformat("2019-03-04T10:00:00.250")


def _shared_uid(practice: TinyPractice) -> None:
    practice.row("media", 1)["sop_instance_uid"] = practice.row("media", 6)["sop_instance_uid"]


def _orphan_file(practice: TinyPractice) -> None:
    practice.files["1.2.11/nobody.dcm"] = dicom(99)


TROUBLES: dict[FindingCode, list[Callable[[TinyPractice], None]]] = {
    FindingCode.MISSING_FILE: [_missing_file],
    FindingCode.EMPTY_FILE: [_empty_file],
    FindingCode.TRUNCATED: [_truncated],
    FindingCode.UNREADABLE_FILE: [_not_a_picture],
    FindingCode.MULTIFRAME: [_several_frames],
    FindingCode.SUSPECT_SIZE: [_small],
    FindingCode.LABEL_DISAGREES: [_photo_filed_as_xray],
    FindingCode.LOSSY_SOURCE: [_lossy_xray],
    FindingCode.UNKNOWN_CODE: [_unknown_category],
    FindingCode.CHART_MISSING: [_no_chart, _blank_chart],
    FindingCode.CHART_DUPLICATE: [_shared_chart],
    FindingCode.CHART_TOO_LONG: [_long_chart],
    FindingCode.TEXT_NOT_REPRESENTABLE: [_strange_chart],
    FindingCode.TEXT_TOO_LONG: [_long_name, _long_name_in_utf16],
    FindingCode.DATE_OUT_OF_RANGE: [_early_date, _before_filetime],
    FindingCode.DATE_PRECISION_LOST: [_fraction_of_a_second],
    FindingCode.DUPLICATE_UID: [_shared_uid],
    FindingCode.ORPHAN_FILE: [_orphan_file],
}


def test_names_that_differ_in_case_are_told_where_they_are_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = _clean()
    practice.add_image(7, 111, "1.2.11/A.dcm", dicom(7))
    tiny = practice.build(tmp_path / "practice")
    assert _run(tiny)[1].codes() == []  # here they are two files
    monkeypatch.setattr(SourceStore, "ignores_case", lambda store, path: True)
    _, told = _run(tiny)
    assert [(finding.code, finding.place) for finding in told.findings] == [
        (FindingCode.DUPLICATE_UID, "1.2.11/a.dcm"),
        (FindingCode.DUPLICATE_UID, "1.2.11/A.dcm"),
    ]


@pytest.mark.parametrize(("code", "trouble"), [(code, one) for code, many in TROUBLES.items() for one in many])
def test_each_trouble_is_found_by_its_code_and_closes_the_gate_as_its_severity_says(
    tmp_path: Path, code: FindingCode, trouble: Callable[[TinyPractice], None]
) -> None:
    practice = _clean()
    trouble(practice)
    result, told = _run(practice.build(tmp_path / "practice"))
    assert set(told.codes()) == {code}
    expected = {Severity.BLOCKER: FAIL, Severity.ACCEPT: ACCEPT, Severity.INFO: PASS}[ADVICE[code].severity]
    assert _checks(result)[Check.NO_BLOCKERS][0] is expected
    assert {found.code: found.count for found in result.totals.findings} == {code: len(told.findings)}


@pytest.mark.parametrize("trouble", [_missing_file, _empty_file, _truncated, _several_frames])
def test_an_image_without_a_usable_file_is_declared_and_only_acceptance_opens_the_gate(
    tmp_path: Path, trouble: Callable[[TinyPractice], None]
) -> None:
    practice = _clean()
    trouble(practice)
    tiny = practice.build(tmp_path / "practice")
    result, told = _run(tiny)
    checks = _checks(result)
    assert checks[Check.IMAGES_ENUMERATED] == (PASS, 6, 6)
    assert checks[Check.IMAGES_DECODED] == (ACCEPT, 6, 5)
    assert (told.findings[0].patient, told.findings[0].image) == ("1", "1")
    assert result.totals.images == 5
    run_phase(convert.run, Phase.CONVERT, tiny)
    assert [row[0] for row in tiny.target_rows()["visual"]] == [2, 3, 4, 5, 6]


def test_an_image_nobody_can_decode_fails_the_gate(tmp_path: Path) -> None:
    practice = _clean()
    _not_a_picture(practice)
    assert _checks(_run(practice.build(tmp_path / "practice"))[0])[Check.IMAGES_DECODED] == (FAIL, 6, 5)


def test_a_record_the_target_cannot_hold_is_not_mapped(tmp_path: Path) -> None:
    practice = _clean()
    _early_date(practice)
    assert _checks(_run(practice.build(tmp_path / "practice"))[0])[Check.RECORDS_MAPPED] == (FAIL, 6, 5)


def test_a_name_the_target_cannot_hold_concerns_every_image_of_the_patient(tmp_path: Path) -> None:
    practice = _clean()
    _long_name(practice)
    assert _checks(_run(practice.build(tmp_path / "practice"))[0])[Check.RECORDS_MAPPED] == (FAIL, 6, 2)


def test_an_image_of_unknown_category_is_counted_and_never_given_a_default(tmp_path: Path) -> None:
    practice = _clean()
    _unknown_category(practice)
    result, told = _run(practice.build(tmp_path / "practice"))
    assert _checks(result)[Check.IMAGES_ENUMERATED] == (PASS, 6, 6)
    assert result.totals.images == 5
    assert [(finding.patient, finding.image) for finding in told.findings] == [("1", "1")]


def test_deleted_records_are_left_out_and_their_files_are_no_orphans(tmp_path: Path) -> None:
    practice = _clean()
    practice.row("media", 1)["deleted"] = 1
    practice.row("media", 2)["type"] = "VOLUME"
    practice.row("patient", 2)["deleted"] = 1
    result, told = _run(practice.build(tmp_path / "practice"))
    assert told.findings == []
    assert _checks(result)[Check.PATIENTS_ENUMERATED] == (PASS, 2, 2)
    assert _checks(result)[Check.IMAGES_ENUMERATED] == (PASS, 2, 2)


def test_a_query_that_loses_an_image_is_noticed_by_the_audit(tmp_path: Path) -> None:
    tiny = _clean().build(tmp_path / "practice")
    bundled = (Path(load.__file__).parent / "dexis11.toml").read_text(encoding="utf-8")
    image_query = "WHERE m.type = 'IMAGE'"
    assert bundled.count(image_query) >= 1
    before, _, after = bundled.partition(image_query)
    (tiny.folder / "lossy.toml").write_text(f"{before}{image_query} AND m.id <> 5{after}", encoding="utf-8")
    settings = tiny.folder / "job.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("'dexis11'", "'lossy.toml'"), encoding="utf-8")
    assert _checks(_run(tiny)[0])[Check.IMAGES_ENUMERATED] == (FAIL, 6, 5)


def test_an_image_of_no_patient_is_found_wanting_and_needs_acceptance(tmp_path: Path) -> None:
    practice = _clean()
    practice.rows["series"] = [row for row in practice.rows["series"] if row["id"] != 211]
    result, told = _run(practice.build(tmp_path / "practice"))
    assert told.codes().count(FindingCode.ORPHAN_ROW) == 2
    assert _checks(result)[Check.IMAGES_ENUMERATED] == (PASS, 6, 6)
    assert _checks(result)[Check.NO_BLOCKERS][0] is ACCEPT


def test_records_that_are_there_already_are_reported_and_keys_begin_above_them(built: Tiny) -> None:
    built.another_writes("INSERT INTO Person (PersonID, SSN, Removed) VALUES (500, NULL, 0)")
    result, told = _run(built)
    assert told.codes() == [FindingCode.TARGET_NOT_EMPTY]
    plan = Plan(built.job.plan_path)
    assert plan.header.baseline == {"patient": 500, "study": 0, "series": 0, "image": 0}
    assert plan.patient(1).keys.patient == {"1": 501}
    assert {check.verdict for check in result.checks} == {PASS}


def test_a_planned_path_that_is_taken_blocks(built: Tiny) -> None:
    place = built.store / "Images/00/00/00/00000002.dex"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"somebody's")
    result, told = _run(built)
    assert set(told.codes()) == {FindingCode.PATH_TAKEN, FindingCode.TARGET_NOT_EMPTY}
    assert _checks(result)[Check.NO_BLOCKERS] == (FAIL, 0, 1)


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("ALTER TABLE Image DROP COLUMN DeviceMake", {FindingCode.SCHEMA_DRIFT}),
        ("DROP TABLE ActivityLog", {FindingCode.SCHEMA_DRIFT}),
        ("UPDATE SystemInfo SET Value = '9.4'", {FindingCode.VERSION_UNSUPPORTED}),
        ("UPDATE SystemInfo SET Value = '10.10'", {FindingCode.VERSION_UNSUPPORTED}),
        ("UPDATE SystemInfo SET Value = '10.1.3'", set()),
    ],
)
def test_a_target_the_profile_does_not_describe_is_found(built: Tiny, statement: str, codes: set[FindingCode]) -> None:
    built.another_writes(statement)
    _, told = _run(built)
    assert set(told.codes()) == codes


def test_too_little_room_for_the_files_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TargetStore, "free_bytes", lambda self: 100 * MIB)
    result, told = _run(_clean().build(tmp_path / "practice"))
    assert told.codes() == [FindingCode.DISK_SPACE]
    assert _checks(result)[Check.DISK_SUFFICIENT] == (FAIL, 257, 100)


def test_a_source_that_changed_since_staging_fails_the_gate(built: Tiny) -> None:
    place = built.folder.parent / "source" / "1.2.11" / "a.dcm"
    os.utime(place, ns=(1, 1))
    checks = _checks(_run(built)[0])
    assert checks[Check.SOURCE_UNCHANGED] == (FAIL, 0, 1)
    assert checks[Check.NOTHING_NEWER] == (PASS, 0, 0)


def test_what_dexis_11_added_since_staging_blocks_and_is_no_orphan(built: Tiny) -> None:
    (built.folder.parent / "source" / "1.2.11" / "late.dcm").write_bytes(dicom(77))
    result, told = _run(built)
    checks = _checks(result)
    assert told.codes() == [FindingCode.LATE_ARRIVAL]
    assert told.findings[0].place == "1.2.11/late.dcm"
    assert checks[Check.SOURCE_UNCHANGED] == (PASS, 0, 0)
    assert checks[Check.NOTHING_NEWER] == (FAIL, 0, 1)
    assert checks[Check.NO_BLOCKERS] == (FAIL, 0, 1)


@pytest.mark.parametrize(("function", "phase"), [(dry_run.run, Phase.DRY_RUN), (reconcile.run, Phase.RECONCILE)])
def test_production_that_does_not_answer_is_told_before_the_long_work_and_not_after_it(
    built: Tiny, function: Callable[..., PhaseResult], phase: Phase
) -> None:
    source, told = replace(built.job.source, production=f"sqlite:///{built.folder}/nowhere.sqlite"), Told()
    job = replace(built.job, source=source)
    with pytest.raises(EnvironmentProblem, match="no such database file"):
        function(job, RecordingReporter(phase, told, job.findings_path), Uncontrolled())
    assert told.events == [] and not told.findings and not job.plan_path.exists()


def test_a_target_that_changes_meanwhile_fails_the_gate(tmp_path: Path) -> None:
    tiny = _clean().build(tmp_path / "practice")

    class _Files(Uncontrolled):
        def checkpoint(self) -> None:
            # Another process files an image: what the write guard watches is this one.
            if os.fork() == 0:
                from engine.target import zero_writes

                zero_writes._active.clear()
                (tiny.store / "Images" / "new.dex").write_bytes(b"new")
                os._exit(0)
            os.wait()

    result, _ = run_phase(dry_run.run, Phase.DRY_RUN, tiny, control=_Files())
    assert _checks(result)[Check.TARGET_UNCHANGED] == (FAIL, 10, 9)


def test_a_statement_that_could_write_is_refused_even_if_we_send_it(built: Tiny) -> None:
    from contextlib import closing

    from engine.profiles.load import load_target

    database = TargetDatabase(built.target, load_target("dexis10"), read_only=True)
    with closing(database), pytest.raises(EnvironmentProblem), database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM SystemInfo"))
    assert database.statements.refused == 1


def test_a_write_outside_the_jobs_folder_ends_the_dry_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = _clean().build(tmp_path / "practice")

    def writes(data: bytes) -> None:
        (tiny.store / "Images" / "sneaky").write_bytes(b"x")

    monkeypatch.setattr(workshop, "decode", writes)
    with pytest.raises(WriteRefused):
        _run(tiny)
    assert not (tiny.store / "Images" / "sneaky").exists()
    assert not tiny.job.plan_path.exists()


def test_stopped_half_way_it_leaves_no_plan_and_the_earlier_one_stands(tmp_path: Path) -> None:
    tiny = _clean().build(tmp_path / "practice")

    class _Stops(Uncontrolled):
        def checkpoint(self) -> None:
            raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny, control=_Stops())
    assert not tiny.job.plan_path.exists()
    _run(tiny)
    digest = Plan(tiny.job.plan_path).digest
    with pytest.raises(Interrupted):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny, control=_Stops())
    assert Plan(tiny.job.plan_path).digest == digest


def test_the_report_says_when_the_night_ends_and_whether_that_is_before_the_practice_opens(tmp_path: Path) -> None:
    tiny = _clean().build(tmp_path / "practice")
    settings = tiny.folder / "job.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "deadline = '07:30'\n", encoding="utf-8")
    evening = datetime.fromisoformat("2026-05-04T20:00:00+02:00")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny, clock=Clock(now=lambda: evening))
    report = json.loads((tiny.job.report_folder / "dry-run.json").read_text(encoding="utf-8"))
    assert (report["patients"], report["images"]) == (3, 6)
    assert report["deadline"] == "2026-05-05T07:30:00+02:00"
    assert report["fits_before_deadline"] is True
    assert report["finish_low"] <= report["finish_high"] < report["deadline"]
