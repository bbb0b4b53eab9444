"""The target's native file: written as described, read back bit by bit, and nothing unexplained passes unseen."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.imaging.fields import filetime
from engine.imaging.native import NativeFormat, Span, pixel_names
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels, Window
from engine.imaging.problem import ImageProblem
from engine.profiles.load import load_target
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode

RULES = load_target("dexis10").native
FORMAT = NativeFormat(RULES)
HEADER, END = 256, b"1XED"
LATEST = datetime.fromisoformat("9999-12-31T23:59:59.999999")
EARLIEST = datetime.fromisoformat("1601-01-01T00:00:00.000001")


@st.composite
def pictures(draw: st.DrawFn) -> Pixels:
    """Any picture the form of pixels allows, small."""
    photometric = draw(st.sampled_from([MONOCHROME1, MONOCHROME2, RGB]))
    allocated = draw(st.sampled_from([8, 16]))
    bits, signed = draw(st.integers(1, allocated)), draw(st.booleans())
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    size = height * width * (3 if photometric == RGB else 1)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = draw(st.lists(st.integers(low, high), min_size=size, max_size=size))
    array = np.array(values, f"<{'i' if signed else 'u'}{allocated // 8}")
    numbers = st.floats(allow_nan=False, width=64)
    window = draw(st.none() | st.tuples(numbers, numbers))
    shape = (height, width, 3) if photometric == RGB else (height, width)
    return Pixels(array.reshape(shape), bits, photometric, signed, () if window is None else (Window(*window),))


RECORDS = st.fixed_dictionaries(
    {
        "visual_id": st.integers(0, 2**32 - 1),
        "acquired_at": st.none() | st.datetimes(EARLIEST, LATEST),
        "integrity": st.binary(min_size=16, max_size=16),
        "person": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    }
)


def values_of(record: Mapping[str, Any], pixels: Pixels) -> dict[str, Any]:
    names = pixel_names(pixels)
    return {name: names.get(rule.text, record.get(name)) for name, rule in FORMAT.expressions.items()}


def written(record: Mapping[str, Any], pixels: Pixels) -> bytes:
    return FORMAT.encode(values_of(record, pixels), pixels)


PLAIN = {"visual_id": 348565, "acquired_at": None, "integrity": bytes(range(16)), "person": "Doe^Jane"}
GREY = Pixels(np.array([[0, 1, 2], [300, 4095, 7]], "<u2"), 12, MONOCHROME1, windows=(Window(2000.0, 4000.0),))


def same(one: Pixels, two: Pixels) -> bool:
    return (
        one.array.dtype == two.array.dtype
        and np.array_equal(one.array, two.array)
        and (one.bits_stored, one.photometric, one.signed, one.window)
        == (two.bits_stored, two.photometric, two.signed, two.window)
    )


def test_a_file_is_what_the_description_says_byte_by_byte() -> None:
    when = datetime.fromisoformat("2024-02-29T13:14:15.000016")
    ticks = (when - datetime.fromisoformat("1601-01-01")) // timedelta(microseconds=1) * 10
    person = b"\0" + "Müller^Žofie".encode()
    header = struct.pack(
        "<4sHHIIIBBBBddQ16sI132s56x",
        *(b"DEX1", 256, 3, 348565, 3, 2, 16, 12, 1, 1 | 4, 2000.0, 4000.0, ticks, bytes(range(16)), 12, person),
    )
    record = {**PLAIN, "acquired_at": when, "person": "Müller^Žofie"}
    assert written(record, GREY) == header + GREY.array.tobytes() + END


@given(pixels=pictures(), record=RECORDS)
def test_every_picture_survives_a_round_trip(pixels: Pixels, record: dict[str, Any]) -> None:
    data = written(record, pixels)
    file = FORMAT.parse(data)
    assert file.unexplained == ()
    assert same(file.pixels, pixels)
    assert file.fields["visual_id"] == record["visual_id"]
    assert file.fields["acquired_at"] == filetime(record["acquired_at"])
    assert file.fields["integrity"] == record["integrity"]
    assert FORMAT.encode(file.fields, file.pixels) == data == written(record, pixels)


@given(pixels=pictures(), record=RECORDS, place=st.integers(0), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_noticed(pixels: Pixels, record: dict[str, Any], place: int, bit: int) -> None:
    data = bytearray(written(record, pixels))
    before = FORMAT.parse(bytes(data))
    data[place % len(data)] ^= 1 << bit
    try:
        after = FORMAT.parse(bytes(data))
    except ImageProblem:
        return
    assert (
        after.unexplained
        or repr(dict(after.fields)) != repr(dict(before.fields))
        or not same(after.pixels, before.pixels)
    )


@given(pixels=pictures(), record=RECORDS, cut=st.integers(1))
def test_a_file_that_ends_early_is_truncated(pixels: Pixels, record: dict[str, Any], cut: int) -> None:
    data = written(record, pixels)
    with pytest.raises(ImageProblem) as problem:
        FORMAT.parse(data[: -(1 + cut % len(data))])
    assert problem.value.code in (FindingCode.TRUNCATED, FindingCode.EMPTY_FILE)


@pytest.mark.parametrize(
    ("offset", "name", "size"),
    [
        (0, "magic", 4),
        (4, "header_size", 2),
        (6, "format", 2),
        (23, "flags", 1),
        (64, "payload_size", 4),
        (200, "reserved", 56),
        (HEADER + 12, "end", 4),
    ],
)
def test_a_field_that_is_not_as_described_is_unexplained(offset: int, name: str, size: int) -> None:
    data = bytearray(written(PLAIN, GREY))
    data[offset] ^= 0x80
    (span,) = FORMAT.parse(bytes(data)).unexplained
    assert span.why.startswith(name)
    assert span.size == size
    assert span.offset <= offset < span.offset + size


def test_bytes_after_the_end_are_unexplained() -> None:
    data = written(PLAIN, GREY)
    assert FORMAT.parse(data + b"???").unexplained == (Span(len(data), 3, "bytes after the end"),)


def test_a_zero_of_the_other_sign_is_unexplained() -> None:
    plain = Pixels(GREY.array, 12, MONOCHROME1)
    data = bytearray(written(PLAIN, plain))
    data[31] ^= 0x80  # the sign of a window's centre, 0 where none is given
    assert [span.offset for span in FORMAT.parse(bytes(data)).unexplained] == [24]


def test_a_window_that_the_flags_deny_is_unexplained() -> None:
    data = bytearray(written(PLAIN, GREY))
    data[23] &= ~4
    assert [span.offset for span in FORMAT.parse(bytes(data)).unexplained] == [24, 32]


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (12, b"\0\0\0\0", FindingCode.UNREADABLE_FILE),  # no width
        (12, b"\xff\xff\xff\xff", FindingCode.TOO_LARGE),
        (12, b"\x09\0\0\0", FindingCode.TRUNCATED),
        (20, b"\x20", FindingCode.UNREADABLE_FILE),  # 32 bits allocated
        (21, b"\x11", FindingCode.UNREADABLE_FILE),  # 17 bits stored
        (21, b"\x00", FindingCode.UNREADABLE_FILE),
        (21, b"\x05", FindingCode.UNREADABLE_FILE),  # samples need more
        (22, b"\x02", FindingCode.UNREADABLE_FILE),  # two samples a pixel
        (68, b"\x41", FindingCode.UNREADABLE_FILE),  # a name without its NUL
        (70, b"\x00", FindingCode.UNREADABLE_FILE),  # a NUL inside the name
        (69, b"\xff", FindingCode.UNREADABLE_FILE),  # not UTF-8
    ],
)
def test_a_header_no_picture_can_have_is_a_finding(offset: int, value: bytes, code: FindingCode) -> None:
    data = bytearray(written(PLAIN, GREY))
    data[offset : offset + len(value)] = value
    with pytest.raises(ImageProblem) as problem:
        FORMAT.parse(bytes(data))
    assert problem.value.code is code


@pytest.mark.parametrize("name", ["visual_id", "window_center", "integrity", "person"])
def test_a_value_the_format_cannot_hold_is_refused_by_name(name: str) -> None:
    impossible = {"visual_id": 2**32, "window_center": "wide", "integrity": b"short", "person": "short\0name"}
    with pytest.raises(ValueError, match=name) as problem:
        FORMAT.encode({**values_of(PLAIN, GREY), name: impossible[name]}, GREY)
    assert "short" not in str(problem.value)


@pytest.mark.parametrize("letter", ["x", "é", "字", "🦷"])
def test_a_long_name_is_cut_between_two_letters(letter: str) -> None:
    person = "ab" + letter * 200
    field = written({**PLAIN, "person": person}, GREY)[68:200]
    kept = field.strip(b"\0").decode()
    assert field[0] == field[-1] == 0
    assert person.startswith(kept)
    assert 130 - len(letter.encode()) < len(kept.encode()) <= 130


def test_colour_is_written_as_sixteen_bit_words_and_read_as_it_was() -> None:
    colour = Pixels(np.arange(18, dtype=np.uint8).reshape(2, 3, 3), 8, RGB)
    data = written(PLAIN, colour)
    assert data[HEADER : HEADER + 6] == bytes([0, 0, 1, 0, 2, 0])
    assert same(FORMAT.parse(data).pixels, colour)


def test_a_big_endian_profile_is_read_and_written_big_endian() -> None:
    big = NativeFormat(replace(RULES, byte_order="big"))
    data = big.encode(values_of(PLAIN, GREY), GREY)
    assert data[8:12] == (348565).to_bytes(4, "big")
    assert data[HEADER : HEADER + 12] == GREY.array.astype(">u2").tobytes()
    assert same(big.parse(data).pixels, GREY)


def test_a_profile_without_width_or_height_is_refused() -> None:
    header = tuple(field for field in RULES.header if field.name != "height")
    with pytest.raises(UsageProblem, match=r"pixels\.height"):
        NativeFormat(replace(RULES, header=header))


@pytest.mark.parametrize(
    ("when", "ticks"),
    [
        (None, 0),
        ("1601-01-01T00:00:00.000001", 10),
        ("1970-01-01T00:00:00", 116_444_736_000_000_000),
        ("2024-02-29T13:14:15", 133_536_860_550_000_000),
    ],
)
def test_a_time_is_ticks_since_1601(when: str | None, ticks: int) -> None:
    assert filetime(datetime.fromisoformat(when) if when else None) == ticks
