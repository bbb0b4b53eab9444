"""Evidence, decisions and attestations: the one door to what they say, who signed them, and what they open.

predicates   what a statement says        signed      what is signed, and by whom
judgement    what opens a gate            envelopes   standard DSSE files, for other tools
"""

from __future__ import annotations

from protocol.envelopes import envelope, open_envelope
from protocol.judgement import Tally, approvals, demand_about, expiry, passes, verify_decision
from protocol.predicates import (
    Attestation,
    CheckResult,
    Decision,
    Evidence,
    FindingCount,
    FindingCounts,
    ProfileDigests,
    SetDigests,
    Totals,
)
from protocol.signed import (
    PAYLOAD_TYPE,
    SignedAttestation,
    SignedDecision,
    SignedEvidence,
    SignedStatement,
    Statement,
    payload,
    sign_attestation,
    sign_decision,
    sign_evidence,
    statement_digest,
    verify_attestation,
    verify_evidence,
)
from protocol.signing import Signature
from protocol.values import Count, Digest, Id

__all__ = [
    "PAYLOAD_TYPE",
    "Attestation",
    "CheckResult",
    "Count",
    "Decision",
    "Digest",
    "Evidence",
    "FindingCount",
    "FindingCounts",
    "Id",
    "ProfileDigests",
    "SetDigests",
    "Signature",
    "SignedAttestation",
    "SignedDecision",
    "SignedEvidence",
    "SignedStatement",
    "Statement",
    "Tally",
    "Totals",
    "approvals",
    "demand_about",
    "envelope",
    "expiry",
    "open_envelope",
    "passes",
    "payload",
    "sign_attestation",
    "sign_decision",
    "sign_evidence",
    "statement_digest",
    "verify_attestation",
    "verify_decision",
    "verify_evidence",
]
