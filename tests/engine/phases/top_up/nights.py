"""A practice of four patients whose nights follow one another, and what a test does to it in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.plan.reader import Plan
from protocol.vocabulary import Check, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, Told, dicom, run_phase

Checks = dict[Check, tuple[Verdict, int, int]]


def run(phase: Phase, tiny: Tiny, **more: Any) -> tuple[Checks, Told]:
    function: Callable[..., PhaseResult] = {
        Phase.DRY_RUN: dry_run.run,
        Phase.CONVERT: convert.run,
        Phase.RECONCILE: reconcile.run,
    }[phase]
    result, told = run_phase(function, phase, tiny, **more)
    return {check.check: (check.verdict, check.expected, check.actual) for check in result.checks}, told


def passes(checks: Checks) -> bool:
    return all(verdict is not Verdict.FAIL for verdict, _, _ in checks.values())


def night_of(tiny: Tiny) -> Told:
    """Dry run, conversion and reconciliation, all of which must pass; what the conversion told."""
    assert passes(run(Phase.DRY_RUN, tiny)[0])
    checks, told = run(Phase.CONVERT, tiny, sleep=lambda seconds: None)
    assert {verdict for verdict, _, _ in checks.values()} == {Verdict.PASS}
    exact, found = run(Phase.RECONCILE, tiny)
    assert {verdict for verdict, _, _ in exact.values()} == {Verdict.PASS}, found.findings
    return told


def plan_of(tiny: Tiny) -> Plan:
    return Plan(tiny.job.plan_path)


def execute(tiny: Tiny, statement: str) -> None:
    engine = sa.create_engine(tiny.target)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def people(tiny: Tiny) -> set[str]:
    return {row[2] for row in tiny.target_rows()["personname"]}


def went_on(practice: TinyPractice) -> None:
    """One patient is renamed, one has a new image, one is gone, one is new; the practice has four afterwards."""
    practice.row("patient", 1)["family_name"] = "Married"
    practice.add_image(7, 211, "1.2.21/g.dcm", dicom(7))
    practice.rows["patient"] = [row for row in practice.rows["patient"] if row["id"] != 3]
    practice.rows["study"] = [row for row in practice.rows["study"] if row["id"] != 31]
    for key in (4, 5):
        new = {**practice.row("patient", 1), "id": key, "family_name": f"New{key}", "dob": date(2001, 1, key)}
        practice.rows["patient"].append({**new, "practice_pms_id": f"00020{key}"})
    practice.rows["study"].append(
        {**practice.row("study", 21), "id": 41, "patient_id": 4, "study_instance_uid": "1.2.41"}
    )
    practice.rows["series"].append(
        {**practice.row("series", 211), "id": 411, "study_id": 41, "series_instance_uid": "1.9"}
    )
    practice.add_image(8, 411, "1.2.41/h.dcm", dicom(8))


def four_patients() -> TinyPractice:
    practice = TinyPractice()
    stays = {**practice.row("patient", 2), "id": 9, "family_name": "Stays", "practice_pms_id": "000199"}
    practice.rows["patient"].append(stays)
    practice.rows["study"].append(
        {**practice.row("study", 21), "id": 91, "patient_id": 9, "study_instance_uid": "1.2.91"}
    )
    practice.rows["series"].append(
        {**practice.row("series", 211), "id": 911, "study_id": 91, "series_instance_uid": "1.8"}
    )
    practice.add_image(51, 911, "1.2.91/z.dcm", dicom(91))
    practice.add_image(52, 911, "1.2.91/missing.dcm", None)
    return practice


def is_gone(practice: TinyPractice, patient: int) -> None:
    """A patient with everything it has, whose keys begin with its own."""
    for table in ("patient", "study", "series"):
        practice.rows[table] = [row for row in practice.rows[table] if not str(row["id"]).startswith(str(patient))]
    practice.rows["media"] = [
        row for row in practice.rows["media"] if not str(row["series_id"]).startswith(str(patient))
    ]
