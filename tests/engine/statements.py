"""Signed statements for tests: a firm with a root key and three operators, and evidence that passes."""

from __future__ import annotations

import hashlib
import itertools

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.checks import REQUIRED_CHECKS
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, SignedKeySet, Signer, sign_keyset
from protocol.statements import (
    CheckResult,
    Decision,
    Evidence,
    ProfileDigests,
    SetDigests,
    SignedDecision,
    SignedEvidence,
    Totals,
    sign_decision,
    sign_evidence,
    statement_digest,
)
from protocol.vocabulary import Check, DecisionVerdict, Gate, Role, Verdict

PRACTICE, RUN = "a" * 32, "b" * 32
NOW = 1_800_000_000


def signer(name: str) -> Signer:
    """The same key for the same name, always."""
    return Signer(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


AGENT, ROOT = signer("agent"), signer("root")
PEOPLE = {"ann": Role.APPROVER, "bob": Role.APPROVER, "vera": Role.VIEWER}


def operator_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def keyset(version: int = 1, *, revoked: tuple[str, ...] = (), root: Signer = ROOT) -> SignedKeySet:
    operators = tuple(
        Operator(operator_id(name), signer(name).public_key, role, name in revoked) for name, role in PEOPLE.items()
    )
    return sign_keyset(KeySet(version, operators, DEFAULT_POLICY, NOW), root)


def evidence(
    gate: Gate, *, at: int = NOW, failing: Check | None = None, practice: str = PRACTICE, plan: str = "5" * 64
) -> SignedEvidence:
    checks = tuple(
        CheckResult(check, Verdict.FAIL if check is failing else Verdict.PASS, 7, 6 if check is failing else 7)
        for check in REQUIRED_CHECKS[gate]
    )
    digests = SetDigests("d" * 64, "d" * 64, "d" * 64) if gate is Gate.RECONCILED else None
    profiles = ProfileDigests("1" * 64, "2" * 64)
    statement = Evidence(practice, RUN, gate, at, "0.1.0", profiles, checks, Totals(patients=7), digests, 1.5, plan)
    return sign_evidence(statement, AGENT)


_nonces = itertools.count(1)


def decision(
    name: str,
    about: SignedEvidence,
    *,
    verdict: DecisionVerdict = DecisionVerdict.APPROVE,
    at: int = NOW,
    lives: int = 3600,
    **changed: object,
) -> SignedDecision:
    facts: dict[str, object] = {
        "practice": PRACTICE,
        "run": RUN,
        "gate": about.evidence.gate,
        "verdict": verdict,
        "evidence": statement_digest(about.evidence),
        "policy_version": DEFAULT_POLICY.version,
        "nonce": f"{next(_nonces):032x}",
        "issued_at": at,
        "expires_at": at + lives,
    }
    return sign_decision(Decision(**{**facts, **changed}), signer(name))  # type: ignore[arg-type]
