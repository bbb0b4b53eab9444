"""A file that ends every process which decodes it is a finding; dry run and proof go on with all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.phases import dry_run, prove, survey
from engine.proof import work as proof
from engine.running.control import Uncontrolled
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Check, FindingCode, Phase, Verdict
from tests.engine.phases import deadly
from tests.engine.phases.samples import GenuineSamples
from tests.engine.tiny import RecordingReporter, TinyPractice, Told, dicom, run_phase

Add = Callable[[TinyPractice], None]


@pytest.fixture(autouse=True)
def _deadly_workers(monkeypatch: pytest.MonkeyPatch, real_workers: None) -> None:
    """The workers' task is importable by the processes they start, unlike a patched function."""
    monkeypatch.setattr(survey, "survey", deadly.survey)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("names", [["deadly.dcm"], ["deadly-1.dcm", "deadly-2.dcm"]])
def test_an_image_that_kills_the_decoder_is_a_finding_and_nothing_else_is_lost(
    tmp_path: Path, names: list[str], workers: int
) -> None:
    practice = TinyPractice()
    for number, name in enumerate(names):
        practice.add_image(50 + number, 111, f"1.2.11/{name}", dicom(50 + number))
    result, told = run_phase(dry_run.run, Phase.DRY_RUN, practice.build(tmp_path / "practice", workers=workers))
    unreadable = [finding for finding in told.findings if finding.code is FindingCode.UNREADABLE_FILE]
    assert [finding.image for finding in unreadable] == [str(50 + number) for number in range(len(names))]
    assert {finding.detail for finding in unreadable} == {"kills the decoder"}
    assert (result.totals.patients, result.totals.images) == (3, 6)


def test_where_no_single_image_is_to_blame_the_machine_is(tmp_path: Path) -> None:
    practice = TinyPractice()
    for number in (50, 51):
        practice.add_image(number, 111, f"1.2.11/needs-all-{number}.dcm", dicom(number))
    tiny = practice.build(tmp_path / "practice", workers=2)
    with pytest.raises(EnvironmentProblem, match="no single image"):
        run_phase(dry_run.run, Phase.DRY_RUN, tiny)


def test_a_proof_tells_the_file_that_kills_its_decoder_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "look", deadly.look)
    practice = TinyPractice()
    practice.add_image(50, 111, "1.2.11/deadly.dcm", dicom(50))
    practice.add_image(51, 111, "1.2.11/empty.dcm", b"")
    tiny = practice.build(tmp_path / "practice")
    job = replace(tiny.job, samples=GenuineSamples().write(tmp_path))
    with RecordingReporter(Phase.PROVE, told := Told(), job.findings_path) as reporter:
        result = prove.run(job, reporter, Uncontrolled())
    assert [(found.code, found.image, found.detail) for found in told.findings] == [
        (FindingCode.UNREADABLE_FILE, "50", "kills the decoder"),
        (FindingCode.EMPTY_FILE, "51", "the file is empty"),
    ]
    assert {check.verdict for check in result.checks} == {Verdict.PASS, Verdict.ACCEPT}


def test_a_sample_that_kills_the_decoder_is_unexplained_and_every_other_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "judge", deadly.judge)
    tiny = TinyPractice().build(tmp_path / "practice")
    job = replace(tiny.job, samples=GenuineSamples().write(tmp_path))
    with RecordingReporter(Phase.PROVE, told := Told(), job.findings_path) as reporter:
        result = prove.run(job, reporter, Uncontrolled())
    (found,) = told.findings
    assert (found.code, found.image) == (FindingCode.SAMPLE_UNEXPLAINED, deadly.DEADLY_SAMPLE)
    checks = {check.check: check for check in result.checks}
    reencoded = checks[Check.SAMPLES_REENCODED]
    assert (reencoded.verdict, reencoded.expected - reencoded.actual) == (Verdict.FAIL, 1)
