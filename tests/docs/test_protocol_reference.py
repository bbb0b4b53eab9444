"""docs/protocol.md says what the code says."""

from __future__ import annotations

from tests.protocol.reference import REFERENCE, reference


def test_the_protocol_reference_is_in_step_with_the_code() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), (
        "run `python -m tests.protocol.reference`, which rewrites docs/protocol.md"
    )
