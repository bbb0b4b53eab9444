"""The language is closed: no type can hold free text, and how much each message can carry is written down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import msgspec.inspect as kinds
import pytest

from protocol.advice import ADVICE
from protocol.checks import AT_LEAST_CHECKS, REQUIRED_CHECKS
from protocol.limits import MAX_DEPTH, MAX_FRAME_BYTES, MAX_OPERATORS
from protocol.messages import AgentMessage, Enrolled, EvidenceReport, HubMessage, KeySetOrder, Order
from protocol.statements import CheckResult, FindingCount
from protocol.vocabulary import Check, FindingCode, Refusal, Role, Rule, Verdict
from tests.protocol import world
from tests.protocol.language import OpenType, bits, budget, members, structs

BUDGET = Path(__file__).with_name("budget.json")


@pytest.mark.parametrize("union", [AgentMessage, HubMessage], ids=["agent", "hub"])
def test_no_message_has_a_field_of_an_open_type(union: object) -> None:
    for tag, struct in members(union).items():
        assert bits(struct, tag) > 0


def test_the_bits_each_message_can_carry_are_those_that_were_reviewed() -> None:
    reviewed = json.loads(BUDGET.read_text())
    assert budget() == reviewed, (
        "A message can now carry another number of bits. If that is meant, run `python -m tests.protocol.reference`, "
        "which rewrites tests/protocol/budget.json and docs/protocol.md, and let a second person review the difference."
    )


class _Inner(msgspec.Struct, frozen=True):
    number: Annotated[int, msgspec.Meta(ge=0, le=1)]


class _Mutable(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=0, le=1)]


OPEN_TYPES = {
    "a string": str,
    "a string with a length only": Annotated[str, msgspec.Meta(max_length=32)],
    "a string with another pattern": Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{33}\Z", max_length=33)],
    "a string whose pattern lacks a length": Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")],
    "bytes": bytes,
    "anything": Any,
    "raw JSON": msgspec.Raw,
    "a dict with free keys": dict[str, bool],
    "a dict without a limit": dict[Check, bool],
    "a list": Annotated[list[bool], msgspec.Meta(max_length=3)],
    "a tuple without a limit": tuple[bool, ...],
    "a whole number without a limit": int,
    "a whole number without a lower limit": Annotated[int, msgspec.Meta(le=5)],
    "a float without a limit": float,
    "a struct that takes unknown fields": _Inner,
    "a struct that can be changed": _Mutable,
    "an optional string": str | None,
}


@pytest.mark.parametrize("kind", OPEN_TYPES.values(), ids=OPEN_TYPES)
def test_the_walker_refuses(kind: object) -> None:
    with pytest.raises(OpenType):
        bits(kinds.type_info(kind))


def test_every_string_pattern_is_anchored_against_newlines_and_names_its_letters() -> None:
    for struct in (*structs(kinds.type_info(AgentMessage)).values(), *structs(kinds.type_info(HubMessage)).values()):
        for field in struct.fields:
            if isinstance(field.type, kinds.StrType):
                pattern = str(field.type.pattern)
                assert pattern.startswith(r"\A"), field
                assert pattern.endswith(r"\Z"), field
                assert not re.search(r"[$^]|\\[dDwWsS]|(?<!\\)\.", pattern), field


def test_every_word_of_the_language_is_plain() -> None:
    """Otherwise a lawful message could not pass the codec's own alphabet."""
    for union in (AgentMessage, HubMessage):
        for cls, struct in structs(kinds.type_info(union)).items():
            words = [cls.__name__, *(field.encode_name for field in struct.fields)]
            enums = [field.type.cls for field in struct.fields if isinstance(field.type, kinds.EnumType)]
            words += [word.value for enum in enums for word in enum]
            assert all(re.fullmatch(r"[A-Za-z0-9_-]+", word) for word in words)


def test_the_largest_lawful_frames_fit_the_limit() -> None:
    operators = tuple(
        world.operator(signer, Role.APPROVER)
        for signer in (world.signer(f"operator {number}") for number in range(MAX_OPERATORS))
    )
    keyset = world.signed_keyset(msgspec.structs.replace(world.KEYSET, operators=operators))
    every_check = tuple(CheckResult(check, Verdict.ACCEPT, 2**40, 2**40) for check in Check)
    every_code = tuple(FindingCount(code, 2**40) for code in FindingCode)
    shown = world.signed_evidence(world.evidence(checks=every_check, findings=every_code))
    largest = (
        Order(world.hex_of("order", 32), KeySetOrder(keyset)),
        Enrolled("MII" + "A" * 2729, keyset),
        world.event(2**40, EvidenceReport(shown)),
    )
    for message in largest:
        assert len(msgspec.json.encode(message)) < MAX_FRAME_BYTES / 2


def test_the_depth_limit_is_that_of_the_deepest_message() -> None:
    def depth(node: object) -> int:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return max(map(depth, children), default=0) + isinstance(node, dict | list)

    frames = [json.loads(msgspec.json.encode(message)) for message in world.EVERY_MESSAGE]
    assert max(map(depth, frames)) == MAX_DEPTH


def test_every_finding_code_has_advice_and_every_required_check_exists() -> None:
    assert set(ADVICE) == set(FindingCode)
    assert all(REQUIRED_CHECKS.values())
    assert set().union(*REQUIRED_CHECKS.values()) == set(Check)
    assert set(Check) >= AT_LEAST_CHECKS


def test_refusals_and_rules_have_distinct_codes() -> None:
    assert not {str(refusal) for refusal in Refusal} & {str(rule) for rule in Rule}
