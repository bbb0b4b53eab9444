"""What the console says, word by word: closed tables from the vocabulary to sentences for a person at night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from protocol.vocabulary import Alarm, Check, Gate, GateState, Outcome, Phase, Refusal, Severity, Verdict

ROAD: tuple[tuple[Phase, Gate], ...] = (
    (Phase.STAGE, Gate.STAGED),
    (Phase.PROVE, Gate.PROFILE_PROVEN),
    (Phase.DRY_RUN, Gate.DRY_RUN),
    (Phase.CONVERT, Gate.CONVERTED),
    (Phase.RECONCILE, Gate.RECONCILED),
)
"""The phases that this version runs and the gate that ends each, in their order."""

PHASES: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.ASSESS: "assessment",
        Phase.STAGE: "staging",
        Phase.PROVE: "proof",
        Phase.DRY_RUN: "dry run",
        Phase.CONVERT: "conversion",
        Phase.RECONCILE: "reconciling",
        Phase.CHECK: "people look",
        Phase.CUTOVER: "cutover",
        Phase.WINDOW: "window",
        Phase.ANNOTATE: "annotations",
    }
)

STATE_MARKS: Mapping[GateState, str] = MappingProxyType(
    {GateState.OPEN: "✓", GateState.WAITING: "●", GateState.REJECTED: "✗", GateState.CLOSED: "·"}
)

VERDICT_MARKS: Mapping[Verdict, str] = MappingProxyType({Verdict.PASS: "✓", Verdict.ACCEPT: "!", Verdict.FAIL: "✗"})

OUTCOMES: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.DONE: "done and passed",
        Outcome.ANSWER_IS_NO: "done, and the answer is no",
        Outcome.REFUSED: "refused to begin",
        Outcome.INTERRUPTED: "stopped half-way; it resumes where it was",
        Outcome.FAILED: "failed on database, disk, network or settings; the agent tries again",
        Outcome.DEADLINE: "stopped at the deadline; an admin resumes (r) when the practice is closed",
        Outcome.UNTIL_EVENING: "waits until the practice closes; it goes on by itself",
    }
)

SEVERITIES: Mapping[Severity, str] = MappingProxyType(
    {Severity.BLOCKER: "blocks", Severity.ACCEPT: "to accept", Severity.INFO: "to know"}
)


@dataclass(frozen=True, slots=True)
class GateWords:
    """What a gate means: what its open state proves, and what it does not."""

    proven: str
    not_proven: str


GATES: Mapping[Gate, GateWords] = MappingProxyType(
    {
        Gate.STAGED: GateWords(
            "The practice's backup stands in a database of its own; the original refused every attempt to write.",
            "That the backup is recent, or that its images can be read.",
        ),
        Gate.PROFILE_PROVEN: GateWords(
            "Both profiles fit this practice: genuine DEXIS 10 samples are explained to the last byte, every code of "
            "DEXIS 11 is mapped.",
            "Anything about images outside the samples; the dry run looks at every one.",
        ),
        Gate.DRY_RUN: GateWords(
            "Every record can be converted, and nothing was written. The night must reproduce this plan digest for "
            "digest.",
            "That DEXIS 10 will show the images; that is looked at after the conversion.",
        ),
        Gate.CONVERTED: GateWords(
            "Every planned patient was written whole, with exactly the planned bytes.",
            "That the plan was right; RECONCILED compares with the source by independent code.",
        ),
        Gate.RECONCILED: GateWords(
            "DEXIS 11, the new database and the new disk hold the same set, found by code that shares nothing with "
            "the converter.",
            "That a person has seen the images in DEXIS 10 and in Dentrix.",
        ),
    }
)

UNKNOWN_GATE = GateWords("What its checks say.", "Anything beyond its checks.")


CHECKS: Mapping[Check, str] = MappingProxyType(
    {
        Check.SNAPSHOT_RESTORED: "tables restored from the backup",
        Check.STAGING_ISOLATED: "staging is not production",
        Check.SOURCE_READ_ONLY: "writes to the source refused",
        Check.SOURCE_SCHEMA: "source columns as in the profile",
        Check.SOURCE_FILES_RESOLVED: "images whose file is there",
        Check.SAMPLES_ENOUGH: "genuine samples, at least",
        Check.SAMPLE_CATEGORIES: "categories that samples cover",
        Check.SAMPLES_EXPLAINED: "sample bytes explained",
        Check.SAMPLES_REENCODED: "samples re-encoded identically",
        Check.INTEGRITY_REPRODUCED: "integrity hashes reproduced",
        Check.TARGET_SCHEMA: "target columns as in the profile",
        Check.SOURCE_CODES_MAPPED: "source codes mapped",
        Check.DECODERS_AVAILABLE: "encodings that can be decoded",
        Check.PATIENTS_ENUMERATED: "patients planned",
        Check.IMAGES_ENUMERATED: "images planned or found wanting",
        Check.IMAGES_DECODED: "images decoded",
        Check.RECORDS_MAPPED: "records the target can hold",
        Check.FILES_WRITTEN: "files written: none allowed",
        Check.ROWS_WRITTEN: "rows written: none allowed",
        Check.SOURCE_UNCHANGED: "source fingerprint unchanged",
        Check.TARGET_UNCHANGED: "target fingerprint unchanged",
        Check.NO_BLOCKERS: "findings that block: none allowed",
        Check.DISK_SUFFICIENT: "MiB free on disk, at least",
        Check.PATIENTS_CONVERTED: "patients converted",
        Check.IMAGES_CONVERTED: "images converted",
        Check.DIGESTS_AS_PLANNED: "files exactly as planned",
        Check.NOTHING_SET_ASIDE: "patients set aside: none allowed",
        Check.NOTHING_NEWER: "newer than the snapshot: none allowed",
        Check.SETS_EQUAL: "sets that agree",
        Check.PATIENTS_MATCHED: "patients there exactly once",
        Check.IMAGES_MATCHED: "images there exactly once",
        Check.FIELDS_EQUAL: "records with every field equal",
        Check.PIXELS_EQUAL: "images with every pixel equal",
        Check.VIEWS_EQUAL: "images shown the same way",
        Check.INTEGRITY_RECOMPUTED: "integrity hashes recomputed",
        Check.LOOKUPS_FOUND: "images found by way of the chart",
        Check.NO_STRAYS: "stray files and rows: none allowed",
        Check.TOTALS_DECLARED: "source images accounted for",
    }
)

ALARMS: Mapping[Alarm, str] = MappingProxyType(
    {
        Alarm.EGRESS_REFUSED: "the agent refused to send a message of its own: call support, nothing left the practice",
        Alarm.ENGINE_CRASHED: "the engine died once and was started again: nothing to do unless it repeats",
        Alarm.ENGINE_GAVE_UP: "the engine died too often: ask the practice's IT for engine.log, then resume",
        Alarm.ORDER_REFUSED: "the agent refused an order: see the approvals of the gates for the reason",
        Alarm.LEDGER_DAMAGED: "the practice's ledger does not verify: every gate stays closed; call support",
        Alarm.CLOCK_SKEWED: "the clocks of hub and practice differ: correct them, decisions depend on time",
    }
)

SERIOUS_ALARMS = frozenset({Alarm.EGRESS_REFUSED, Alarm.ENGINE_GAVE_UP, Alarm.LEDGER_DAMAGED, Alarm.CLOCK_SKEWED})
"""Alarms that a person must look into; the others settle themselves or show elsewhere."""


@dataclass(frozen=True, slots=True)
class RefusalWords:
    """Why something was refused, and what to do."""

    why: str
    do: str

    def __str__(self) -> str:
        return f"{self.why}. {self.do}."


REFUSALS: Mapping[Refusal, RefusalWords] = MappingProxyType(
    {
        Refusal.GATE_CLOSED: RefusalWords("An earlier gate is closed", "Open that one first"),
        Refusal.EVIDENCE_MISSING: RefusalWords(
            "There is no evidence for this gate yet", "Wait until the phase has ended"
        ),
        Refusal.EVIDENCE_FAILED: RefusalWords(
            "The evidence did not pass", "Settle the findings at the practice, then let the phase run again"
        ),
        Refusal.EVIDENCE_NOT_NEWEST: RefusalWords(
            "Newer evidence has arrived", "Read the newest evidence and decide on that"
        ),
        Refusal.CHECKS_INCOMPLETE: RefusalWords(
            "The evidence lacks a required check", "Run the phase again with this release of the engine"
        ),
        Refusal.APPROVALS_MISSING: RefusalWords("Not enough approvals yet", "Another approver must read and decide"),
        Refusal.DECISION_EXPIRED: RefusalWords("The decision has expired", "Decide again"),
        Refusal.DECISION_FROM_FUTURE: RefusalWords(
            "The decision is dated in the practice's future", "Compare this computer's clock with the practice's"
        ),
        Refusal.DECISION_REPLAYED: RefusalWords(
            "This very decision was already used", "Decide again; a decision counts once"
        ),
        Refusal.DECISION_REJECTED: RefusalWords(
            "An approver said no to this evidence", "Settle the reason, then let the phase run again"
        ),
        Refusal.WRONG_PRACTICE: RefusalWords(
            "It names another practice, or one without an agent", "Check the practice and its enrolment"
        ),
        Refusal.WRONG_RUN: RefusalWords(
            "It is about an earlier run of the practice", "Decide on the evidence of the present run"
        ),
        Refusal.WRONG_GATE: RefusalWords("It is about another gate", "Open the right gate and decide there"),
        Refusal.WRONG_POLICY: RefusalWords(
            "The approval policy has changed meanwhile", "Wait until the screen shows the new policy, then decide again"
        ),
        Refusal.SIGNATURE_INVALID: RefusalWords(
            "A signature does not fit", "Decide nothing; tell an admin, and compare the agent's four words by phone"
        ),
        Refusal.OPERATOR_UNKNOWN: RefusalWords(
            "You are not in the key set in force", "Ask an admin; the practice may still hold an older key set"
        ),
        Refusal.OPERATOR_REVOKED: RefusalWords("Your key was revoked", "Ask an admin; another operator must decide"),
        Refusal.ROLE_INSUFFICIENT: RefusalWords(
            "Your role does not include this", "An approver or admin must do it; only an admin pauses and resumes"
        ),
        Refusal.OWN_EVIDENCE: RefusalWords("Nobody decides on evidence they produced", "Another operator must decide"),
        Refusal.KEYSET_MISSING: RefusalWords(
            "The practice holds no key set yet", "Wait until its agent has connected, then decide again"
        ),
        Refusal.KEYSET_OLDER: RefusalWords(
            "The key set offered is older than the one in force", "Ask an admin to send the newest key set"
        ),
        Refusal.LEDGER_DAMAGED: RefusalWords(
            "The practice's ledger does not verify", "Call support; every gate stays closed until it is settled"
        ),
        Refusal.JOB_HELD: RefusalWords(
            "Another process works on this job at the practice", "Wait a minute, then decide again"
        ),
        Refusal.STATEMENT_MALFORMED: RefusalWords(
            "The statement is not well formed", "Use the same release of Bitewing on both sides"
        ),
    }
)
"""Every reason for which hub or agent refuses, as a sentence and what to do."""

BAD_EVIDENCE: Mapping[Refusal, str] = MappingProxyType(
    {
        Refusal.EVIDENCE_FAILED: "evidence did not pass",
        Refusal.CHECKS_INCOMPLETE: "a check is missing",
        Refusal.SIGNATURE_INVALID: "signature does not fit",
        Refusal.WRONG_PRACTICE: "of another practice",
        Refusal.WRONG_GATE: "of another gate",
    }
)
"""Why evidence cannot be approved, short enough for a table."""


def phase_of(gate: Gate) -> str:
    """The phase that a gate ends, in words."""
    return next((PHASES[phase] for phase, one in ROAD if one is gate), "")
