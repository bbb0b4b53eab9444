"""The converter and the reconciler, written apart, see the same in every file or declare the same."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import data_store
import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydicom.encaps import encapsulate, generate_frames

from engine.imaging.decode import decode
from engine.imaging.decoders import samples
from engine.imaging.render import low_black
from engine.reconcile import colour
from engine.reconcile.compare import DECLARED
from engine.reconcile.picture import Picture, SourceWanting
from engine.reconcile.source_pixels import look_at
from engine.running.workers import Workers
from protocol.advice import ADVICE
from protocol.vocabulary import FindingCode, Severity
from tests.engine.imaging import dicoms
from tests.engine.reconcile.two_stacks import disagreement, disagreement_over, prepare

FOLDERS = Path(next(iter(data_store.__path__))) / "data", Path(pydicom.__file__).parent
FILES = tuple(path for folder in FOLDERS for path in sorted(folder.rglob("*.dcm")))
SMALL = tuple(path for path in FILES if path.stat().st_size < 12_000)
RANDOM = np.random.default_rng(11)
GREY = RANDOM.integers(0, 4096, (19, 23)).astype("<u2")
SIGNED = RANDOM.integers(-2048, 2048, (19, 23)).astype("<i2")
BYTES = RANDOM.integers(0, 256, (9, 7)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 256, (9, 7, 3)).astype(np.uint8)
DEEP_COLOUR = RANDOM.integers(0, 1 << 16, (8, 6, 3)).astype("<u2")
FORMS: dict[str, tuple[Any, int, str]] = {
    "grey": (GREY, 12, "MONOCHROME2"),
    "inverted": (GREY, 12, "MONOCHROME1"),
    "signed": (SIGNED, 12, "MONOCHROME2"),
    "bytes": (BYTES, 8, "MONOCHROME2"),
    "RGB": (COLOUR, 8, "RGB"),
    "YBR": (COLOUR, 8, "YBR_FULL"),
    "deep RGB": (DEEP_COLOUR, 16, "RGB"),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[Path, object]:
    """What two processes found, file by file; a file that ends a process is a WorkerDied."""
    with Workers(2, disagreement_over, prepare, ()) as workers:
        return dict(workers.map(FILES))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_see_the_same_in_a_public_file(path: Path, verdicts: dict[Path, object]) -> None:
    assert verdicts[path] is None


def test_every_public_file_is_asked_about() -> None:
    assert len(FILES) > 160


def test_what_a_picture_may_lack_and_be_accepted_is_declared_by_both() -> None:
    about_files = {
        *(FindingCode.MISSING_FILE, FindingCode.UNREADABLE_FILE, FindingCode.TRUNCATED, FindingCode.EMPTY_FILE),
        *(FindingCode.MULTIFRAME, FindingCode.VOLUME, FindingCode.NO_DECODER, FindingCode.TOO_LARGE),
    }
    assert {code for code in about_files if ADVICE[code].severity is Severity.ACCEPT} == DECLARED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("syntax", [*dicoms.LOSSLESS, dicoms.JPEG_BASELINE])
def test_both_see_the_same_in_every_form_and_encoding(form: str, syntax: str) -> None:
    array, bits, photometric = FORMS[form]
    if syntax == dicoms.JPEG_BASELINE and array.dtype != np.uint8:
        array, bits, photometric = COLOUR, 8, "YBR_FULL_422"
    data = dicoms.dicom(array, bits, photometric, syntax, WindowCenter="2048", WindowWidth="4000.5")
    assert disagreement(data) is None


def _htj2k(array: Any) -> bytes:
    return bytes(encapsulate([imagecodecs.htj2k_encode(array, reversible=True)]))


@pytest.mark.parametrize("form", ["grey", "bytes", "RGB"])
def test_both_see_the_same_in_high_throughput_jpeg_2000(form: str) -> None:
    array, bits, photometric = FORMS[form]
    data = dicoms.dicom(array, bits, photometric, dicoms.HTJ2K, PixelData=_htj2k(array))
    assert np.array_equal(decode(data).array, array)
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.BIG])
@pytest.mark.parametrize("array", [GREY, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize(("stored", "high"), [(12, 11), (12, 15), (10, 12), (16, 15), (1, 3)])
def test_bits_outside_the_stored_ones_mean_nothing_to_both(array: Any, stored: int, high: int, syntax: str) -> None:
    noisy = (RANDOM.integers(0, 1 << 16, array.shape).astype("<u2")).view(array.dtype)
    data = dicoms.dicom(noisy, stored, "MONOCHROME2", syntax, HighBit=high)
    expected = noisy.view("<u2").astype(int) >> high + 1 - stored & (1 << stored) - 1
    assert np.array_equal(decode(data).array.astype(int) & (1 << stored) - 1, expected)
    assert disagreement(data) is None


def _big_endian_words(raw: bytes) -> bytes:
    return np.frombuffer(raw + bytes(len(raw) % 2), ">u2").astype("<u2").tobytes()


def _in_words(array: Any, photometric: str, raw: bytes, **more: object) -> bytes:
    """Big endian, pixel data as words (OW): two bytes swapped in each, padding included."""
    data = dicoms.dicom(array, 8, photometric, dicoms.BIG, PixelData=_big_endian_words(raw), **more)
    return data.replace(b"\x7f\xe0\0\x10OB", b"\x7f\xe0\0\x10OW")


@pytest.mark.parametrize("array", [BYTES, COLOUR], ids=["grey", "colour"])
def test_bytes_in_big_endian_words_are_in_order_for_both(array: Any) -> None:
    data = _in_words(array, "RGB" if array.ndim == 3 else "MONOCHROME2", array.tobytes())
    assert np.array_equal(decode(data).array, array)
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.BIG])
def test_single_bits_are_read_low_bit_first_by_both(syntax: str) -> None:
    bits = RANDOM.integers(0, 2, (5, 9)).astype(np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes()
    one_bit = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
    plain = dicoms.dicom(bits, 1, "MONOCHROME2", dicoms.EXPLICIT, PixelData=packed, **one_bit)
    data = plain if syntax == dicoms.EXPLICIT else _in_words(bits, "MONOCHROME2", packed, **one_bit)
    assert np.array_equal(decode(data).array, bits)
    assert disagreement(data) is None


def test_colours_shared_by_two_pixels_are_spread_by_both() -> None:
    luma = RANDOM.integers(0, 256, (4, 6)).astype(np.uint8)
    pairs = np.stack([luma[:, ::2], luma[:, 1::2], *RANDOM.integers(0, 256, (2, 4, 3), np.uint8)], axis=2)
    data = dicoms.dicom(np.dstack([luma] * 3), 8, "YBR_FULL_422", dicoms.EXPLICIT, PixelData=pairs.tobytes())
    full = np.dstack([luma, np.repeat(pairs[..., 2], 2, axis=1), np.repeat(pairs[..., 3], 2, axis=1)])
    assert np.array_equal(decode(data).array, samples.rgb_of_ybr(full))
    assert disagreement(data) is None
    odd = dicoms.dicom(COLOUR, 8, "YBR_FULL_422", dicoms.EXPLICIT, PixelData=bytes(9 * 7 * 2))
    assert disagreement(odd) is None


def _exactly(luma: int, blue: int, red: int) -> list[int]:
    """T.871: nothing is rounded before the end, and halves go up."""
    more_blue, more_red = Fraction(1772, 1000) * (blue - 128), Fraction(1402, 1000) * (red - 128)
    less_green = (Fraction(114, 1000) * more_blue + Fraction(299, 1000) * more_red) / Fraction(587, 1000)
    exact = (luma + more_red, luma - less_green, luma + more_blue)
    return [min(max(floor(value + Fraction(1, 2)), 0), 255) for value in exact]


def test_both_round_colours_as_exact_arithmetic_does() -> None:
    near_halves = [(0, 7, 58), (0, 78, 178), (200, 249, 198), (30, 253, 128), (255, 3, 128)]
    triples = np.array([*near_halves, *RANDOM.integers(0, 256, (300, 3)).tolist()], np.uint8)
    expected = [_exactly(*triple) for triple in triples.tolist()]
    assert samples.rgb_of_ybr(triples[None])[0].tolist() == expected
    assert colour.rgb_of_ybr(triples[None])[0].tolist() == expected


def _tables(raw: bytes, entries: int, bits: int, first: int = 0, kind: str = "") -> dict[str, object]:
    return {
        f"{kind if part == 'Data' else ''}{name}PaletteColorLookupTable{part}": value
        for name in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [entries, first, bits]), ("Data", raw))
    }


# An entry of 5, one of 9, three in a line to 30 or 31, and the last two segments, from byte 6 or 3, once more.
SEGMENTS_16 = struct.pack("<13H", 0, 1, 5, 0, 1, 9, 1, 3, 30, 2, 2, 6, 0)
SEGMENTS_8 = bytes((0, 1, 5, 0, 1, 9, 1, 3, 31, 2, 2, 3, 0, 0, 0))


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.BIG, dicoms.IMPLICIT])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_in_segments_is_the_same_to_both(bits: int, syntax: str) -> None:
    raw = SEGMENTS_8 if bits == 8 else SEGMENTS_16
    raw = _big_endian_words(raw) if syntax == dicoms.BIG else raw
    indices = np.arange(9, dtype=np.uint8).reshape(3, 3)
    data = dicoms.dicom(indices, 8, "PALETTE COLOR", syntax, **_tables(raw, 9, bits, kind="Segmented"))
    end = 31 if bits == 8 else 30
    line = [round(9 + (end - 9) * step / 3) for step in (1, 2, 3)]
    assert decode(data).array[..., 0].reshape(-1).tolist() == [5, 9, *line, 9, *line]
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.BIG])
@pytest.mark.parametrize("bytewise", [True, False])
def test_a_palette_of_bytes_is_the_same_to_both(bytewise: bool, syntax: str) -> None:
    table = RANDOM.integers(0, 256, 256).astype(np.uint8)
    raw = table.tobytes() if bytewise else table.astype("<u2").tobytes()
    raw = _big_endian_words(raw) if syntax == dicoms.BIG else raw
    data = dicoms.dicom(BYTES, 8, "PALETTE COLOR", syntax, **_tables(raw, 256, 8))
    assert np.array_equal(decode(data).array[..., 1], table[BYTES])
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT])
def test_a_palette_from_below_zero_is_the_same_to_both(syntax: str) -> None:
    table = RANDOM.integers(0, 1 << 16, 4096).astype("<u2")
    data = dicoms.dicom(SIGNED, 12, "PALETTE COLOR", syntax, **_tables(table.tobytes(), 4096, 16, first=-2048))
    assert np.array_equal(decode(data).array[..., 2], table[SIGNED.astype(int) + 2048])
    assert disagreement(data) is None


@pytest.mark.parametrize("declared", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("coded", ["RGB", "YCBCR"])
def test_both_take_the_colours_of_a_jpeg_as_its_adobe_segment_says_or_else_the_file(declared: str, coded: str) -> None:
    frame = imagecodecs.jpeg8_encode(COLOUR, 95, colorspace="RGB", outcolorspace=coded)
    bare = frame.replace(b"JFIF\0", b"NONE\0").replace(b"Adobe", b"Adobo")
    said = [b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform]) + bare[2:] for transform in (0, 1)]
    seen = []
    for picture in (frame, bare, *said):
        data = dicoms.dicom(COLOUR, 8, declared, dicoms.JPEG_BASELINE, PixelData=encapsulate([picture]))
        assert disagreement(data) is None
        seen.append(decode(data).array)
    assert np.array_equal(seen[1], seen[2 if declared == "RGB" else 3]) and not np.array_equal(seen[2], seen[3])


def test_two_frames_without_a_number_of_frames_are_declared_by_both() -> None:
    twice = dicoms.dicom(BYTES, 8, "MONOCHROME2", dicoms.EXPLICIT, PixelData=BYTES.tobytes() * 2)
    assert _declared(twice) is FindingCode.MULTIFRAME
    offsets = encapsulate([dicoms.frame(GREY, 12, dicoms.JPEG_LS)] * 2)
    assert _declared(dicoms.dicom(GREY, 12, "MONOCHROME2", dicoms.JPEG_LS, PixelData=offsets)) is FindingCode.MULTIFRAME


def _declared(data: bytes) -> FindingCode:
    assert disagreement(data) is None
    with pytest.raises(SourceWanting) as wanting:
        look_at(data)
    return wanting.value.code


@pytest.mark.parametrize("syntax", [*dicoms.UNCOMPRESSED, dicoms.RLE, dicoms.J2K, dicoms.JPEG_SV1, dicoms.JPEG_LS])
def test_both_say_the_same_of_every_cut_of_a_file(syntax: str) -> None:
    whole = dicoms.dicom(GREY, 12, "MONOCHROME2", syntax)
    for end in (*range(128, 520), *range(520, len(whole) - 20, 37)):
        assert (end, disagreement(whole[:end])) == (end, None)


@pytest.mark.parametrize("syntax", [dicoms.RLE, dicoms.J2K, dicoms.JPEG_SV1, dicoms.JPEG_LS])
def test_a_compressed_picture_cut_short_within_a_whole_file_is_declared_by_both(syntax: str) -> None:
    whole = pydicom.dcmread(io.BytesIO(dicoms.dicom(GREY, 12, "MONOCHROME2", syntax)))
    frame = next(generate_frames(whole.PixelData, number_of_frames=1))
    for size in (10, 40, 70, len(frame) // 2, len(frame) - 40):
        data = dicoms.dicom(GREY, 12, "MONOCHROME2", syntax, PixelData=encapsulate([frame[:size]]))
        assert _declared(data) is FindingCode.TRUNCATED


def _photo(form: str, picture: Pillow.Image, **how: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **how)
    return target.getvalue()


DEEP_GREY = GREY.astype("<u2") * 16
PHOTOS = {
    **{f"{form} colour": _photo(form, Pillow.fromarray(COLOUR)) for form in ("PNG", "JPEG", "TIFF", "BMP")},
    **{f"{form} grey": _photo(form, Pillow.fromarray(BYTES)) for form in ("PNG", "JPEG", "TIFF", "BMP")},
    **{f"{form} bits": _photo(form, Pillow.fromarray(BYTES).convert("1")) for form in ("PNG", "TIFF", "BMP")},
    **{f"{form} deep grey": _photo(form, Pillow.fromarray(DEEP_GREY)) for form in ("PNG", "TIFF")},
    **{f"PNG palette {n}": _photo("PNG", Pillow.fromarray(COLOUR).quantize(n)) for n in (2, 4, 16, 60)},
    "TIFF negative": _photo("TIFF", Pillow.fromarray(BYTES), tiffinfo={262: 0}),
    "TIFF deep negative": _photo("TIFF", Pillow.fromarray(DEEP_GREY), tiffinfo={262: 0}),
    "TIFF packed": _photo("TIFF", Pillow.fromarray(COLOUR), compression="tiff_lzw"),
    "TIFF JPEG": _photo("TIFF", Pillow.fromarray(COLOUR), compression="jpeg"),
    "JPEG progressive": _photo("JPEG", Pillow.fromarray(COLOUR), progressive=True),
    "PNG deep colour": imagecodecs.png_encode(DEEP_COLOUR),
    "JP2 deep colour": imagecodecs.jpeg2k_encode(DEEP_COLOUR, level=0, reversible=True),
    "JP2 twelve bits": imagecodecs.jpeg2k_encode(GREY, level=0, reversible=True, bitspersample=12),
    "J2K colour": imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True, codecformat="j2k"),
}


@pytest.mark.parametrize("name", PHOTOS)
def test_both_see_the_same_in_a_photo_whole_or_cut(name: str) -> None:
    data = PHOTOS[name]
    assert isinstance(look_at(data), Picture)
    assert disagreement(data) is None
    for end in (20, len(data) // 3, len(data) // 2, len(data) - 20):
        assert (end, disagreement(data[:end])) == (end, None)


def test_a_picture_that_ends_the_process_of_a_library_ends_nothing_else() -> None:
    frame = dicoms.frame(GREY, 12, dicoms.JPEG_SV1)
    assert frame[6:13] == b"JFIF\0\1\1"
    odd = frame[:11] + b"\0" + frame[12:]
    data, whole = (
        dicoms.dicom(GREY, 12, "MONOCHROME2", dicoms.JPEG_SV1, PixelData=encapsulate([item])) for item in (odd, frame)
    )
    with pytest.raises(SourceWanting):
        look_at(data)
    assert disagreement(whole) is None


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SMALL)).read_bytes())
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[place] = byte
    return bytes(data[: draw(st.just(len(data)) | st.integers(1, len(data)))])


@given(damaged())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_picture_or_a_reason_and_nothing_else(data: bytes) -> None:
    with suppress(SourceWanting):
        look_at(data)


@pytest.mark.parametrize("form", ["inverted", "grey"])
def test_low_values_are_black_in_both_where_a_format_cannot_say_otherwise(form: str) -> None:
    array, bits, photometric = FORMS[form]
    data = dicoms.dicom(array, bits, photometric, dicoms.EXPLICIT)
    shown, seen = low_black(decode(data)), look_at(data).with_low_black()
    assert np.array_equal(shown.array, 4095 - array if form == "inverted" else array)
    assert np.array_equal(shown.array, seen.samples)
    assert shown.photometric == "MONOCHROME2" and not seen.low_is_white
