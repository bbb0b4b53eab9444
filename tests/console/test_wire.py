"""The language between operators and the hub: strict, bounded, and never quoting what it refuses."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import wire
from protocol.errors import ProtocolViolation

SECRET = "Kowalczyk"
ID = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(request=ID, practice=ID, verb=st.sampled_from(wire.Verb))
def test_what_is_encoded_is_decoded_to_the_same(request: str, practice: str, verb: wire.Verb) -> None:
    command = wire.Command(request, practice, verb)
    assert wire.decode_from_operator(wire.encode(command).encode()) == command


@pytest.mark.fuzz
@given(st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(msgspec.json.encode))
def test_anything_else_is_refused_and_nothing_else_happens(frame: bytes) -> None:
    for decode in (wire.decode_from_operator, wire.decode_from_hub):
        with pytest.raises(ProtocolViolation):
            decode(frame)


WRONG = {
    "unknown verb": f'{{"type":"command","request":"{"a" * 32}","practice":"{"a" * 32}","verb":"{SECRET}"}}',
    "unknown field": f'{{"type":"watch","note":"{SECRET}"}}',
    "unknown message": f'{{"type":"{SECRET}"}}',
    "id with a newline": f'{{"type":"command","request":"{"a" * 32}\\n","practice":"{"a" * 32}","verb":"pause"}}',
    "oversize": '{"type":"watch"}' + " " * wire.OPERATOR_FRAME_BYTES,
    "deep": "[" * 60_000,
}


@pytest.mark.attack
@pytest.mark.parametrize("frame", WRONG.values(), ids=WRONG)
def test_a_refusal_names_a_rule_and_never_the_value(frame: str) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        wire.decode_from_operator(frame.encode())
    assert SECRET not in str(refused.value) and refused.value.__cause__ is None
