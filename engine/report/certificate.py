"""The certificate as a value, read from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass

from engine.entries import DecisionRecorded, EvidenceRecorded
from engine.gates import GATES, Standing
from engine.ledger import Ledger
from engine.plan.values import Round
from protocol.advice import ADVICE
from protocol.statements import Evidence, FindingCount, SetDigests, Totals, envelope
from protocol.vocabulary import Gate, GateState, Severity

PROVEN = (
    "Every patient and image that DEXIS 11 counts is either in DEXIS 10 exactly once, or declared.",
    "Every pixel of every converted image equals the source's, compared by code that the converter does not share.",
    "Every field that DEXIS 10 can hold is equal, and every image is shown turned and mirrored as in DEXIS 11.",
    "The set digests of source database, new database and files on disk are equal.",
    "The source's fingerprint is the one taken before anything began.",
)
NOT_PROVEN = (
    "That DEXIS 10 itself displays every image: people check that in its viewer.",
    "That Dentrix Smart Image opens the right patient: people check that from a converted workstation.",
    "That sensors work: each operatory tests its own before the first patient.",
    "Graphical annotations: they are counted here and migrated in a later pass.",
    "The vendor formats themselves: both profiles are modelled, and were proven only on this practice's own samples.",
)


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate: where it stands, when its evidence was produced (UTC seconds), who approved it."""

    gate: Gate
    state: GateState
    produced_at: int | None
    evidence: str | None
    approvals: tuple[str, ...]
    needed: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands in the practice's certificate. `envelopes` are the signed statements, as standard DSSE JSON.

    `nights` says what each conversion changed: the first one, and every top-up after it.
    """

    run: str
    practice: str | None
    written_at: int
    exact: bool
    gates: tuple[GateLine, ...]
    reconciliation: Evidence | None
    declared: tuple[FindingCount, ...]
    envelopes: tuple[bytes, ...]
    nights: tuple[Round, ...] = ()

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        if self.reconciliation is None:
            return "Not reconciled yet: this run proves nothing so far."
        if self.exact:
            images, patients = self.reconciliation.totals.images, self.reconciliation.totals.patients
            return f"Exact: {images:,} images of {patients:,} patients are in DEXIS 10 as they were in DEXIS 11."
        return "Not exact: do not go live. The findings say what differs."

    @property
    def declared_accepted(self) -> bool:
        """Whether the approvers of the dry run have accepted what it declared."""
        return any(line.gate is Gate.DRY_RUN and line.state is GateState.OPEN for line in self.gates)

    @property
    def totals(self) -> Totals | None:
        return self.reconciliation.totals if self.reconciliation else None

    @property
    def differences(self) -> tuple[FindingCount, ...]:
        """What keeps the answer from being exact; what DEXIS 11 itself lacks is declared, not different."""
        found = self.totals.findings if self.totals else ()
        return tuple(item for item in found if ADVICE[item.code].severity is Severity.BLOCKER)

    @property
    def digests(self) -> SetDigests | None:
        return self.reconciliation.digests if self.reconciliation else None


def certificate(ledger: Ledger, now: int, nights: tuple[Round, ...] = ()) -> Certificate:
    """The certificate as the ledger stands at `now` (UTC seconds). Raises Refused if the ledger is damaged."""
    standings = ledger.standings()
    reconciled, dry_run = standings[Gate.RECONCILED], standings[Gate.DRY_RUN]
    return Certificate(
        run=ledger.run,
        practice=ledger.state().practice,
        written_at=now,
        exact=reconciled.state is GateState.OPEN,
        gates=tuple(_line(standings[gate]) for gate in GATES),
        reconciliation=reconciled.evidence.evidence if reconciled.evidence else None,
        declared=dry_run.evidence.evidence.totals.findings if dry_run.evidence else (),
        envelopes=_envelopes(ledger),
        nights=nights,
    )


def _line(standing: Standing) -> GateLine:
    produced_at = standing.evidence.evidence.produced_at if standing.evidence else None
    return GateLine(standing.gate, standing.state, produced_at, standing.digest, standing.approvals, standing.needed)


def _envelopes(ledger: Ledger) -> tuple[bytes, ...]:
    statements = (r.entry.signed for r in ledger.entries() if isinstance(r.entry, EvidenceRecorded | DecisionRecorded))
    return tuple(envelope(signed) for signed in statements)
