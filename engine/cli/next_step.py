"""What comes next, said once: by a phase at its end, and by `status` at any time. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.gates import Standing, how_to_approve
from protocol.statements import CheckResult
from protocol.vocabulary import Check, GateState, Phase, Verdict

NEWER_BACKUP = "stage a newer backup of DEXIS 11 (source-check lists what is new), then prove, dry-run and convert"


def failed(checks: Iterable[CheckResult]) -> frozenset[Check]:
    """The checks whose answer is no."""
    return frozenset(check.check for check in checks if check.verdict is Verdict.FAIL)


def after_no(wrong: frozenset[Check]) -> str:
    """Where to look for what made the answer no: most checks fail with findings, a changed source without."""
    if Check.SOURCE_UNCHANGED in wrong:
        return "see what changed in the source: source-check; then run again"
    if Check.NOTHING_NEWER in wrong:
        return NEWER_BACKUP
    return "settle the findings above (details: findings.jsonl), then run again"


def at_gate(phase: Phase, standing: Standing) -> tuple[Phase, str]:
    """The phase to run at the first gate that is not open, and what a person does first, in words."""
    if standing.evidence is None:
        return phase, phase
    if standing.state is GateState.WAITING:
        given = f"{len(standing.approvals)} of {standing.needed}"
        return phase, f"{standing.gate} waits for approvals, {given}: {how_to_approve(standing)}"
    if standing.state is GateState.REJECTED:
        return phase, f"settle why {standing.gate} was rejected, then {phase} again"
    return _after_failure(phase, failed(standing.evidence.evidence.checks))


def _after_failure(phase: Phase, wrong: frozenset[Check]) -> tuple[Phase, str]:
    """Repeating a phase does not help where the source went on: then the road begins anew, from `stage`."""
    if Check.SOURCE_UNCHANGED in wrong:
        return Phase.STAGE, "source-check says what changed in the source; settle it, then stage again"
    if Check.PATIENTS_CONVERTED in wrong:  # on the approvals there are; a newer backup would need new ones
        return phase, f"settle why patients are not converted (findings.jsonl), then {phase} again"
    if Check.NOTHING_NEWER in wrong:
        return Phase.STAGE, NEWER_BACKUP
    return phase, f"settle what did not pass (details: findings.jsonl), then {phase} again"
