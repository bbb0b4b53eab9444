"""A file that ends every process which decodes it is a finding; the dry run goes on with all the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.phases import dry_run, survey
from engine.target import workshop
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode, Phase
from tests.engine.phases import deadly
from tests.engine.tiny import TinyPractice, dicom, run_phase

Add = Callable[[TinyPractice], None]


@pytest.fixture(autouse=True)
def _deadly_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' task is importable by the processes they start, unlike a patched function."""
    monkeypatch.setattr(survey, "workshop", SimpleNamespace(survey=deadly.survey, set_up=workshop.set_up))


@pytest.mark.parametrize("names", [["deadly.dcm"], ["deadly-1.dcm", "deadly-2.dcm"]])
def test_an_image_that_kills_the_decoder_is_a_finding_and_nothing_else_is_lost(
    tmp_path: Path, names: list[str]
) -> None:
    practice = TinyPractice()
    for number, name in enumerate(names):
        practice.add_image(50 + number, 111, f"1.2.11/{name}", dicom(50 + number))
    result, told = run_phase(dry_run.run, Phase.DRY_RUN, practice.build(tmp_path / "practice", workers=2))
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
