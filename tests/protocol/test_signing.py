"""A signature is valid or it is not; nothing that a stranger sends makes the check raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.signing import Signature, Signer, is_signed, keyid_of, pre_authentication_encoding
from tests.protocol import world

KIND = "application/vnd.bitewing.test"


def hexes(digits: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.binary(min_size=digits // 2, max_size=digits // 2).map(bytes.hex),
        st.sampled_from(["0" * digits, "f" * digits, "1".zfill(digits), "ec" + "f" * (digits - 2)]),
    )


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_a_signature_is_valid_for_its_own_payload_only(signed: bytes, shown: bytes) -> None:
    made = world.ADA.sign(KIND, signed)
    assert is_signed(made, world.ADA.public_key, KIND, shown) is (signed == shown)


@pytest.mark.attack
@given(hexes(64), hexes(128), st.binary(max_size=20))
def test_made_up_keys_and_signatures_are_never_valid_and_never_raise(key: str, sig: str, payload: bytes) -> None:
    assert not is_signed(Signature(keyid_of(world.ADA.public_key), sig), world.ADA.public_key, KIND, payload)
    is_signed(Signature(keyid_of(key), sig), key, KIND, payload)


@pytest.mark.attack
def test_type_and_payload_cannot_trade_letters() -> None:
    """The lengths are signed too, so "ab" + "c" is not "a" + "bc"."""
    assert pre_authentication_encoding("ab", b"c") != pre_authentication_encoding("a", b"bc")
    made = world.ADA.sign("ab", b"c")
    assert not is_signed(made, world.ADA.public_key, "a", b"bc")


@pytest.mark.attack
def test_a_signature_of_one_person_is_not_anothers() -> None:
    made = world.ADA.sign(KIND, b"x")
    other: Signer = world.BEN
    for keyid in (world.ADA.keyid, other.keyid):
        assert not is_signed(Signature(keyid, made.sig), other.public_key, KIND, b"x")
