"""What was approved is one plan: another plan.sqlite, or a changed one, converts nothing."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.approved_plan import require_approved_plan
from engine.ledger import Ledger
from engine.phases import PhaseResult, dry_run
from protocol.errors import Refused
from protocol.vocabulary import Gate, Phase, Refusal
from tests.engine.statements import AGENT, NOW, RUN, evidence
from tests.engine.tiny import Tiny, TinyPractice, run_phase


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return TinyPractice().build(tmp_path / "practice")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda: NOW)
    ledger.open_run(RUN, AGENT.public_key)
    return ledger


def planned(tiny: Tiny) -> PhaseResult:
    result, _ = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return result


def refusal(tiny: Tiny, ledger: Ledger) -> Refusal:
    with pytest.raises(Refused) as caught:
        require_approved_plan(tiny.job, ledger)
    return caught.value.reason


def test_the_plan_that_the_evidence_names_is_followed(tiny: Tiny, ledger: Ledger) -> None:
    ledger.record_evidence(evidence(Gate.DRY_RUN, plan=str(planned(tiny).plan)))
    require_approved_plan(tiny.job, ledger)


def test_the_same_source_plans_the_same(tiny: Tiny) -> None:
    assert planned(tiny).plan == planned(tiny).plan


@pytest.mark.attack
def test_another_plan_of_the_same_run_is_refused(tiny: Tiny, ledger: Ledger) -> None:
    approved = planned(tiny).plan
    ledger.record_evidence(evidence(Gate.DRY_RUN, plan=str(approved)))
    with sqlite3.connect(tiny.job.source.staging.removeprefix("sqlite:///")) as staging:
        staging.execute("UPDATE patient SET given_name = 'Another'")
    assert planned(tiny).plan != approved
    assert refusal(tiny, ledger) is Refusal.EVIDENCE_NOT_NEWEST


@pytest.mark.attack
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE image SET path = 'Images/00/00/00/00000000.dex' WHERE position = 0",
        "UPDATE image SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x')",
        "UPDATE image SET target_key = target_key + 1000",
        "UPDATE patient SET rows_digest = 'none'",
        'UPDATE patient SET record = CAST(replace(record, \'"given_name":"\', \'"given_name":"X\') AS BLOB)',
        "UPDATE patient SET keys = replace(keys, '1', '9')",
        "DELETE FROM patient WHERE number = (SELECT MAX(number) FROM patient)",
    ],
)
def test_a_plan_changed_by_hand_is_refused(tiny: Tiny, ledger: Ledger, change: str) -> None:
    ledger.record_evidence(evidence(Gate.DRY_RUN, plan=str(planned(tiny).plan)))
    with sqlite3.connect(tiny.job.plan_path) as plan:
        plan.execute(change)
    assert refusal(tiny, ledger) is Refusal.EVIDENCE_NOT_NEWEST


def test_the_plans_name_says_nothing_without_the_runs_key(tiny: Tiny) -> None:
    from engine.plan.reader import Plan

    name = planned(tiny).plan
    digest = Plan(tiny.job.plan_path).digest
    assert name is not None
    assert digest not in name
    shutil.copy(tiny.job.plan_path, tiny.job.plan_path.with_suffix(".copy"))
    assert Plan(tiny.job.plan_path.with_suffix(".copy")).digest == digest
