"""Signed statements: what exactly is signed, how a statement is named, and whose signature it is.

A statement travels as a value beside a detached DSSE signature, so that a person reads every value on the wire.
What is signed is the canonical JSON of an in-toto Statement v1; `protocol.envelopes` turns a signed statement
into a standard DSSE envelope and back, so that other tools can verify it.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import Any

import msgspec

from protocol.errors import ProtocolViolation, Refused
from protocol.predicates import (
    Attestation,
    Decision,
    Evidence,
)
from protocol.signing import Signature, Signer, is_signed
from protocol.values import Value, canonical
from protocol.vocabulary import Refusal, Rule

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The DSSE payload type of every statement."""

IN_TOTO_TYPE = "https://in-toto.io/Statement/v1"


class SignedEvidence(Value, frozen=True):
    """Evidence and the practice's detached signature."""

    evidence: Evidence
    signature: Signature


class SignedDecision(Value, frozen=True):
    """A decision and the operator's detached signature."""

    decision: Decision
    signature: Signature


class SignedAttestation(Value, frozen=True):
    """An attestation and the practice's detached signature."""

    attestation: Attestation
    signature: Signature


Statement = Evidence | Decision | Attestation
SignedStatement = SignedEvidence | SignedDecision | SignedAttestation


def predicate_type(kind: type[Statement]) -> str:
    """The in-toto predicate type of a kind of statement."""
    return f"urn:bitewing:{kind.__name__.lower()}:v1"


def _subject(statement: Statement) -> list[dict[str, Any]]:
    """What a statement is about, in in-toto's words."""
    match statement:
        case Evidence(profiles=profiles):
            named = {"source-profile": profiles.source, "target-profile": profiles.target}
            return [{"name": name, "digest": {"sha256": digest}} for name, digest in named.items()]
        case Decision(evidence=digest):
            return [{"name": "evidence", "digest": {"sha256": digest}}]
        case Attestation(run=run):
            return [{"name": "run", "digest": {"bitewingRun": run}}]


def payload(statement: Statement) -> bytes:
    """The canonical JSON of the in-toto Statement: the bytes that are signed and that name the statement."""
    return canonical(
        {
            "_type": IN_TOTO_TYPE,
            "subject": _subject(statement),
            "predicateType": predicate_type(type(statement)),
            "predicate": statement,
        }
    )


def statement_digest(statement: Statement) -> str:
    """SHA-256 of the payload, as 64 hex digits. It names the statement."""
    return sha256(payload(statement)).hexdigest()


def _validated(statement: Statement) -> Statement:
    """The statement itself, if it is inside the language; constructors do not check that. Raises ProtocolViolation.

    The error carries no cause: a library's error would quote the value.
    """
    with suppress(msgspec.MsgspecError, TypeError, ValueError):
        if msgspec.json.decode(canonical(statement), type=type(statement)) == statement:
            return statement
    raise ProtocolViolation(Rule.OUTSIDE_LANGUAGE)


def _sign(statement: Statement, signer: Signer) -> Signature:
    return signer.sign(PAYLOAD_TYPE, payload(_validated(statement)))


def sign_evidence(evidence: Evidence, signer: Signer) -> SignedEvidence:
    """Sign as the practice. Raises ProtocolViolation if the evidence holds a value outside the language."""
    return SignedEvidence(evidence, _sign(evidence, signer))


def sign_decision(decision: Decision, signer: Signer) -> SignedDecision:
    """Sign as an operator. Raises ProtocolViolation if the decision holds a value outside the language."""
    return SignedDecision(decision, _sign(decision, signer))


def sign_attestation(attestation: Attestation, signer: Signer) -> SignedAttestation:
    """Sign as the practice. Raises ProtocolViolation if the attestation holds a value outside the language."""
    return SignedAttestation(attestation, _sign(attestation, signer))


def is_statement_signed(statement: Statement, signature: Signature, public_key: str) -> bool:
    """Whether `signature` is `public_key`'s own over this statement."""
    return is_signed(signature, public_key, PAYLOAD_TYPE, payload(statement))


def verify_evidence(signed: SignedEvidence, public_key: str) -> Evidence:
    """The evidence, if `public_key` (the practice's) signed it. Raises Refused: SIGNATURE_INVALID."""
    _demand_signature(is_statement_signed(signed.evidence, signed.signature, public_key), "evidence")
    return signed.evidence


def verify_attestation(signed: SignedAttestation, public_key: str) -> Attestation:
    """The attestation, if `public_key` (the practice's) signed it. Raises Refused: SIGNATURE_INVALID."""
    _demand_signature(is_statement_signed(signed.attestation, signed.signature, public_key), "attestation")
    return signed.attestation


def _demand_signature(valid: bool, what: str) -> None:
    if not valid:
        raise Refused(
            Refusal.SIGNATURE_INVALID,
            f"the {what} is not signed by this practice's key",
            next_step="look for a second machine that speaks for this practice",
        )
