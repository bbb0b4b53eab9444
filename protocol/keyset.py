"""Who may decide: the firm's offline root key signs operators, their roles and the policy. It never rolls back.

The root public key reaches the practice in the enrolment token and is never taken from the hub. Operators appear
by id only; the hub knows their names.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol import limits
from protocol.errors import Refused
from protocol.signing import Signature, Signer, is_signed, keyid_of, public_hex
from protocol.values import Approvals, Id, Number, PublicKey, Timestamp, Value, canonical
from protocol.vocabulary import Gate, Refusal, Role

__all__ = [
    "DEFAULT_POLICY",
    "PAYLOAD_TYPE",
    "KeySet",
    "Operator",
    "Policy",
    "SignedKeySet",
    "Signer",
    "keyid_of",
    "public_hex",
    "sign_keyset",
    "verify_keyset",
]

PAYLOAD_TYPE = "application/vnd.bitewing.keyset+json"
"""The DSSE payload type of a key set."""


class Operator(Value, frozen=True):
    """One person of the firm. A revoked operator stays listed, so that a refusal can say why."""

    id: Id
    public_key: PublicKey
    role: Role
    revoked: bool

    @property
    def may_decide(self) -> bool:
        """Whether the role includes approving and rejecting."""
        return self.role in (Role.APPROVER, Role.ADMIN)


class Policy(Value, frozen=True):
    """How many distinct people approve each gate, and the longest life of a decision in seconds.

    Every gate is named: a gate left out would otherwise stand open by omission. Raises ValueError if one is missing.
    """

    version: Number
    approvals: Annotated[dict[Gate, Approvals], msgspec.Meta(max_length=len(Gate))]
    decision_lifetime_s: Annotated[int, msgspec.Meta(ge=60, le=limits.MAX_DECISION_SECONDS)]

    def __post_init__(self) -> None:
        if set(self.approvals) != set(Gate):
            raise ValueError("a policy names every gate once")
        msgspec.structs.force_setattr(self, "approvals", {gate: self.approvals[gate] for gate in Gate})

    def needed(self, gate: Gate) -> int:
        """Approvals that this gate needs."""
        return self.approvals[gate]


DEFAULT_POLICY = Policy(
    version=1,
    approvals={
        Gate.FIT: 1,
        Gate.STAGED: 0,
        Gate.PROFILE_PROVEN: 1,
        Gate.DRY_RUN: 2,
        Gate.CONVERTED: 0,
        Gate.RECONCILED: 0,
        Gate.VIEWER_CHECKED: 1,
        Gate.DENTRIX_LINKED: 1,
        Gate.SENSORS_PASSED: 1,
        Gate.GO_LIVE: 2,
        Gate.WINDOW_CLOSED: 1,
        Gate.ANNOTATIONS: 1,
    },
    decision_lifetime_s=14 * 86_400,
)


class KeySet(Value, frozen=True):
    """Operators and policy, versioned. Ids and keys are distinct, so no one person can stand in it twice.

    Operators are kept in the order of their ids. Raises ValueError for a repeated id or key.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_VERSION)]
    operators: Annotated[tuple[Operator, ...], msgspec.Meta(max_length=limits.MAX_OPERATORS)]
    policy: Policy
    issued_at: Timestamp

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.operators, key=lambda operator: operator.id))
        ids, keys = {operator.id for operator in ordered}, {operator.public_key for operator in ordered}
        if not len(ids) == len(keys) == len(ordered):
            raise ValueError("an operator's id or key appears twice")
        msgspec.structs.force_setattr(self, "operators", ordered)

    def signer_of(self, keyid: str) -> Operator | None:
        """The operator whose key has this id, revoked or not."""
        return next((one for one in self.operators if keyid_of(one.public_key) == keyid), None)


class SignedKeySet(Value, frozen=True):
    """A key set and the root's detached signature."""

    keyset: KeySet
    signature: Signature


def sign_keyset(keyset: KeySet, root: Signer) -> SignedKeySet:
    """Sign with the firm's root key."""
    return SignedKeySet(keyset, root.sign(PAYLOAD_TYPE, canonical(keyset)))


def verify_keyset(signed: SignedKeySet, root_public_key: str, newest_seen: int) -> KeySet:
    """The key set, if the root signed it and it is not older than version `newest_seen` (0: none seen yet).

    Raises Refused: SIGNATURE_INVALID or KEYSET_OLDER.
    """
    if not is_signed(signed.signature, root_public_key, PAYLOAD_TYPE, canonical(signed.keyset)):
        raise Refused(
            Refusal.SIGNATURE_INVALID,
            "the key set is not signed by the firm's root key",
            next_step="compare the root key shown at enrolment with the firm's",
        )
    if signed.keyset.version < newest_seen:
        raise Refused(
            Refusal.KEYSET_OLDER,
            f"the key set is version {signed.keyset.version}, version {newest_seen} was already in force",
            next_step="send the newest key set",
        )
    return signed.keyset
