"""Totals and findings of a phase in the words of evidence."""

from __future__ import annotations

from collections.abc import Mapping

from engine.plan.values import PlanTotals
from protocol.advice import ADVICE
from protocol.statements import FindingCount, Totals
from protocol.vocabulary import FindingCode, Severity


def totals(planned: PlanTotals, annotations: int, findings: Mapping[FindingCode, int]) -> Totals:
    """What was planned or carried over, with the findings of the phase by code."""
    return Totals(
        patients=planned.patients,
        studies=planned.studies,
        series=planned.series,
        images=planned.images,
        files=planned.images,
        bytes=planned.bytes,
        rows=planned.rows,
        annotations=annotations,
        findings=tuple(FindingCount(code, count) for code, count in findings.items() if count),
    )


def of_severity(findings: Mapping[FindingCode, int], severity: Severity) -> int:
    """How many findings have this severity."""
    return sum(count for code, count in findings.items() if ADVICE[code].severity is severity)
