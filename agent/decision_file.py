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
    try:
        statement = open_envelope(data)
    except Refused as refused:
        raise _no_decision(path, "this is no signed statement of Bitewing") from refused
    if not isinstance(statement, SignedDecision):
        raise _no_decision(path, "this is a signed statement, but no decision")
    return statement


def _no_decision(path: Path, what: str) -> Refused:
    advice = "take the file that bitewing-console decide --out wrote"
    return Refused(Refusal.STATEMENT_MALFORMED, what, where=path.name, next_step=advice)
