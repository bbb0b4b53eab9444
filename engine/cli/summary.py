"""What a phase's command says at its end: to people, and to programs."""

from __future__ import annotations

from typing import Any

from engine.cli.next_step import after_no, failed
from engine.cli.screen import duration
from engine.gates import how_to_approve
from engine.run_phase import PhaseReport
from protocol.advice import ADVICE
from protocol.statements import CheckResult
from protocol.vocabulary import Gate, GateState, Phase, Verdict

NEXT = {
    Gate.STAGED: "prove",
    Gate.PROFILE_PROVEN: "dry-run",
    Gate.DRY_RUN: "convert",
    Gate.CONVERTED: "reconcile",
    Gate.RECONCILED: "report",
}


def document(verb: str, report: PhaseReport) -> dict[str, Any]:
    """The object of `--json`."""
    totals, standing, digests = report.result.totals, report.standing, report.result.digests
    found: dict[str, Any] = {
        "verb": verb,
        "outcome": "done" if report.passed else "answer-is-no",
        "gate": standing.gate,
        "state": standing.state,
        "approvals": {"given": len(standing.approvals), "needed": standing.needed},
        "patients": totals.patients,
        "images": totals.images,
        "checks": {
            c.check: {"expected": c.expected, "actual": c.actual, "verdict": c.verdict} for c in report.result.checks
        },
        "findings": {f.code: f.count for f in totals.findings},
        "evidence": standing.digest,
        "seconds": round(report.seconds, 3),
    }
    if report.phase is Phase.RECONCILE:
        found["exact"] = report.passed
    if digests:
        found["digests"] = {"source": digests.source, "database": digests.database, "disk": digests.disk}
    return found


def sentence(verb: str, report: PhaseReport) -> str:
    """The lines a person reads."""
    lines = [f"{verb}: {'passed' if report.passed else 'NO'} in {duration(report.seconds)}"]
    lines += [_check(check) for check in report.result.checks]
    lines += [f"  {f.code:<24} {f.count:>9,}  {ADVICE[f.code].what_to_do}" for f in report.result.totals.findings]
    return "\n".join([*lines, _next(report)])


_MARK = {Verdict.PASS: "pass", Verdict.ACCEPT: "to be accepted", Verdict.FAIL: "FAIL"}


def _check(check: CheckResult) -> str:
    return f"  {check.check:<24} expected {check.expected:>9,}  actual {check.actual:>9,}  {_MARK[check.verdict]}"


def _next(report: PhaseReport) -> str:
    standing = report.standing
    if standing.state is GateState.OPEN:
        return f"Gate {standing.gate} is open. Next: {NEXT[standing.gate]}"
    if standing.state is GateState.WAITING:
        given = f"{len(standing.approvals)} of {standing.needed}"
        return f"Gate {standing.gate} waits for approvals: {given}. Next: {how_to_approve(standing)}."
    return f"Gate {standing.gate} stays closed. Next: {after_no(failed(report.result.checks))}."
