"""Before a certificate exists, an agent proves that it holds the key it names, for this practice and this token."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from protocol.codec import decode_from_agent, guard
from protocol.enrolment import is_proven, make_enroll
from protocol.messages import Enroll
from tests.protocol import world

SECRET = world.hex_of("secret", 64)
ENROLL = make_enroll(world.PRACTICE, SECRET, world.AGENT)


def test_an_agent_that_holds_its_key_is_proven_across_the_wire() -> None:
    read = decode_from_agent(guard(ENROLL))
    assert isinstance(read, Enroll)
    assert is_proven(read)


CHANGES: dict[str, dict[str, Any]] = {
    "another practice": {"practice": world.hex_of("other", 32)},
    "another secret": {"secret": world.hex_of("other", 64)},
    "a key it does not hold": {"public_key": world.STRANGER.public_key},
    "the proof of another": {"proof": make_enroll(world.PRACTICE, SECRET, world.STRANGER).proof},
    "a proof of something else": {"proof": world.signed_evidence().signature},
}


@pytest.mark.attack
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_enrolment_is_not_proven_with(change: dict[str, Any]) -> None:
    assert not is_proven(msgspec.structs.replace(ENROLL, **change))
