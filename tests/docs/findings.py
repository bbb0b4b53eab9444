"""Writes docs/findings.md from the code: python -m tests.docs.findings"""

from __future__ import annotations

from pathlib import Path

from protocol.advice import ADVICE
from protocol.vocabulary import FindingCode, Owner, Severity
from tests.protocol.reference import table

REFERENCE = Path(__file__).parents[2] / "docs" / "findings.md"

OPENING = """\
# Findings

Written by `python -m tests.docs.findings` from `ADVICE` in `protocol/advice.py`; a test fails when the two differ.

What a phase finds has a code, a severity and somebody who can act. Each finding is a line of `findings.jsonl` in the
job's folder, with phase, code, patient key, image key, place and detail: for the practice's eyes only. What leaves is
the code and how often it was found.
"""

MEANING = {
    Severity.BLOCKER: "The gate stays closed until none is left: settle the cause, then run the phase again.",
    Severity.ACCEPT: "The gate can open, but only by approvals of evidence that names and counts them.",
    Severity.INFO: "Nobody has to decide anything.",
}

PEOPLE = {
    Owner.STAFF: "migration staff",
    Owner.PRACTICE: "the practice",
    Owner.PRACTICE_IT: "the practice's IT",
}


def of_severity(severity: Severity) -> str:
    """A section with every code of one severity, in the order of the vocabulary."""
    found = [(f"`{code}`", ADVICE[code]) for code in FindingCode if ADVICE[code].severity is severity]
    rows = [(code, PEOPLE[advice.owner], advice.what_to_do) for code, advice in found]
    head = ("code", "who can act", "what it means, what to do")
    return f"## {severity.value.capitalize()}\n\n{MEANING[severity]}\n\n{table(head, *rows)}"


def reference() -> str:
    """The whole of docs/findings.md."""
    return "\n\n".join([OPENING.strip(), *map(of_severity, MEANING)]) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
