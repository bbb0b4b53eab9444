"""Who may decide comes from the firm's root key alone, and never rolls back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from protocol.errors import Refused
from protocol.keyset import (
    DEFAULT_POLICY,
    KeySet,
    Operator,
    Policy,
    SignedKeySet,
    verify_keyset,
)
from protocol.vocabulary import Gate, Refusal, Role
from tests.protocol import world
from tests.protocol.world import KEYSET, ROOT, STRANGER


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


@pytest.mark.parametrize("newest_seen", [0, KEYSET.version - 1, KEYSET.version])
def test_a_key_set_of_the_root_that_is_not_older_is_accepted(newest_seen: int) -> None:
    assert verify_keyset(world.signed_keyset(), ROOT.public_key, newest_seen) == KEYSET


@pytest.mark.attack
def test_an_older_key_set_is_refused_for_ever_after() -> None:
    call = lambda: verify_keyset(world.signed_keyset(), ROOT.public_key, KEYSET.version + 1)  # noqa: E731
    assert refused(call) is Refusal.KEYSET_OLDER


@pytest.mark.attack
def test_a_key_set_signed_by_another_root_is_refused() -> None:
    for signed, root in (
        (world.signed_keyset(root=STRANGER), ROOT.public_key),
        (world.signed_keyset(), STRANGER.public_key),
        (world.signed_keyset(root=world.ADA), ROOT.public_key),
    ):
        assert refused(lambda s=signed, r=root: verify_keyset(s, r, 0)) is Refusal.SIGNATURE_INVALID  # type: ignore[misc]


def changed(**changes: Any) -> KeySet:
    return msgspec.structs.replace(KEYSET, **changes)


CHANGES: dict[str, KeySet] = {
    "a newer version": changed(version=KEYSET.version + 1),
    "another operator": changed(operators=(*KEYSET.operators, world.operator(STRANGER, Role.ADMIN))),
    "one operator less": changed(operators=KEYSET.operators[1:]),
    "a viewer made approver": changed(
        operators=tuple(msgspec.structs.replace(one, role=Role.ADMIN) for one in KEYSET.operators)
    ),
    "a revoked operator back": changed(
        operators=tuple(msgspec.structs.replace(one, revoked=False) for one in KEYSET.operators)
    ),
    "a gate that needs nobody": changed(
        policy=msgspec.structs.replace(DEFAULT_POLICY, approvals={**DEFAULT_POLICY.approvals, Gate.DRY_RUN: 0})
    ),
    "a longer life of decisions": changed(
        policy=msgspec.structs.replace(DEFAULT_POLICY, decision_lifetime_s=2_000_000)
    ),
    "another time": changed(issued_at=KEYSET.issued_at + 1),
}


@pytest.mark.attack
@pytest.mark.parametrize("forged", CHANGES.values(), ids=CHANGES)
def test_a_key_set_that_the_hub_changed_is_refused(forged: KeySet) -> None:
    signed = SignedKeySet(forged, world.signed_keyset().signature)
    assert refused(lambda: verify_keyset(signed, ROOT.public_key, 0)) is Refusal.SIGNATURE_INVALID


def test_the_order_in_which_operators_were_added_does_not_matter() -> None:
    assert changed(operators=KEYSET.operators[::-1]) == KEYSET


@pytest.mark.attack
def test_an_id_cannot_stand_for_two_keys() -> None:
    twin = Operator(KEYSET.operators[0].id, STRANGER.public_key, Role.ADMIN, False)
    with pytest.raises(ValueError, match="twice"):
        changed(operators=(*KEYSET.operators, twin))


@pytest.mark.attack
@pytest.mark.parametrize("gate", Gate)
def test_a_policy_that_leaves_a_gate_out_does_not_exist(gate: Gate) -> None:
    approvals = {one: needed for one, needed in DEFAULT_POLICY.approvals.items() if one is not gate}
    with pytest.raises(ValueError, match="every gate"):
        Policy(1, approvals, 3600)


def test_the_default_policy_asks_two_people_before_conversion_and_before_going_live() -> None:
    assert {gate for gate in Gate if DEFAULT_POLICY.needed(gate) == 2} == {Gate.DRY_RUN, Gate.GO_LIVE}
    assert {gate for gate in Gate if DEFAULT_POLICY.needed(gate) == 0} == {Gate.STAGED, Gate.CONVERTED, Gate.RECONCILED}


def test_a_revoked_operator_is_still_found_so_that_a_refusal_can_say_why() -> None:
    found = KEYSET.signer_of(world.GONE.keyid)
    assert found is not None
    assert found.revoked
    assert KEYSET.signer_of(STRANGER.keyid) is None
