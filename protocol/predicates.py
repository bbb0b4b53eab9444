"""What a statement says: evidence, decision and attestation as plain values, in in-toto's word the predicates."""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol.values import ByteCount, Count, Digest, Id, Number, Seconds, Timestamp, Value, Version, set_grain
from protocol.vocabulary import Check, DecisionVerdict, FindingCode, Gate, Verdict

_CHECK_ORDER = {check: place for place, check in enumerate(Check)}
_CODE_ORDER = {code: place for place, code in enumerate(FindingCode)}


class CheckResult(Value, frozen=True):
    """One question, and the two numbers that answer it."""

    check: Check
    verdict: Verdict
    expected: Count
    actual: Count


class FindingCount(Value, frozen=True):
    """How often one code was found."""

    code: FindingCode
    count: Count


def in_code_order(counts: tuple[FindingCount, ...]) -> tuple[FindingCount, ...]:
    """Counts in the vocabulary's order: an order of the sender's choice would be a channel. ValueError if repeated."""
    ordered = tuple(sorted(counts, key=lambda item: _CODE_ORDER[item.code]))
    if len({item.code for item in ordered}) != len(ordered):
        raise ValueError("a finding code appears twice")
    return ordered


FindingCounts = Annotated[tuple[FindingCount, ...], msgspec.Meta(max_length=len(FindingCode))]
"""Each code at most once, in the vocabulary's order."""


class Totals(Value, frozen=True):
    """Exact totals of the practice, and its findings by code."""

    patients: Count = 0
    studies: Count = 0
    series: Count = 0
    images: Count = 0
    files: Count = 0
    bytes: ByteCount = 0
    rows: Count = 0
    annotations: Count = 0
    findings: FindingCounts = ()

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "findings", in_code_order(self.findings))


class SetDigests(Value, frozen=True):
    """Blinded digests of three whole sets; equal means the sets are equal, and tells nothing else."""

    source: Digest
    database: Digest
    disk: Digest

    @property
    def equal(self) -> bool:
        """Whether all three sets are the same set."""
        return self.source == self.database == self.disk


class ProfileDigests(Value, frozen=True):
    """SHA-256 of the two profile files that a run works with."""

    source: Digest
    target: Digest


class Evidence(Value, frozen=True):
    """What a phase found, signed at the practice. `seconds` is the phase's wall time.

    `plan` names the plan that a dry run made and a conversion followed: the plan's own digest under the key made for
    the run, so that it says nothing but same or not the same. Checks stand in the vocabulary's order. Raises
    ValueError if a check appears twice.
    """

    practice: Id
    run: Id
    gate: Gate
    produced_at: Timestamp
    engine_version: Version
    profiles: ProfileDigests
    checks: Annotated[tuple[CheckResult, ...], msgspec.Meta(max_length=len(Check))]
    totals: Totals
    digests: SetDigests | None
    seconds: Seconds
    plan: Digest | None = None

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.checks, key=lambda result: _CHECK_ORDER[result.check]))
        if len({result.check for result in ordered}) != len(ordered):
            raise ValueError("a check appears twice")
        msgspec.structs.force_setattr(self, "checks", ordered)
        set_grain(self, "seconds")


class Decision(Value, frozen=True):
    """What one operator says of one piece of evidence, under one version of the policy, for a limited time."""

    practice: Id
    run: Id
    gate: Gate
    verdict: DecisionVerdict
    evidence: Digest
    policy_version: Number
    nonce: Id
    issued_at: Timestamp
    expires_at: Timestamp


class Attestation(Value, frozen=True):
    """What people at the practice saw when they worked through a checklist: how many items passed and failed."""

    practice: Id
    run: Id
    gate: Gate
    checklist_version: Number
    passed: Count
    failed: Count
    at: Timestamp
