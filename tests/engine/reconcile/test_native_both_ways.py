"""What the converter writes, the reconciler reads by its own code: every field, every hash, every display rule."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import md5
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.imaging.crc16 import VARIANTS, crc16
from engine.imaging.integrity import digest
from engine.imaging.native import NativeFormat
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, Lut, Pixels, Window
from engine.imaging.problem import ImageProblem
from engine.profiles.native_rules import INTEGRITY_SIZES, IntegrityRule, NativeRules
from engine.reconcile.header_check import header_flaws, require_checkable, told_by
from engine.reconcile.native_reader import NativeDamaged, NativeFile, layout_of, read_native
from engine.reconcile.native_seal import Sealing, row_text
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode
from tests.engine.native_files import picture_of, pictures, rules, same, sealed, values_of

WHEN = datetime.fromisoformat("2024-02-29T13:14:16")
GREY = Pixels(np.array([[0, 1, 2], [300, 4095, 7]], "<u2"), 12, MONOCHROME1)
SHOWN = """
  { name = "rescale_slope", type = "float64", is = "pixels.rescale_slope", when = { field = "flags", bit = 3 } },
  { name = "intercept", type = "float64", is = "pixels.rescale_intercept", when = { field = "flags", bit = 3 } },
  { name = "row_spacing", type = "float64", is = "pixels.row_spacing", when = { field = "flags", bit = 4 } },
  { name = "column_spacing", type = "float64", is = "pixels.column_spacing", when = { field = "flags", bit = 4 } },
  { name = "center", type = "float64", is = "pixels.window_center" },
  { name = "window_width", type = "float64", is = "pixels.window_width" },
  { name = "windows_size", type = "uint16", length_of = "windows" },
  { name = "windows", type = "text", at_most = 65535, encoding = "utf-16-le", is = "pixels.windows" },
  { name = "to_four", type = "padding", align = 4, value = "EE" },
"""
TABLES = "".join(
    f"""
  {{ name = "{lut}_first", type = "int32", is = "pixels.{lut}_first" }},
  {{ name = "{lut}_bits", type = "uint8", is = "pixels.{lut}_bits" }},
  {{ name = "{lut}_note_size", type = "uint8", length_of = "{lut}_note" }},
  {{ name = "{lut}_note", type = "text", at_most = 255, encoding = "utf-8", is = "pixels.{lut}_explanation" }},
  {{ name = "{lut}_count", type = "uint16", length_of = "{lut}", unit = 2 }},
  {{ name = "{lut}", type = "bytes", at_most = 131070, is = "pixels.{lut}" }},
"""
    for lut in ("voi_lut", "modality_lut")
)


def flaws(native: NativeRules, data: bytes, pixels: Pixels, seal: bytes = b"", **record: Any) -> list[str]:
    """What the reconciler finds wrong with a file, as it should be for this picture and record."""
    layout = layout_of(native)
    file = read_native(layout, data)
    assert np.array_equal(file.pixels, picture_of(pixels).words())
    expected = {**told_by(picture_of(pixels), layout), **record}
    return [flaw.detail for flaw in header_flaws(file, expected, seal)]


@pytest.mark.parametrize("order", ["little", "big"])
@settings(max_examples=60)
@given(pixels=pictures(shown=True))
def test_how_a_picture_is_to_be_shown_comes_back_and_the_reconciler_agrees(order: str, pixels: Pixels) -> None:
    native = rules(SHOWN, trailer=TABLES, order=order)
    format_ = NativeFormat(native)
    values = values_of(format_, pixels)
    data = format_.encode(values, pixels)
    file = format_.parse(data)
    assert (file.unexplained, format_.lost(pixels, lambda: values)) == ((), ())
    assert same(file.pixels, pixels)
    assert flaws(native, data, pixels) == []


TABLE = Lut(-3, 12, b"\1\2\3\4", "hard")
TOLD: dict[str, tuple[Pixels, str]] = {
    "a window": (Pixels(GREY.array, 12, MONOCHROME1, windows=(Window(1.0, 2.0),)), "window"),
    "its words": (Pixels(GREY.array, 12, MONOCHROME1, windows=(Window(0.0, 0.0, "HARD"),)), "window"),
    "a second window": (
        Pixels(GREY.array, 12, MONOCHROME1, windows=(Window(1.0, 2.0), Window(3.0, 4.0))),
        "window, 1 further window(s)",
    ),
    "a rescale": (Pixels(GREY.array, 12, MONOCHROME1, rescale=(2.0, -7.0)), "rescale slope and intercept"),
    "a spacing": (Pixels(GREY.array, 12, MONOCHROME1, spacing=(0.02, 0.02)), "pixel spacing"),
    "a VOI LUT": (Pixels(GREY.array, 12, MONOCHROME1, voi_luts=(TABLE,)), "VOI LUT"),
    "two VOI LUTs": (Pixels(GREY.array, 12, MONOCHROME1, voi_luts=(TABLE, TABLE)), "VOI LUT, 1 further VOI LUT(s)"),
    "a modality LUT": (Pixels(GREY.array, 12, MONOCHROME1, modality_lut=TABLE), "modality LUT"),
}


@pytest.mark.parametrize("case", TOLD.values(), ids=TOLD)
def test_what_has_no_place_in_the_file_is_named(case: tuple[Pixels, str]) -> None:
    pixels, lost = case
    format_ = NativeFormat(rules())
    values = values_of(format_, pixels)
    assert ", ".join(format_.lost(pixels, lambda: values)) == lost
    assert format_.parse(format_.encode(values, pixels)).unexplained == ()


def test_a_place_that_is_not_there_for_this_picture_is_none() -> None:
    fields = ("rescale_slope", "rescale_intercept")
    only = '{{ name = "{0}", type = "float64", is = "pixels.{0}", when = {{ field = "flags", bit = 0 }} }},'
    format_ = NativeFormat(rules("".join(map(only.format, fields))))
    for photometric, lost in ((MONOCHROME1, ()), (MONOCHROME2, ("rescale slope and intercept",))):
        pixels = Pixels(GREY.array, 12, photometric, rescale=(2.0, -7.0))
        values = values_of(format_, pixels)
        assert format_.lost(pixels, lambda values=values: values) == lost


def test_a_rescale_that_changes_nothing_is_no_loss() -> None:
    pixels = Pixels(GREY.array, 12, MONOCHROME1, rescale=(1.0, 0.0))
    assert NativeFormat(rules()).lost(pixels, dict) == ()


def test_a_field_too_small_for_its_window_is_a_loss() -> None:
    header = """{ name = "c", type = "float32", is = "pixels.window_center" },
                { name = "w", type = "float32", is = "pixels.window_width" },"""
    format_ = NativeFormat(rules(header))
    for center, lost in ((2048.5, ()), (0.1, ("window",))):
        pixels = Pixels(GREY.array, 12, MONOCHROME1, windows=(Window(center, 4096.0),))
        values = values_of(format_, pixels)
        assert format_.lost(pixels, lambda values=values: values) == lost


@pytest.mark.parametrize("pixels", [GREY, Pixels(GREY.array.view("<i2"), 16, MONOCHROME2, signed=True)])
def test_samples_whose_sense_has_no_place_are_refused(pixels: Pixels) -> None:
    flags = '{ name = "flags", type = "uint8", is = "pixels.flags" },'
    header = rules().header
    native = NativeRules("dex", "little", header[:5] + header[6:], rules().payload, rules().trailer)
    assert flags
    with pytest.raises(ImageProblem, match="no place for pixels") as problem:
        NativeFormat(native).pack(pixels)
    assert problem.value.code is FindingCode.NO_DECODER


FIELDS: dict[str, tuple[str, Any, bytes]] = {
    "uint64": ('type = "uint64"', 2**63, bytes([0, 0, 0, 0, 0, 0, 0, 128])),
    "int8": ('type = "int8"', -2, b"\xfe"),
    "int16": ('type = "int16"', -2, b"\xfe\xff"),
    "int32": ('type = "int32"', -2, b"\xfe\xff\xff\xff"),
    "int64": ('type = "int64"', -2, b"\xfe" + b"\xff" * 7),
    "one big field": ('type = "uint32", byte_order = "big"', 258, b"\0\0\1\2"),
    "digits": ('type = "digits", size = 6', 4711, b"004711"),
    "bcd": ('type = "bcd", size = 3', 4711, b"\x00\x47\x11"),
    "terminated": ('type = "text", size = 6, encoding = "latin-1", form = "terminated"', "é!", b"\xe9!\0\0\0\0"),
    "padded": ('type = "text", size = 4, encoding = "ascii", form = "padded"', "abcd", b"abcd"),
    "spaces": ('type = "text", size = 4, encoding = "ascii", form = "spaces"', "ab", b"ab  "),
    "wide": ('type = "text", size = 8, encoding = "utf-16-be", form = "delimited"', "é", b"\0\0\0\xe9\0\0\0\0"),
}
TIMES: dict[str, tuple[str, datetime | None, bytes]] = {
    "unix32": ('type = "unix32"', WHEN, (1709212456).to_bytes(4, "little")),
    "unix64": ('type = "unix64"', WHEN, (1709212456).to_bytes(8, "little")),
    "unix-ms": ('type = "unix-ms"', WHEN, (1709212456000).to_bytes(8, "little")),
    "filetime": ('type = "filetime"', WHEN, (133536860560000000).to_bytes(8, "little")),
    "dos": ('type = "dos"', WHEN, b"\xc8\x69\x5d\x58"),
    "ole": ('type = "ole"', datetime.fromisoformat("1899-12-29T06:00"), b"\0\0\0\0\0\0\xf4\xbf"),
    "day in digits": ('type = "digits", size = 8', WHEN, b"20240229"),
    "moment in digits": ('type = "digits", size = 14', WHEN, b"20240229131416"),
    "day in bcd": ('type = "bcd", size = 4', WHEN, b"\x20\x24\x02\x29"),
    "unknown": ('type = "ole"', None, bytes(8)),
}


@pytest.mark.parametrize("case", FIELDS.values(), ids=FIELDS)
def test_a_field_is_written_as_its_type_says_and_read_by_both(case: tuple[str, Any, bytes]) -> None:
    kind, value, raw = case
    name = "image.uid" if isinstance(value, str) else "image.number"
    _check_field(kind, name, value, raw)


@pytest.mark.parametrize("case", TIMES.values(), ids=TIMES)
def test_a_time_is_kept_in_its_own_way_and_read_by_both(case: tuple[str, datetime | None, bytes]) -> None:
    kind, when, raw = case
    _check_field(kind, "image.acquired_at", when, raw)


def _check_field(kind: str, name: str, value: Any, raw: bytes) -> None:
    native = rules(f'{{ name = "f", {kind}, is = "{name}" }},')
    format_ = NativeFormat(native)
    data = format_.encode(values_of(format_, GREY, f=value), GREY)
    assert data[12 : 12 + len(raw)] == raw
    assert format_.parse(data).unexplained == ()
    assert flaws(native, data, GREY, **{name: value}) == []
    changed = bytearray(data)
    changed[12] ^= 1
    with suppress(NativeDamaged):
        assert flaws(native, bytes(changed), GREY, **{name: value}) == ["f says something else"]


UNFIT: dict[str, tuple[str, str, Any, FindingCode]] = {
    "a number too big": ('type = "int8"', "image.number", 128, FindingCode.NO_DECODER),
    "no number": ('type = "int8"', "image.number", None, FindingCode.NO_DECODER),
    "more digits": ('type = "digits", size = 2', "image.number", 100, FindingCode.NO_DECODER),
    "a number below zero": ('type = "bcd", size = 2', "image.number", -1, FindingCode.NO_DECODER),
    "before 1970": (
        *('type = "unix32"', "image.acquired_at", datetime.fromisoformat("1969-12-31")),
        FindingCode.DATE_OUT_OF_RANGE,
    ),
    "before 1980": (
        *('type = "dos"', "image.acquired_at", datetime.fromisoformat("1979-12-31")),
        FindingCode.DATE_OUT_OF_RANGE,
    ),
    "letters of another code page": (
        *('type = "text", size = 9, encoding = "cp1252"', "image.uid", "王"),
        FindingCode.TEXT_NOT_REPRESENTABLE,
    ),
}


@pytest.mark.parametrize("case", UNFIT.values(), ids=UNFIT)
def test_a_value_a_field_cannot_hold_is_named_without_its_value(case: tuple[str, str, Any, FindingCode]) -> None:
    kind, name, value, code = case
    format_ = NativeFormat(rules(f'{{ name = "f", {kind}, is = "{name}" }},'))
    with pytest.raises(ValueError, match=r"^f does not fit the native format$") as problem:
        format_.encode(values_of(format_, GREY, f=value), GREY)
    assert getattr(problem.value, "code", None) is code


def test_bits_are_named_one_by_one() -> None:
    bits = '["pixels.signed", "0", "pixels.low_is_white", "pixels.has_window", "1"]'
    header = f'{{ name = "b", type = "uint16", bits = {bits} }},'
    native = rules(header)
    format_ = NativeFormat(native)
    pixels = Pixels(GREY.array, 12, MONOCHROME1)
    data = format_.encode(values_of(format_, pixels), pixels)
    assert data[12:14] == bytes([0b10100, 0])
    assert flaws(native, data, pixels) == []
    wrong = data[:12] + bytes([0b10000]) + data[13:]
    assert [span.why for span in format_.parse(wrong).unexplained] == ["flags is not what the profile says"]
    assert flaws(native, wrong, pixels) == ["b says something else"]


@pytest.mark.parametrize("payload", ['codec = "raw16"', 'codec = "deflate", level = 9', 'codec = "png"'])
def test_sizes_tell_themselves_and_a_wrong_one_is_seen(payload: str) -> None:
    header = """{ name = "whole", type = "uint32", is = "file.size" },
                { name = "head", type = "uint16", is = "header.size" },
                { name = "gap", type = "padding", align = 64, value = "00" },"""
    native = rules(header, payload)
    format_ = NativeFormat(native)
    data = format_.encode(values_of(format_, GREY), GREY)
    assert (int.from_bytes(data[12:16], "little"), int.from_bytes(data[16:18], "little")) == (len(data), 64)
    assert flaws(native, data, GREY) == []
    wrong = data[:12] + (len(data) + 1).to_bytes(4, "little") + data[16:]
    assert [span.why for span in format_.parse(wrong).unexplained] == ["whole is not what the profile says"]
    with pytest.raises(NativeDamaged, match="whole"):
        read_native(layout_of(native), wrong)


def test_a_payload_without_its_size_reaches_to_the_trailer() -> None:
    header = rules().header[:-1]
    native = NativeRules("dex", "little", header, rules(payload='codec = "deflate"').payload, rules().trailer)
    format_ = NativeFormat(native)
    data = format_.encode(values_of(format_, GREY), GREY)
    assert same(format_.parse(data).pixels, GREY)
    assert flaws(native, data, GREY) == []


SEAL = {
    "payload": ('{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', "", None),
    "header+payload": ("", '{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', None),
    "payload+trailer": ('{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', "", None),
    "header": ('{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', "", "left-out"),
    "before": ("", '{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', None),
    "file": ('{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', "", "zeroed"),
    "pixels": ('{ name = "seal", type = "bytes", size = %d, is = "integrity()" },', "", None),
}


@pytest.mark.parametrize("algorithm", INTEGRITY_SIZES)
@pytest.mark.parametrize("covers", SEAL)
def test_a_hash_over_any_bytes_is_recomputed_by_both(algorithm: str, covers: str) -> None:
    header, trailer, own = SEAL[covers]
    size = INTEGRITY_SIZES[algorithm]
    native = rules(header and header % size, trailer=trailer and trailer % size)
    format_, rule = NativeFormat(native), IntegrityRule(algorithm, covers, ("header",), own)
    parts, seal = sealed(format_, rule, GREY)
    assert parts.raw()["seal"] == seal
    file = format_.parse(parts.joined())
    assert format_.seal_of(rule, file.parts, file.pixels) == seal
    assert _own_seal(native, rule, parts.joined()) == seal
    assert flaws(native, parts.joined(), GREY, seal) == []


def _own_seal(native: NativeRules, rule: IntegrityRule, data: bytes) -> bytes:
    file = read_native(layout_of(native), data)
    sealing = Sealing(rule.algorithm, rule.covers, rule.own)
    return sealing.of(file.pixels.tobytes()) if rule.covers == "pixels" else sealing.of_file(file)


@pytest.mark.parametrize("covers", SEAL)
def test_a_hash_covers_what_it_says_and_nothing_else(covers: str) -> None:
    """Behind the picture's shape every byte is changed once: the hash changes where it covers it, and only there."""
    header, trailer, own = SEAL[covers]
    note = '{ name = "note", type = "uint32", is = "image.number" },'
    native = rules(note + (header and header % 4), trailer=note.replace("note", "more") + (trailer and trailer % 4))
    format_, rule = NativeFormat(native), IntegrityRule("crc32", covers, ("header",), own)
    parts, seal = sealed(format_, rule, GREY, note=7, more=9)
    data, head, behind = parts.joined(), len(parts.header), len(parts.header) + len(parts.payload)
    at = data.index(parts.raw()["seal"])
    covered = {
        "payload": range(head, behind),
        "pixels": range(head, behind),
        "header": range(head),
        "header+payload": range(behind),
        "payload+trailer": range(head, len(data)),
        "before": range(at),
        "file": range(len(data)),
    }
    for place in range(12, len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        file = format_.parse(changed)
        expected = place in covered[covers] and not at <= place < at + 4
        assert (format_.seal_of(rule, file.parts, file.pixels) != seal) == expected, place
        assert (_own_seal(native, rule, changed) != seal) == expected, place


CHECKSUMS = {"crc16-arc": "bb3d", "crc16-modbus": "4b37", "crc16-ccitt-false": "29b1", "crc16-xmodem": "31c3"}
CHECKSUMS |= {"crc16-kermit": "2189", "crc16-x25": "906e", "crc32": "cbf43926", "adler32": "091e01de"}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums_have_their_published_check_value(algorithm: str) -> None:
    assert digest(algorithm, (b"1234", memoryview(b"56789"))).hex() == CHECKSUMS[algorithm]
    assert Sealing(algorithm, "file").of(b"123456789").hex() == CHECKSUMS[algorithm]


@settings(max_examples=50)
@given(name=st.sampled_from(sorted(VARIANTS)), pieces=st.lists(st.binary(max_size=5000), max_size=4))
def test_a_checksum_does_not_depend_on_how_its_bytes_come(name: str, pieces: list[bytes]) -> None:
    running = crc16(name)
    for piece in pieces:
        running.update(piece)
    assert running.digest() == Sealing(name, "file").of(b"".join(pieces))


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_long_data_gives_the_same_checksum_by_both(name: str) -> None:
    data = np.random.default_rng(1).integers(0, 256, 20_001, dtype=np.uint8).tobytes()
    assert digest(name, (data[:7], data[7:])) == Sealing(name, "file").of(data)


def test_a_field_longer_than_the_profile_allows_is_read_by_neither() -> None:
    header = """{ name = "size", type = "uint8", length_of = "t" },
                { name = "t", type = "text", at_most = 5, encoding = "ascii", is = "image.uid" },"""
    native = rules(header)
    format_ = NativeFormat(native)
    data = format_.encode(values_of(format_, GREY, t="12345"), GREY)
    assert flaws(native, data, GREY, **{"image.uid": "12345"}) == []
    longer = data[:12] + bytes([6]) + b"123456" + data[18:]
    with pytest.raises(ImageProblem, match="t of 6 bytes; the profile allows 5") as problem:
        format_.parse(longer)
    assert problem.value.code is FindingCode.UNREADABLE_FILE
    with pytest.raises(NativeDamaged, match="t is longer than its description allows"):
        read_native(layout_of(native), longer)
    with pytest.raises(ValueError, match="t does not fit"):
        format_.encode(values_of(format_, GREY, t="123456"), GREY)


FORMS: Mapping[str, tuple[str, str, bytes]] = {
    "hex": ('type = "text", size = 32, encoding = "ascii", form = "padded"', "hex(integrity())", b"5f4d"),
    "upper": ('type = "text", size = 33, encoding = "ascii", form = "terminated"', "upper_hex(integrity())", b"5F4D"),
    "base64": ('type = "text", size = 24, encoding = "ascii", form = "padded"', "base64(integrity())", b"X00="),
}


@pytest.mark.parametrize("case", FORMS.values(), ids=FORMS)
def test_a_hash_is_kept_in_the_form_its_expression_gives_it(case: tuple[str, str, bytes]) -> None:
    kind, expression, _ = case
    native = rules(f'{{ name = "seal", {kind}, is = "{expression}" }},')
    parts, seal = sealed(NativeFormat(native), IntegrityRule("md5", "payload", ("header",)), GREY)
    assert seal == md5(GREY.array.tobytes(), usedforsecurity=False).digest()
    form = expression.partition("(")[0]
    kept = {"hex": seal.hex(), "upper_hex": seal.hex().upper(), "base64": base64.b64encode(seal).decode()}[form]
    assert parts.raw()["seal"].rstrip(b"\0").decode() == kept
    assert row_text(seal, expression) == kept
    assert flaws(native, parts.joined(), GREY, seal) == []


@pytest.mark.parametrize(("kind", "expression"), [("uint32", "number"), ("int32", "signed_number")])
def test_a_checksum_is_kept_as_a_number(kind: str, expression: str) -> None:
    native = rules(trailer=f'{{ name = "seal", type = "{kind}", is = "{expression}(integrity())" }},')
    parts, seal = sealed(NativeFormat(native), IntegrityRule("crc32", "before", ("trailer",)), GREY)
    assert parts.raw()["seal"] == zlib.crc32(parts.header + bytes(parts.payload)).to_bytes(4, "little")
    assert flaws(native, parts.joined(), GREY, seal) == []


@settings(max_examples=60)
@given(pixels=pictures(shown=True), place=st.integers(0), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_noticed_by_both(pixels: Pixels, place: int, bit: int) -> None:
    native = rules(SHOWN, trailer=TABLES)
    format_ = NativeFormat(native)
    values = values_of(format_, pixels)
    data = bytearray(format_.encode(values, pixels))
    data[place % len(data)] ^= 1 << bit
    assert _prover_notices(format_, bytes(data), pixels)
    assert _reconciler_notices(native, bytes(data), pixels)


def _prover_notices(format_: NativeFormat, data: bytes, pixels: Pixels) -> bool:
    try:
        file = format_.parse(data)
    except ImageProblem:
        return True
    return bool(file.unexplained) or not same(file.pixels, pixels) or _told_otherwise(file.pixels, pixels)


def _told_otherwise(one: Pixels, two: Pixels) -> bool:
    """A sign of zero is told apart, though the numbers are equal."""
    return repr(one.windows) != repr(two.windows) or repr(one.rescale) != repr(two.rescale)


def _reconciler_notices(native: NativeRules, data: bytes, pixels: Pixels) -> bool:
    layout = layout_of(native)
    try:
        file: NativeFile = read_native(layout, data)
    except NativeDamaged:
        return True
    wrong = list(header_flaws(file, told_by(picture_of(pixels), layout), b""))
    return bool(wrong) or not np.array_equal(file.pixels, picture_of(pixels).words())


def test_a_field_the_reconciler_cannot_check_is_refused_by_name() -> None:
    layout = layout_of(rules('{ name = "t", type = "text", size = 9, encoding = "ascii", is = "teeth(image.teeth)" },'))
    with pytest.raises(UsageProblem, match=r"native field t: reconcile cannot check teeth\(image\.teeth\)"):
        require_checkable(layout, frozenset({"image.number"}))
