"""prove: passes on genuine samples and a clean source, and says no to everything that is not as the profiles say."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa

import engine.profiles
from engine.job import Job
from engine.phases import PhaseResult, prove
from engine.profiles.load import load_source, load_target
from engine.running.control import Control, Uncontrolled
from protocol.checks import REQUIRED_CHECKS
from protocol.errors import Interrupted, UsageProblem
from protocol.vocabulary import Check, FindingCode, Gate, Phase, Verdict
from tests.engine.phases import samples as vendor
from tests.engine.phases.samples import GenuineSamples, Sample, dex_image, rewritten
from tests.engine.tiny import RecordingReporter, Tiny, TinyPractice, Told

Change = Callable[[GenuineSamples], None]
LOAD_SOURCE, LOAD_TARGET = cache(load_source), cache(load_target)


def proven(job: Job, control: Control | None = None) -> tuple[Mapping[Check, Any], PhaseResult, Told]:
    told = Told()
    with RecordingReporter(Phase.PROVE, told, job.findings_path) as reporter:
        result = prove.run(job, reporter, control or Uncontrolled())
    return {check.check: check for check in result.checks}, result, told


@cache
def built() -> Path:
    """A clean practice, built once and copied for each test."""
    folder = Path(mkdtemp(prefix="bitewing-prove-"))
    atexit.register(shutil.rmtree, folder)
    TinyPractice().build(folder / "practice")
    return folder / "practice"


def clean_job(folder: Path) -> Job:
    shutil.copytree(built(), folder, dirs_exist_ok=True)
    return Tiny(folder / "job").job


def job_with(folder: Path, change: Change = lambda genuine: None) -> Job:
    genuine = GenuineSamples()
    change(genuine)
    return replace(clean_job(folder), samples=genuine.write(folder))


@pytest.fixture(autouse=True)
def profiles_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "load_source", LOAD_SOURCE)
    monkeypatch.setattr(prove, "load_target", LOAD_TARGET)


def failed(checks: Mapping[Check, Any]) -> set[Check]:
    return {check for check, result in checks.items() if result.verdict is Verdict.FAIL}


def test_genuine_samples_and_a_clean_source_open_the_gate(tmp_path: Path) -> None:
    job = job_with(tmp_path)
    checks, result, told = proven(job)
    assert result.gate is Gate.PROFILE_PROVEN
    assert set(checks) == REQUIRED_CHECKS[Gate.PROFILE_PROVEN]
    assert {check.verdict for check in result.checks} == {Verdict.PASS}
    assert told.findings == []
    assert checks[Check.SAMPLES_REENCODED].actual == 24
    assert checks[Check.SAMPLE_CATEGORIES].actual == 5
    assert checks[Check.INTEGRITY_REPRODUCED].actual == 2 * 18 + 6
    assert result.totals.bytes == sum(len(sample.data) for sample in GenuineSamples().samples)


def test_its_progress_ends_where_its_work_does(tmp_path: Path) -> None:
    job = job_with(tmp_path)
    with sa.create_engine(job.source.staging).begin() as staging:
        staging.execute(sa.text("UPDATE media SET deleted = 1 WHERE id = (SELECT MIN(id) FROM media)"))
    _, _, told = proven(job)
    last = told.progress[-1]
    assert last.images_done == last.images_total > 0


def test_the_report_says_how_far_the_proof_reaches(tmp_path: Path) -> None:
    job = job_with(tmp_path)
    proven(job)
    report = json.loads((job.report_folder / "prove.json").read_text(encoding="utf-8"))
    assert report["target"]["samples"]["failure_rate_at_most"] == 3 / 24
    assert report["target"]["samples"]["confidence"] == 0.95
    assert report["source"]["encodings"] == {"dicom 1.2.840.10008.1.2.1": 4, "jpeg": 1, "png": 1}


def test_with_a_failure_no_bound_is_claimed(tmp_path: Path) -> None:
    job = job_with(tmp_path, lambda genuine: genuine.samples[0].patch(-1, b"?"))
    proven(job)
    report = json.loads((job.report_folder / "prove.json").read_text(encoding="utf-8"))
    assert report["target"]["samples"]["failure_rate_at_most"] is None
    assert report["target"]["samples"]["failed"] == 1


def first_dex(genuine: GenuineSamples) -> Sample:
    return genuine.one(lambda sample: sample.ending == "dex")


def first(genuine: GenuineSamples, ending: str) -> Sample:
    return genuine.one(lambda sample: sample.ending == ending)


def drop(genuine: GenuineSamples, wanted: Callable[[Sample], bool]) -> None:
    genuine.samples = [sample for sample in genuine.samples if wanted(sample)]


def a_second_later(genuine: GenuineSamples) -> None:
    sample = first_dex(genuine)
    rewritten(sample, acquired_at=dex_image(sample.key).acquired_at + timedelta(seconds=1))


def a_png_named_jpg(genuine: GenuineSamples) -> None:
    sample = first(genuine, "jpg")
    sample.data = first(genuine, "png").data


E, R, I = Check.SAMPLES_EXPLAINED, Check.SAMPLES_REENCODED, Check.INTEGRITY_REPRODUCED  # noqa: E741
NO: list[tuple[str, Change, set[Check]]] = [
    ("one pixel bit flipped", lambda g: first_dex(g).patch(300, bytes([first_dex(g).data[300] ^ 1])), {R, I}),
    ("magic word", lambda g: first_dex(g).patch(0, b"DEX2"), {E, R}),
    ("reserved bytes used", lambda g: first_dex(g).patch(230, b"\x01"), {E, R}),
    ("bytes after the end", lambda g: setattr(first_dex(g), "data", first_dex(g).data + b"\0"), {E, R}),
    ("cut short", lambda g: setattr(first_dex(g), "data", first_dex(g).data[:-9]), {E, R, I}),
    ("empty file", lambda g: setattr(first_dex(g), "data", b""), {R}),
    ("hash in the header altered", lambda g: first_dex(g).patch(48, b"\xff\xff"), {R, I}),
    ("hash in the column altered", lambda g: first_dex(g).image.update(SecurityHash=bytes(16)), {I}),
    ("another person", lambda g: rewritten(first_dex(g), person="Ødegård^Anna"), {R}),
    ("another key in the header", lambda g: rewritten(first_dex(g), visual_id=7), {R}),
    ("a second later", a_second_later, {R}),
    ("no time in the header", lambda g: rewritten(first_dex(g), acquired_at=None), {R}),
    ("settings of another form", lambda g: first_dex(g).visual.update(Settings="CrownPos=V"), {R}),
    ("settings missing", lambda g: first_dex(g).visual.update(Settings=None), {R}),
    ("settings written otherwise", lambda g: first_dex(g).visual.update(Settings="Turn=4&Flip=0"), {R}),
    ("teeth nobody has", lambda g: first_dex(g).visual.update(Teeth="teeth=999"), {R}),
    ("teeth written otherwise", lambda g: first_dex(g).visual.update(Teeth="teeth=26"), {R}),
    ("a category without a meaning", lambda g: first_dex(g).visual.update(ImageCategory=9), {R}),
    ("an X-ray filed as photo", lambda g: first_dex(g).visual.update(ImageCategory=vendor.INTRAORAL_PHOTO), {R}),
    ("a PNG named .jpg", a_png_named_jpg, {E, R, I}),
    ("one byte of a JPEG", lambda g: first(g, "jpg").patch(-30, b"\0"), {I}),
    ("a PNG cut short", lambda g: setattr(first(g, "png"), "data", first(g, "png").data[:-9]), {E, R, I}),
    ("too few samples", lambda g: drop(g, lambda sample: sample.key < 300_000 + 4_097 * 19), {Check.SAMPLES_ENOUGH}),
    ("no cephalogram", lambda g: drop(g, lambda s: s.category != vendor.CEPHALOGRAM), {Check.SAMPLE_CATEGORIES}),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in NO], ids=[case[0] for case in NO])
def test_a_sample_that_is_not_as_the_profile_says_closes_the_gate(
    tmp_path: Path, change: Change, expected: set[Check]
) -> None:
    checks, _, told = proven(job_with(tmp_path, change))
    assert failed(checks) == expected
    if not expected & {Check.SAMPLES_ENOUGH, Check.SAMPLE_CATEGORIES}:
        assert {finding.code for finding in told.findings} <= {
            FindingCode.SAMPLE_UNEXPLAINED,
            FindingCode.INTEGRITY_MISMATCH,
        }
        assert len({finding.image for finding in told.findings}) == 1


def test_a_file_may_keep_a_time_more_precisely_than_its_row(tmp_path: Path) -> None:
    def precise(genuine: GenuineSamples) -> None:
        sample = first_dex(genuine)
        rewritten(sample, acquired_at=dex_image(sample.key).acquired_at + timedelta(microseconds=123_456))
        sample.patch(40, bytes([sample.data[40] + 7]))  # FILETIME counts tenths of a microsecond

    assert failed(proven(job_with(tmp_path, precise))[0]) == set()


def test_a_hash_kept_as_text_is_compared_as_conversion_writes_it(tmp_path: Path) -> None:
    def as_text(genuine: GenuineSamples) -> None:
        for sample in genuine.samples:
            sample.image["SecurityHash"] = sample.image["SecurityHash"].hex()

    def in_capitals(genuine: GenuineSamples) -> None:
        as_text(genuine)
        first_dex(genuine).image["SecurityHash"] = first_dex(genuine).image["SecurityHash"].upper()

    assert failed(proven(job_with(tmp_path / "lower", as_text))[0]) == set()
    assert failed(proven(job_with(tmp_path / "upper", in_capitals))[0]) == {I}


PHOTO_HASH, DEPTH = 'covers = "pixels", kept = ["Image.SecurityHash"]', 'type = "uint8",  is = "pixels.bits_allocated"'
WRONG_PROFILES = [
    ("hash over other bytes", PHOTO_HASH, PHOTO_HASH.replace("pixels", "file")),
    ("a field of another meaning", DEPTH, DEPTH.replace("allocated", "stored")),
    (
        "another constant",
        'name = "format",         type = "uint16", value = 3',
        'name = "format",         type = "uint16", value = 4',
    ),
    ("another turn", 'unit     = "quarter-turns-counterclockwise"', 'unit     = "degrees-clockwise"'),
    ("another path", 'path      = "Images/{hex8[0]}{hex8[4]}', 'path      = "Images/{hex8[4]}{hex8[0]}'),
    ("another end", 'value = "31584544"', 'value = "31584545"'),
]


@pytest.mark.parametrize(("found", "wrong"), [case[1:] for case in WRONG_PROFILES], ids=[c[0] for c in WRONG_PROFILES])
def test_a_wrong_profile_is_never_proven(tmp_path: Path, found: str, wrong: str) -> None:
    text = (Path(engine.profiles.__file__).parent / "dexis10.toml").read_text(encoding="utf-8")
    assert found in text
    profile = tmp_path / "wrong.toml"
    profile.write_text(text.replace(found, wrong), encoding="utf-8")
    job = job_with(tmp_path)
    checks, _, _ = proven(replace(job, target=type(job.target)(str(profile), job.target.database, job.target.store)))
    assert failed(checks)


def test_without_samples_it_says_which_section_to_add_and_reads_nothing(tmp_path: Path) -> None:
    told = Told()
    job = clean_job(tmp_path)
    with RecordingReporter(Phase.PROVE, told, job.findings_path) as reporter, pytest.raises(UsageProblem) as problem:
        prove.run(job, reporter, Uncontrolled())
    assert problem.value.where == "job.toml" and "[samples]" in problem.value.next_step
    assert told.findings == [] and not job.report_folder.exists()


def with_source(folder: Path, change: Callable[[TinyPractice], None]) -> Job:
    practice = TinyPractice()
    change(practice)
    return replace(practice.build(folder).job, samples=GenuineSamples().write(folder))


@pytest.mark.parametrize(
    ("table", "key", "changed"),
    [
        ("media", 1, {"category": "HOLOGRAM"}),
        ("media", 1, {"rotation": 45}),
        ("media", 1, {"teeth": "99"}),
        ("media", 1, {"mirrored": 7}),
        ("patient", 1, {"sex": "Q"}),
    ],
)
def test_a_code_without_a_meaning_closes_the_gate(
    tmp_path: Path, table: str, key: int, changed: dict[str, Any]
) -> None:
    checks, _, told = proven(with_source(tmp_path, lambda practice: practice.row(table, key).update(changed)))
    assert Check.SOURCE_CODES_MAPPED in failed(checks)
    assert told.codes() == [FindingCode.UNKNOWN_CODE]


def test_a_missing_or_empty_file_must_be_accepted(tmp_path: Path) -> None:
    def wanting(practice: TinyPractice) -> None:
        del practice.files["1.2.11/a.dcm"]
        practice.files["1.2.21/f.dcm"] = b""

    checks, _, told = proven(with_source(tmp_path, wanting))
    resolved = checks[Check.SOURCE_FILES_RESOLVED]
    assert (resolved.verdict, resolved.expected, resolved.actual) == (Verdict.ACCEPT, 6, 4)
    assert told.codes() == [FindingCode.EMPTY_FILE, FindingCode.MISSING_FILE]
    assert failed(checks) == set()


def test_a_path_out_of_the_store_closes_the_gate(tmp_path: Path) -> None:
    checks, _, told = proven(
        with_source(tmp_path, lambda practice: practice.row("media", 1).update(file_name="../../x.dcm"))
    )
    assert failed(checks) == {Check.SOURCE_FILES_RESOLVED}
    assert told.codes() == [FindingCode.UNREADABLE_FILE]


def test_an_encoding_that_cannot_be_decoded_closes_the_gate(tmp_path: Path) -> None:
    def exotic(practice: TinyPractice) -> None:
        known, unknown = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"
        practice.files["1.2.11/a.dcm"] = practice.files["1.2.11/a.dcm"].replace(known, unknown)

    checks, _, told = proven(with_source(tmp_path, exotic))
    decodable = checks[Check.DECODERS_AVAILABLE]
    assert failed(checks) == {Check.DECODERS_AVAILABLE}
    assert (decodable.expected, decodable.actual) == (4, 3)
    assert told.codes() == [FindingCode.NO_DECODER]


def changed_database(job: Job, which: str, statement: str) -> None:
    url = {"source": job.source.staging, "target": job.target.database, "samples": job.samples.database}[which]  # type: ignore[union-attr]
    database = sa.create_engine(url)
    with database.begin() as connection:
        connection.execute(sa.text(statement))
    database.dispose()


@pytest.mark.parametrize(
    ("which", "statement", "check", "code"),
    [
        ("source", "ALTER TABLE media RENAME COLUMN teeth TO tooth", Check.SOURCE_SCHEMA, FindingCode.SCHEMA_DRIFT),
        ("target", "ALTER TABLE Visual RENAME COLUMN Teeth TO Tooth", Check.TARGET_SCHEMA, FindingCode.SCHEMA_DRIFT),
        ("samples", "ALTER TABLE Visual RENAME COLUMN Teeth TO Tooth", Check.SAMPLES_ENOUGH, FindingCode.SCHEMA_DRIFT),
        ("source", "UPDATE core_info SET value = '12.0'", Check.SOURCE_SCHEMA, FindingCode.VERSION_UNSUPPORTED),
        ("target", "UPDATE SystemInfo SET Value = '9.4'", Check.TARGET_SCHEMA, FindingCode.VERSION_UNSUPPORTED),
        ("samples", "UPDATE SystemInfo SET Value = '9.4'", Check.SAMPLES_ENOUGH, FindingCode.VERSION_UNSUPPORTED),
    ],
)
def test_another_schema_or_version_closes_the_gate(
    tmp_path: Path, which: str, statement: str, check: Check, code: FindingCode
) -> None:
    job = job_with(tmp_path)
    changed_database(job, which, statement)
    checks, _, told = proven(job)
    assert check in failed(checks)
    assert code in told.codes()


def test_only_a_bounded_number_of_source_files_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.proof.source_survey.FILES_READ", 2)
    job = job_with(tmp_path)
    checks, _, _ = proven(job)
    report = json.loads((job.report_folder / "prove.json").read_text(encoding="utf-8"))
    assert report["source"]["files_read"] == 2
    assert checks[Check.SOURCE_FILES_RESOLVED].actual == 6


def test_proving_writes_nothing_but_its_report_and_findings(tmp_path: Path) -> None:
    def content() -> dict[str, str]:
        files = (path for path in tmp_path.rglob("*") if path.is_file() and job.folder not in path.parents)
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    job = job_with(tmp_path)
    before = content()
    proven(job)
    assert content() == before


def test_a_stop_is_obeyed(tmp_path: Path) -> None:
    class Stopped:
        def checkpoint(self) -> None:
            raise Interrupted("stopped on request")

    with pytest.raises(Interrupted):
        proven(job_with(tmp_path), Stopped())
