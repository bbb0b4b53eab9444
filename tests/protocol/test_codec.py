"""One message has one spelling, every limit comes before parsing, and whatever else arrives is refused by its rule."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import Message, decode_from_agent, decode_from_hub, encode, guard
from protocol.errors import ProtocolViolation
from protocol.limits import MAX_FRAME_BYTES
from protocol.messages import AgentMessage, Event, Heartbeat, KeySetOrder, Order
from protocol.vocabulary import FindingCode, Rule
from tests.protocol import strategies, world

every_message = pytest.mark.parametrize("message", world.EVERY_MESSAGE, ids=world.name_of)


def decode(frame: bytes, like: Message) -> Message:
    return decode_from_agent(frame) if isinstance(like, get_args(AgentMessage)) else decode_from_hub(frame)


def refusal(frame: bytes, like: Message) -> ProtocolViolation:
    with pytest.raises(ProtocolViolation) as caught:
        decode(frame, like)
    return caught.value


def spell(tree: Any) -> bytes:
    """JSON as msgspec spells it, of anything."""
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


@every_message
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(guard(message), message) == message


@given(strategies.EITHER)
def test_every_message_of_the_language_passes_and_comes_back_as_it_was(message: Message) -> None:
    assert decode(guard(message), message) == message


@every_message
def test_a_message_is_refused_by_the_side_that_says_it(message: Message) -> None:
    other = decode_from_hub if isinstance(message, get_args(AgentMessage)) else decode_from_agent
    with pytest.raises(ProtocolViolation):
        other(guard(message))


@pytest.mark.attack
@every_message
def test_a_frame_cut_short_anywhere_is_refused(message: Message) -> None:
    frame = guard(message)
    for length in range(len(frame)):
        assert refusal(frame[:length], message).rule in (Rule.FRAME_MALFORMED, Rule.OUTSIDE_LANGUAGE)


@pytest.mark.attack
def test_an_oversize_frame_is_refused_before_it_is_parsed() -> None:
    frame = b'"' + b"a" * MAX_FRAME_BYTES + b'"'
    assert refusal(frame, world.hello()).rule == Rule.FRAME_TOO_LARGE


@pytest.mark.attack
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"type":"event","body":['])
def test_a_deep_frame_is_refused_before_it_is_parsed(opening: bytes) -> None:
    assert refusal(opening * 2000, world.hello()).rule == Rule.FRAME_TOO_DEEP


@pytest.mark.attack
def test_brackets_inside_a_string_do_not_hide_or_add_depth() -> None:
    assert refusal(b'{"type":"' + b"[" * 50 + b'"}', world.hello()).rule == Rule.OUTSIDE_LANGUAGE
    assert refusal(b'["]]]]",' * 50, world.hello()).rule == Rule.FRAME_TOO_DEEP


def objects(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every object in a tree of JSON."""
    if isinstance(tree, dict):
        yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from objects(child, (*path, key))


def spell_twice(tree: Any, path: tuple[Any, ...], key: str, again: Any) -> bytes:
    """The JSON of `tree` in which the object at `path` says `key` a second time."""
    marker = "0" * 40
    copy = json.loads(json.dumps(tree))
    node = copy
    for step in path:
        node = node[step]
    node[marker] = again
    return spell(copy).replace(marker.encode(), key.encode())


@pytest.mark.attack
@every_message
def test_a_key_said_twice_is_refused_in_every_object(message: Message) -> None:
    tree = json.loads(guard(message))
    for path in objects(tree):
        node = tree
        for step in path:
            node = node[step]
        for key, value in node.items():
            assert refusal(spell_twice(tree, path, key, value), message).rule == Rule.NOT_CANONICAL


@pytest.mark.attack
@every_message
def test_an_unknown_field_is_refused_in_every_object_and_its_name_is_not_repeated(message: Message) -> None:
    tree = json.loads(guard(message))
    for path in objects(tree):
        if path[-1:] == ("approvals",):
            continue  # a mapping of gates: the wrong-value test covers its keys
        caught = refusal(spell_twice(tree, path, "smith", "1971-03-04"), message)
        assert caught.rule == Rule.OUTSIDE_LANGUAGE
        assert "smith" not in str(caught)
        assert "1971" not in str(caught)


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path and value of every leaf of a tree of JSON."""
    children = list(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ())
    for key, child in children:
        yield from leaves(child, (*path, key))
    if not isinstance(tree, dict | list):
        yield path, tree


def with_leaf(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(tree))
    node = copy
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return copy


WRONG_NUMBERS = ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", "nan", "1E2", "0x10", "01", "-0", "1_000", "+1"]
WRONG_NUMBERS += ["1.00000000000000000001", "99999999999999999999999999", "-1", "-9223372036854775809", "1e2"]


@pytest.mark.attack
@pytest.mark.parametrize("spelling", WRONG_NUMBERS)
@every_message
def test_a_number_in_another_spelling_or_out_of_range_is_refused(message: Message, spelling: str) -> None:
    tree = json.loads(guard(message))
    for path, value in leaves(tree):
        if isinstance(value, int | float) and not isinstance(value, bool):
            frame = spell(with_leaf(tree, path, "@@")).replace(b'"@@"', spelling.encode())
            refusal(frame, message)


@pytest.mark.attack
@every_message
def test_a_value_of_another_type_is_refused_in_every_field(message: Message) -> None:
    tree = json.loads(guard(message))
    for path, value in leaves(tree):
        for wrong in ("SMITH", "", {}, [], {"a": 1}, [1], True, 10**30, -1, 0.5):
            if type(wrong) is not type(value) and (value, wrong) != (None, 0.5):
                refusal(spell(with_leaf(tree, path, wrong)), message)


@pytest.mark.attack
@every_message
def test_a_missing_field_is_refused_in_every_object(message: Message) -> None:
    tree = json.loads(guard(message))
    for path, _ in leaves(tree):
        copy = json.loads(json.dumps(tree))
        node = copy
        for step in path[:-1]:
            node = node[step]
        if isinstance(node, dict):
            del node[path[-1]]
            refusal(spell(copy), message)


@pytest.mark.attack
@every_message
def test_another_order_of_fields_is_refused(message: Message) -> None:
    tree = json.loads(guard(message))
    reversed_fields = dict(reversed(tree.items()))
    if len(tree) > 1:
        assert refusal(spell(reversed_fields), message).rule == Rule.NOT_CANONICAL


@pytest.mark.attack
@pytest.mark.parametrize("space", [b" ", b"\n", b"\t", b"\r", b"\x00", b"\xef\xbb\xbf", b"\xc2\xa0"])
@every_message
def test_space_around_or_inside_a_frame_is_refused(message: Message, space: bytes) -> None:
    frame = guard(message)
    for place in (0, 1, frame.index(b":"), frame.index(b":") + 1, len(frame) - 1, len(frame)):
        refusal(frame[:place] + space + frame[place:], message)


@pytest.mark.attack
def test_items_in_an_order_of_the_senders_choice_are_refused() -> None:
    """An order would be a channel: 43 codes can be ordered in 2**175 ways."""
    message = world.FROM_AGENT[9]
    tree = json.loads(guard(message))
    assert len(tree["body"]["counts"]) == 2
    tree["body"]["counts"].reverse()
    assert refusal(spell(tree), message).rule == Rule.NOT_CANONICAL


@pytest.mark.attack
def test_the_gates_of_a_policy_in_another_order_are_refused() -> None:
    message = Order(world.hex_of("order", 32), KeySetOrder(world.signed_keyset()))
    tree = json.loads(guard(message))
    policy = tree["body"]["signed"]["keyset"]["policy"]
    policy["approvals"] = dict(reversed(policy["approvals"].items()))
    assert refusal(spell(tree), message).rule == Rule.NOT_CANONICAL


@pytest.mark.attack
def test_digits_finer_than_the_grain_are_refused() -> None:
    tree = json.loads(guard(world.event(1, world.PROGRESS)))
    tree["body"]["images_per_second"] = 41.2500001
    assert refusal(spell(tree), world.hello()).rule == Rule.NOT_CANONICAL


def test_a_measured_float_is_put_on_the_grain_when_a_message_is_made() -> None:
    made = msgspec.structs.replace(world.PROGRESS, images_per_second=1 / 3, seconds_left_low=7)
    assert made.images_per_second == 0.333
    assert isinstance(decode_from_agent(guard(world.event(1, made))), Event)


@pytest.mark.attack
@pytest.mark.parametrize(
    "wrong",
    [math.nan, math.inf, -math.inf, -1.0, 1e300],
    ids=["nan", "inf", "-inf", "negative", "huge"],
)
def test_a_float_that_is_not_finite_or_out_of_range_does_not_leave(wrong: float) -> None:
    made = msgspec.structs.replace(world.PROGRESS, images_per_second=wrong)
    with pytest.raises(ProtocolViolation):
        guard(world.event(1, made))


@pytest.mark.attack
@pytest.mark.parametrize("wrong", [object(), b"SMITH", "\ud800", {1: 2}, 1 << 80, [None], Heartbeat])
def test_a_value_of_a_foreign_type_does_not_leave(wrong: object) -> None:
    for message in (Event(1, world.NOW, wrong), Event(wrong, world.NOW, world.BODIES[7]), Order(wrong, wrong)):  # type: ignore[arg-type]
        with pytest.raises(ProtocolViolation) as caught:
            guard(message)
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_error_names_the_field_and_never_its_value() -> None:
    tree = json.loads(guard(world.event(1, world.PROGRESS)))
    tree["body"]["phase"] = "SMITH"
    caught = refusal(spell(tree), world.hello())
    assert (caught.rule, caught.where) == (Rule.OUTSIDE_LANGUAGE, "body.phase")
    assert "SMITH" not in repr(caught)
    assert caught.__cause__ is caught.__context__ is None


@pytest.mark.attack
def test_a_field_name_that_poses_as_a_field_path_is_not_repeated() -> None:
    frame = b'{"type":"welcome"," - at `$.smith`":1}'
    assert refusal(frame, world.FROM_HUB[0]).where == ""
    frame = b'{"type":"welcome","smith` - at `$.jones":1}'
    assert refusal(frame, world.FROM_HUB[0]).where == ""


@pytest.mark.attack
def test_a_finding_code_said_twice_is_refused() -> None:
    tree = json.loads(guard(world.FROM_AGENT[9]))
    tree["body"]["counts"] = [{"code": FindingCode.VOLUME, "count": 1}] * 2
    assert refusal(spell(tree), world.hello()).rule == Rule.OUTSIDE_LANGUAGE


@pytest.mark.attack
@pytest.mark.parametrize("tag", ["shell", "sql", "Order", "order ", "run-phase", "", "phase_progress"])
def test_an_order_outside_the_closed_set_is_refused(tag: str) -> None:
    frame = spell({"type": "order", "id": world.hex_of("order", 32), "body": {"type": tag}})
    assert refusal(frame, world.FROM_HUB[0]).rule == Rule.OUTSIDE_LANGUAGE


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_violation(frame: bytes) -> None:
    for side in (decode_from_agent, decode_from_hub):
        with pytest.raises(ProtocolViolation):
            side(frame)


@pytest.mark.fuzz
@given(st.sampled_from(world.EVERY_MESSAGE), st.data())
def test_a_changed_frame_is_another_lawful_message_or_a_protocol_violation(
    message: Message, data: st.DataObject
) -> None:
    frame = bytearray(guard(message))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(frame) - 1))
        length = data.draw(st.integers(0, 8))
        frame[place : place + length] = data.draw(st.binary(max_size=8))
    try:
        read = decode(bytes(frame), message)
    except ProtocolViolation:
        return
    assert encode(read) == bytes(frame)
