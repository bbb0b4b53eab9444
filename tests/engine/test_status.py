"""status: gates, hours and forecast, for people and for programs."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from engine import identity
from engine.cli.init import make_ready
from engine.cli.main import main
from engine.compose import held, open_ledger
from engine.events import Doing, Progress
from engine.gates import NO_PRACTICE
from engine.phases import dry_run
from engine.running.under_way import Keeper
from protocol.keyset import Signer
from protocol.statements import sign_evidence
from protocol.vocabulary import ExitCode, Gate, Phase
from tests.engine.statements import evidence
from tests.engine.tiny import Tiny, TinyPractice, run_phase


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    tiny = TinyPractice().build(tmp_path / "practice")
    with (tiny.folder / "job.toml").open("a", encoding="utf-8") as settings:
        settings.write("begin = '19:00'\ndeadline = '07:30'\n")
    make_ready(tiny.folder)
    return tiny


def status(tiny: Tiny, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), "status", *words])
    assert ended.value.code == ExitCode.DONE
    return capsys.readouterr().out


def test_before_a_dry_run_there_is_no_forecast(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(status(tiny, capsys, "--json"))
    assert document["forecast"] is None
    assert document["hours"] | {"opens_at": 0} == {"begin": "19:00", "deadline": "07:30", "opens_at": 0}
    assert "Forecast" not in status(tiny, capsys)


def test_after_a_dry_run_people_and_programs_read_the_forecast(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert json.loads(status(tiny, capsys, "--json"))["forecast"]["images"] == 6
    shown = status(tiny, capsys)
    assert "Conversion runs from 19:00 until 07:30" in shown
    assert "3 patients, 6 images" in shown and "needed" in shown


def test_while_a_conversion_runs_its_own_rate_says_when_it_ends(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    keep(tiny, Progress(Phase.CONVERT, 1, 3, 1_000, 2_000, 7, 50.0, 17.0, 23.0))
    with held(tiny.job):
        shown, running = status(tiny, capsys), json.loads(status(tiny, capsys, "--json"))["running"]
    assert "Under way: convert" in shown and "1,000 of 2,000 images" in shown and "50/s, 17 s to 23 s left" in shown
    assert "Forecast" not in shown, "what was predicted is over"
    finish = datetime.fromisoformat(running["ending"]["finish_high"]).timestamp()
    assert 20 <= finish - time.time() <= 24 and running["ending"]["deadline"]


def test_a_phase_that_is_not_the_conversion_has_no_end_to_be_held_against_the_hours(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tiny, Progress(Phase.STAGE, 0, 0, 0, 0, 7, None, None, None))
    with held(tiny.job):
        assert "not counted yet" in status(tiny, capsys)
        assert json.loads(status(tiny, capsys, "--json"))["running"]["ending"] is None


def test_where_no_image_passes_it_says_what_goes_on(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tiny, Progress(Phase.RECONCILE, 0, 3, 0, 2_000, 0, None, None, None, doing=Doing.ROWS_AND_FILES))
    with held(tiny.job):
        shown, running = status(tiny, capsys), json.loads(status(tiny, capsys, "--json"))["running"]
    assert "listing rows and files" in shown and running["doing"] == Doing.ROWS_AND_FILES


def test_what_a_killed_process_left_behind_is_not_under_way(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    keep(tiny, Progress(Phase.CONVERT, 1, 3, 1, 2, 7, 50.0, 17.0, 23.0))
    assert json.loads(status(tiny, capsys, "--json"))["running"] is None
    assert "Forecast" in status(tiny, capsys)


def test_without_a_ledger_nothing_is_said_to_come_next_but_to_put_it_back(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.job.ledger_path.unlink()
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), "status"])
    assert ended.value.code == ExitCode.REFUSED
    assert "put back the newest ledger.jsonl; without one, run init" in capsys.readouterr().err


@pytest.mark.parametrize(("lost", "following"), [(True, "settle, then enrol"), (False, "Next: stage")])
def test_init_knows_a_job_whose_ledger_was_lost(
    tiny: Tiny, capsys: pytest.CaptureFixture[str], lost: bool, following: str
) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    if lost:
        tiny.job.ledger_path.unlink()
    with pytest.raises(SystemExit):
        main(["--job", str(tiny.folder), "init"])
    assert following in capsys.readouterr().err


def keep(tiny: Tiny, progress: Progress) -> None:
    Keeper(tiny.job.progress_path, lambda event: None, time.monotonic)(progress)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"images": 6}'])
def test_a_report_that_cannot_be_read_is_no_forecast(
    tiny: Tiny, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    tiny.job.report_folder.mkdir()
    (tiny.job.report_folder / "dry-run.json").write_bytes(damage)
    assert json.loads(status(tiny, capsys, "--json"))["forecast"] is None


def test_a_job_that_nobody_can_approve_yet_is_sent_to_the_firm(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = open_ledger(tiny.job)
    signer = Signer(identity.load(tiny.job.identity_path))
    for gate in (Gate.STAGED, Gate.PROFILE_PROVEN):
        ours = msgspec.structs.replace(evidence(gate).evidence, run=tiny.job.run_id, practice=NO_PRACTICE)
        ledger.record_evidence(sign_evidence(ours, signer))
    shown = status(tiny, capsys)
    assert "PROFILE_PROVEN   waiting   0 of 1 approvals\n" in shown
    assert "enroll TOKEN" in shown and "anew from stage" in shown
