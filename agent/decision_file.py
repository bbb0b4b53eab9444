"""A decision carried in by hand: the standard DSSE envelope that the console writes."""

from __future__ import annotations

from pathlib import Path

from protocol.errors import Refused, UsageProblem
from protocol.limits import MAX_ENVELOPE_BYTES
from protocol.statements import SignedDecision, open_envelope
from protocol.vocabulary import Refusal


def read(path: Path) -> SignedDecision:
    """The decision in the file, still to be judged. Raises UsageProblem, Refused STATEMENT_MALFORMED."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ENVELOPE_BYTES + 1)
    except OSError as problem:
        raise UsageProblem("the file cannot be read", where=str(path), next_step="check its name") from problem
    statement = open_envelope(data)
    if not isinstance(statement, SignedDecision):
        raise Refused(
            Refusal.STATEMENT_MALFORMED,
            "this is a signed statement, but no decision",
            where=path.name,
            next_step="take the file that bitewing-console decide --out wrote",
        )
    return statement
