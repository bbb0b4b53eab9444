"""What a finding says of a database's value is read by people who do not program."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.source import values
from engine.source.spoken import kind_of, spoken

_WORDS: list[tuple[Any, str, str]] = [
    ("PANO", "a text", "'PANO'"),
    ("a\nb", "a text", r"'a\nb'"),
    (None, "of a type that is not known here", "empty"),
    (True, "a truth value", "True"),
    (7, "a whole number", "7"),
    (Decimal("1.50"), "a number", "1.50"),
    (0.5, "a number", "0.5"),
    (b"\x00\x01", "binary data", "binary data"),
    (memoryview(b"\x00"), "binary data", "binary data"),
    (datetime(2020, 1, 2, 3, 4, tzinfo=UTC), "a date with a time", "2020-01-02 03:04:00+00:00"),
    (date(2020, 1, 2), "a date", "2020-01-02"),
    (time(3, 4), "a time of day", "03:04:00"),
    (UUID(int=5), "a UUID", "00000000-0000-0000-0000-000000000005"),
    ([1], "of a type that is not known here", "[1]"),
]


_WITH_TIME = "a day with a time of day"


@pytest.mark.parametrize(("value", "kind", "words"), _WORDS)
def test_a_value_is_told_in_words(value: Any, kind: str, words: str) -> None:
    assert (kind_of(value), spoken(value)) == (kind, words)


@pytest.mark.parametrize(
    ("read", "value", "told"),
    [
        (values.text, b"x", "name is no text but binary data"),
        (values.text, 0.5, "name is no text but a number"),
        (values.integer, Decimal("1.5"), "name is 1.5, not an integer"),
        (values.flag, None, "name is empty, not 0 or 1"),
        (values.optional_day, "2020-01-02 03:00", f"name is '2020-01-02 03:00', {_WITH_TIME}"),
        (values.optional_day, datetime.fromisoformat("2020-01-02T03:00"), f"name is 2020-01-02 03:00:00, {_WITH_TIME}"),
        (values.optional_moment, b"x", "name is binary data: no date but binary data"),
    ],
)
def test_what_is_not_understood_names_column_and_value(read: Any, value: Any, told: str) -> None:
    with pytest.raises(values.Unreadable) as unreadable:
        read({"name": value}, "name")
    assert unreadable.value.detail == told
