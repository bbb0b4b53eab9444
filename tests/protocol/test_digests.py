"""A set digest says whether two sets are equal, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.digests import SetDigest, record_bytes

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
Record = Mapping[str, str | int | None]

texts = st.text(max_size=8)
fields = st.one_of(st.none(), st.integers(-(2**70), 2**70), texts)
records = st.dictionaries(texts, fields, max_size=4)


def digest(items: Sequence[Record], key: bytes = KEY) -> str:
    made = SetDigest(key)
    for item in items:
        made.add(item)
    return made.hexdigest()


@given(st.lists(records, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_records_and_fields_does_not_matter(items: list[Record], random: object) -> None:
    shuffled = [dict(reversed(list(item.items()))) for item in items]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert digest(items) == digest(shuffled)


@given(st.lists(records, max_size=5), st.lists(records, max_size=5))
def test_different_collections_have_different_digests(one: list[Record], other: list[Record]) -> None:
    same = sorted(map(record_bytes, one)) == sorted(map(record_bytes, other))
    assert (digest(one) == digest(other)) is same


@given(st.lists(records, max_size=5), records, st.integers(1, 5))
def test_a_record_that_is_there_once_more_changes_it(items: list[Record], again: Record, times: int) -> None:
    held = [*items, *[again] * times]
    assert len({digest(items), digest(held), digest([*held, again])}) == 3


@given(st.lists(records, min_size=1, max_size=5), st.data())
def test_one_changed_field_changes_it(items: list[Record], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(items) - 1))
    assume(items[place])
    name = data.draw(st.sampled_from(sorted(items[place])))
    value = data.draw(fields.filter(lambda value: value != items[place][name]))
    assert digest(items) != digest([*items[:place], {**items[place], name: value}, *items[place + 1 :]])


@pytest.mark.attack
@given(st.lists(records, max_size=5))
def test_digests_under_two_keys_cannot_be_linked(items: list[Record]) -> None:
    assert digest(items) != digest(items, OTHER_KEY)


@pytest.mark.attack
def test_a_guessed_record_cannot_be_tried_without_the_key() -> None:
    """The digest of a single record is not its plain hash in any spelling that an outsider could compute."""
    guess = {"family_name": "Smith", "birth_date": "1971-03-04"}
    tried = {digest([guess], key) for key in (bytes(32), b"\xff" * 32, OTHER_KEY)}
    assert digest([guess]) not in tried


@pytest.mark.attack
def test_an_empty_set_tells_nothing_across_runs() -> None:
    assert digest([]) != digest([], OTHER_KEY)


@given(records, records)
def test_two_records_share_their_bytes_only_if_they_are_the_same(one: Record, other: Record) -> None:
    assert (record_bytes(one) == record_bytes(other)) is (one == other)


AMBIGUOUS: dict[str, tuple[Record, Record]] = {
    "moved letters": ({"a": "bc"}, {"ab": "c"}),
    "moved letters between fields": ({"a": "xy", "b": "z"}, {"a": "x", "b": "yz"}),
    "a number and its text": ({"a": 1}, {"a": "1"}),
    "empty and absent": ({"a": ""}, {"a": None}),
    "an absent value and an absent field": ({"a": None}, {}),
    "leading zeros": ({"chart": "00012"}, {"chart": "12"}),
    "a value that imitates a field without its length": ({"a": "x", "b": "y"}, {"a": "xs:bs:y"}),
    "a value that imitates a field": ({"a": "x", "b": "y"}, {"a": "xs1:bs1:y"}),
    "a value that imitates the framing": ({"a": "1:bs1:c"}, {"a": "1:b", "c": ""}),
    "composed and decomposed letters": ({"a": "\u00e9"}, {"a": "e\u0301"}),
}


@pytest.mark.parametrize(("one", "other"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_similar_records_are_told_apart(one: Record, other: Record) -> None:
    assert digest([one]) != digest([other])


@pytest.mark.attack
def test_two_equal_records_do_not_cancel_out() -> None:
    one: Record = {"a": 1}
    other: Record = {"a": 2}
    assert len({digest([one, one]), digest([other, other]), digest([one, other]), digest([one]), digest([])}) == 5


def test_it_may_be_asked_along_the_way() -> None:
    made = SetDigest(KEY)
    before = made.hexdigest()
    made.add({"a": 1})
    assert made.hexdigest() != before
    assert made.hexdigest() == made.hexdigest()


@pytest.mark.parametrize("wrong", [True, 1.5, b"x", ["a"]])
def test_a_value_of_another_type_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError):
        SetDigest(KEY).add({"a": wrong})  # type: ignore[dict-item]


@pytest.mark.parametrize("key", [b"", b"short", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SetDigest(key)


def test_the_digest_of_a_known_set_stays_the_same_from_release_to_release() -> None:
    """A run's three digests may be made by processes started before and after a restart."""
    items: list[Record] = [
        {"patient": "7", "teeth": None, "width": 1344},
        {"patient": "8", "teeth": "11", "width": 1040},
    ]
    assert digest(items) == "b6241d183e372902a398a75e98c02344acadf754990fb7af2a71bd1f6f964c5d"
