"""Standard DSSE envelopes with in-toto Statements, for files and for other tools. Strict on the way in."""

# ruff: noqa: PLC0415 - securesystemslib loads on first use; see the docstring of protocol.signing
from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import msgspec

from protocol.errors import Refused
from protocol.limits import MAX_ENVELOPE_BYTES
from protocol.predicates import Attestation, Decision, Evidence
from protocol.signed import (
    PAYLOAD_TYPE,
    SignedAttestation,
    SignedDecision,
    SignedEvidence,
    SignedStatement,
    Statement,
    payload,
    predicate_type,
)
from protocol.signing import Signature
from protocol.values import Value, canonical
from protocol.vocabulary import Refusal

_KINDS: dict[str, type[Statement]] = {predicate_type(kind): kind for kind in (Evidence, Decision, Attestation)}


class _LibrarySignature(Value, frozen=True):
    keyid: str
    sig: str


class _Envelope(Value, frozen=True):
    payload: str
    payloadType: str  # noqa: N815 - the standard's own spelling
    signatures: Annotated[tuple[_LibrarySignature, ...], msgspec.Meta(min_length=1, max_length=1)]


class _InToto(msgspec.Struct, frozen=True):
    predicateType: str  # noqa: N815 - the standard's own spelling
    predicate: msgspec.Raw


def envelope(signed: SignedStatement) -> bytes:
    """The standard DSSE envelope of a signed statement: JSON, payload and signature in base64."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature as LibrarySignature

    statement, signature = _parts(signed)
    made = LibrarySignature(signature.keyid, signature.sig)
    return canonical(Envelope(payload(statement), PAYLOAD_TYPE, {made.keyid: made}).to_dict())


def open_envelope(data: bytes) -> SignedStatement:
    """The signed statement in a DSSE envelope. Opening is not verifying: the signature is still to be judged.

    Raises Refused (STATEMENT_MALFORMED) unless it holds exactly one signature and a canonical payload of ours.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise _malformed("the envelope is too large")
    with suppress(msgspec.MsgspecError, ValueError, KeyError, RecursionError):
        return _open(msgspec.json.decode(data, type=_Envelope))
    raise _malformed("the envelope is not one of Bitewing's")


def _open(outer: _Envelope) -> SignedStatement:
    from securesystemslib.dsse import Envelope

    inner: Any = Envelope.from_dict(msgspec.to_builtins(outer))
    read = msgspec.json.decode(inner.payload, type=_InToto)
    statement = msgspec.json.decode(read.predicate, type=_KINDS[read.predicateType])
    made = next(iter(inner.signatures.values()))
    signature = msgspec.convert({"keyid": made.keyid, "sig": made.signature}, type=Signature)
    if inner.payload_type != PAYLOAD_TYPE or payload(statement) != inner.payload:
        raise _malformed("the payload is not canonical")
    return _signed(statement, signature)


def _parts(signed: SignedStatement) -> tuple[Statement, Signature]:
    match signed:
        case SignedEvidence(evidence=statement) | SignedDecision(decision=statement):
            return statement, signed.signature
        case SignedAttestation(attestation=statement):
            return statement, signed.signature


def _signed(statement: Statement, signature: Signature) -> SignedStatement:
    match statement:
        case Evidence():
            return SignedEvidence(statement, signature)
        case Decision():
            return SignedDecision(statement, signature)
        case Attestation():
            return SignedAttestation(statement, signature)


def _malformed(what: str) -> Refused:
    return Refused(Refusal.STATEMENT_MALFORMED, what, next_step="export the statement again")
