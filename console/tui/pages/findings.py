"""Findings by code: how often, how grave, whose, and what to do."""

from __future__ import annotations

from collections.abc import Iterable

from console.tui.lines import Line, Tone, fit, line, paragraph
from console.tui.words import SEVERITIES
from protocol.advice import ADVICE
from protocol.statements import FindingCount
from protocol.vocabulary import Owner, Severity

_TONES = {Severity.BLOCKER: Tone.BAD, Severity.ACCEPT: Tone.WARN, Severity.INFO: Tone.PLAIN}
_OWNERS = {Owner.STAFF: "our staff", Owner.PRACTICE: "the practice", Owner.PRACTICE_IT: "practice IT"}
_NARROW = 110
_GRAVE_FIRST = [Severity.BLOCKER, Severity.ACCEPT, Severity.INFO]


def finding_lines(counts: Iterable[FindingCount], width: int) -> list[Line]:
    """The gravest first. What to do stands beside the numbers where there is room, else below them."""
    ordered = sorted(counts, key=lambda one: _GRAVE_FIRST.index(ADVICE[one.code].severity))
    return [each for one in ordered for each in _finding(one, width)]


def _finding(found: FindingCount, width: int) -> list[Line]:
    advice = ADVICE[found.code]
    tone = _TONES[advice.severity]
    head = f"{fit(found.code, 23)}{found.count:>9,}  {fit(SEVERITIES[advice.severity], 10)}"
    if width < _NARROW:
        below = paragraph(f"{_OWNERS[advice.owner]}: {advice.what_to_do}", width, Tone.DIM, indent=4)
        return [line(head, tone), *below]
    owner = fit(_OWNERS[advice.owner], 14)
    told = paragraph(advice.what_to_do, width - len(head) - len(owner))
    first, *rest = told
    indent = (" " * (len(head) + len(owner)), Tone.PLAIN)
    return [((head, tone), (owner, Tone.PLAIN), *first), *((indent, *more) for more in rest)]
