"""A gate's evidence as lines of plain text."""

from __future__ import annotations

from collections.abc import Iterator

from console.verdicts import Judgement, gate_view
from console.wire import PracticeView
from protocol.statements import Evidence


def evidence_lines(practice: PracticeView, judgement: Judgement) -> Iterator[str]:
    """What the evidence says and what this console makes of it."""
    view = gate_view(practice, judgement.gate)
    yield f"{practice.code} {judgement.gate}: {judgement.state}"
    if view.evidence is None or judgement.digest is None:
        yield "no evidence yet"
        return
    yield f"evidence {judgement.digest}"
    yield from _checks(view.evidence.evidence)
    yield from _digests(view.evidence.evidence, judgement)
    verdict = "can be approved" if judgement.approvable else f"cannot be approved: {judgement.blocked}"
    yield f"This evidence {verdict}."


def _checks(evidence: Evidence) -> Iterator[str]:
    yield f"  {'check':<24} {'expected':>16} {'actual':>16}  verdict"
    for one in evidence.checks:
        yield f"  {one.check:<24} {one.expected:>16,} {one.actual:>16,}  {one.verdict}"
    for found in evidence.totals.findings:
        yield f"  finding {found.code}: {found.count:,}"


def _digests(evidence: Evidence, judgement: Judgement) -> Iterator[str]:
    if evidence.digests is not None:
        yield f"  source   {evidence.digests.source}"
        yield f"  database {evidence.digests.database}"
        yield f"  disk     {evidence.digests.disk}"
        yield f"  compared here: {'all three are equal' if judgement.digests_equal else 'NOT equal'}"
