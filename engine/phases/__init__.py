"""The phases of a run. A phase knows nothing of gates or the ledger: it does its work and returns what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol.statements import CheckResult, SetDigests, Totals
from protocol.vocabulary import Check, Gate, Verdict


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """What a phase found; signed, it becomes the evidence of its gate.

    `renewed`: what later phases rest on is not what it was, even where the evidence claims the same as before.
    `publish` makes what later phases rest on valid. It comes after the evidence is set down: cut short between the
    two, later phases find nothing to rest on, never something new under gates that were opened for the old.
    """

    gate: Gate
    checks: tuple[CheckResult, ...]
    totals: Totals
    digests: SetDigests | None = None
    plan: str | None = None
    renewed: bool = False
    publish: Callable[[], None] = field(default=lambda: None, compare=False)


def judged(check: Check, expected: int, actual: int, *, accepted: int = 0) -> CheckResult:
    """A check's result: passes if equal; needs acceptance if what is missing is explained by `accepted` findings."""
    if actual == expected:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.ACCEPT if 0 < expected - actual <= accepted else Verdict.FAIL
    return CheckResult(check, verdict, expected, actual)


def at_least(check: Check, expected: int, actual: int) -> CheckResult:
    """A check's result where more than expected is fine too."""
    return CheckResult(check, Verdict.PASS if actual >= expected else Verdict.FAIL, expected, actual)
