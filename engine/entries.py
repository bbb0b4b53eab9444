"""What can stand in the ledger."""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol.keyset import SignedKeySet
from protocol.statements import SignedDecision, SignedEvidence
from protocol.vocabulary import Phase, Refusal

Hex32 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z", max_length=32)]
Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", max_length=64)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="entry"):
    pass


class RunOpened(_Entry, frozen=True, tag="run-opened"):
    """The first entry: which run this is, and the public key that signs its evidence."""

    run: Hex32
    public_key: Hex64


class Enrolled(_Entry, frozen=True, tag="enrolled"):
    """The practice's opaque id and the firm's root public key, from the enrolment token. Earlier evidence is void."""

    practice: Hex32
    root: Hex64


class KeySetRecorded(_Entry, frozen=True, tag="key-set"):
    """The firm's operators and policy, signed by the root."""

    signed: SignedKeySet


class EvidenceRecorded(_Entry, frozen=True, tag="evidence"):
    """A phase's evidence, signed by this run's key."""

    signed: SignedEvidence


class DecisionRecorded(_Entry, frozen=True, tag="decision"):
    """An operator's decision, verified when it was recorded."""

    signed: SignedDecision


class PhaseBegun(_Entry, frozen=True, tag="phase-begun"):
    """A phase began with every earlier gate open."""

    phase: Phase


class RefusalRecorded(_Entry, frozen=True, tag="refusal"):
    """Something was refused, and by which rule."""

    reason: Refusal


Entry = RunOpened | Enrolled | KeySetRecorded | EvidenceRecorded | DecisionRecorded | PhaseBegun | RefusalRecorded
