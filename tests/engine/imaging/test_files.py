"""JPEG, PNG, TIFF, BMP and JPEG 2000 files, written by Pillow and judged by content."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.imaging.decode import decode, encoding, is_available
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

CHANCE = np.random.default_rng(5)
GREY8 = CHANCE.integers(0, 256, (21, 13)).astype(np.uint8)
GREY16 = CHANCE.integers(0, 65536, (21, 13)).astype("<u2")
COLOUR = CHANCE.integers(0, 256, (21, 13, 3)).astype(np.uint8)
COLOUR16 = CHANCE.integers(0, 65536, (21, 13, 3)).astype("<u2")


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def file(array: NDArray[Any], form: str, **options: Any) -> bytes:
    return saved(Image.fromarray(array), form, **options)


def with_exif(orientation: int, form: str) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    return file(COLOUR, form, exif=exif)


def code_of(data: bytes) -> FindingCode:
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


EXACT = [
    ("png", file(GREY8, "PNG"), GREY8),
    ("png", file(GREY16, "PNG"), GREY16),
    ("png", file(COLOUR, "PNG"), COLOUR),
    ("png", imagecodecs.png_encode(COLOUR16), COLOUR16),
    ("png", saved(Image.fromarray(COLOUR).quantize(256), "PNG"), None),
    ("tiff", file(GREY8, "TIFF"), GREY8),
    ("tiff", file(GREY16, "TIFF"), GREY16),
    ("tiff", file(COLOUR, "TIFF", compression="tiff_lzw"), COLOUR),
    ("tiff", file(GREY16, "TIFF", compression="tiff_adobe_deflate"), GREY16),
    ("tiff", saved(Image.fromarray(GREY8 > 127), "TIFF", compression="group4"), (GREY8 > 127).astype(np.uint8) * 255),
    ("tiff", file(COLOUR, "TIFF", compression="tiff_adobe_deflate"), COLOUR),
    ("bmp", file(GREY8, "BMP"), GREY8),
    ("bmp", file(COLOUR, "BMP"), COLOUR),
    ("jpeg2000", imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True), COLOUR),
    ("jpeg2000", imagecodecs.jpeg2k_encode(GREY16, level=0, reversible=True, codecformat="j2k"), GREY16),
    ("jpeg", imagecodecs.jpeg8_encode(GREY16, lossless=True, bitspersample=16), GREY16),
]


@pytest.mark.parametrize(("form", "data", "array"), EXACT)
def test_a_lossless_file_gives_the_very_samples(form: str, data: bytes, array: NDArray[Any] | None) -> None:
    if array is None:
        array = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    pixels = decode(data)
    assert np.array_equal(pixels.array, array)
    assert pixels.array.dtype == array.dtype
    assert pixels.photometric == (RGB if array.ndim == 3 else MONOCHROME2)
    assert (pixels.encoding, pixels.lossy, pixels.exif) == (form, False, 1)
    assert encoding(data) == form
    assert is_available(data)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_decoded_as_every_viewer_does(mode: str, progressive: bool) -> None:
    data = saved(Image.fromarray(COLOUR).convert(mode), "JPEG", quality=92, progressive=progressive)
    pixels = decode(data)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.abs(pixels.array.astype(int) - expected).max() <= 1
    assert (pixels.lossy, pixels.encoding) == (True, "jpeg")
    assert pixels.photometric == (RGB if mode == "RGB" else MONOCHROME2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_photo_is_noted_and_never_applied(orientation: int) -> None:
    for form in ("JPEG", "PNG", "TIFF"):
        pixels = decode(with_exif(orientation, form))
        assert pixels.exif == orientation
        assert pixels.array.shape == COLOUR.shape


def test_a_malformed_orientation_is_upright() -> None:
    data = with_exif(6, "JPEG")
    place = data.index(b"Exif\0\0") + 6
    assert decode(data[:place] + b"XX" + data[place + 2 :]).exif == 1
    assert decode(with_exif(9, "JPEG")).exif == 1


def test_depths_below_eight_bits_are_spread_as_the_format_defines() -> None:
    black_and_white = Image.fromarray(GREY8 > 127)
    pixels = decode(saved(black_and_white, "PNG"))
    assert np.array_equal(pixels.array, np.asarray(black_and_white.convert("L")))


def test_a_tiff_where_zero_is_white_keeps_its_samples_and_says_so() -> None:
    data = bytearray(file(GREY8, "TIFF"))
    order = "<" if data[:2] == b"II" else ">"
    entry = data.index(struct.pack(f"{order}HHI", 262, 3, 1))
    data[entry + 8 : entry + 10] = struct.pack(f"{order}H", 0)
    pixels = decode(bytes(data))
    assert pixels.photometric == MONOCHROME1
    assert np.array_equal(pixels.array, GREY8)


def test_several_pages_are_several_frames_and_a_preview_is_none() -> None:
    page = Image.fromarray(GREY8)
    assert code_of(saved(page, "TIFF", save_all=True, append_images=[page])) is FindingCode.MULTIFRAME
    animated = saved(page, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY8)])
    assert code_of(animated) is FindingCode.MULTIFRAME


def test_transparency_and_four_inks_have_no_form_here() -> None:
    through = Image.fromarray(np.dstack([COLOUR, COLOUR[..., 0]]))
    assert code_of(saved(through, "PNG")) is FindingCode.NO_DECODER
    assert code_of(saved(Image.fromarray(COLOUR).convert("CMYK"), "JPEG")) is FindingCode.NO_DECODER
    for other in (through, *(Image.fromarray(COLOUR).convert(mode) for mode in ("CMYK", "LAB"))):
        assert code_of(saved(other, "TIFF")) is FindingCode.NO_DECODER


@pytest.mark.parametrize("process", [0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_a_jpeg_that_few_can_show_has_no_decoder(process: int) -> None:
    data = WHOLE["jpeg"].replace(b"\xff\xc0", bytes((0xFF, process)))
    assert code_of(data) is FindingCode.NO_DECODER


def test_twelve_bits_of_a_jpeg_stay_twelve() -> None:
    smooth = (np.add.outer(np.arange(24), np.arange(16)) * 90).astype("<u2")
    pixels = decode(imagecodecs.jpeg8_encode(smooth, 100, bitspersample=12))
    assert (pixels.bits_stored, pixels.lossy) == (12, True)
    assert np.abs(pixels.array.astype(int) - smooth).max() <= 4


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.mark.parametrize("box", [_box(b"pclr", bytes(12)), _box(b"colr", b"\1\0\0\0\0\0\x12")])
def test_jpeg_2000_with_a_palette_or_other_colours_has_no_decoder(box: bytes) -> None:
    data = WHOLE["jp2"]
    place = data.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">I", data, place)
    changed = data[:place] + struct.pack(">I", size + len(box)) + data[place + 4 : place + size] + box
    assert code_of(changed + data[place + size :]) is FindingCode.NO_DECODER


def test_jpeg_2000_in_countless_tiles_or_samples_is_refused_by_its_header() -> None:
    siz = WHOLE["jp2"].index(b"\xff\x4f\xff\x51")
    for place, patch in ((24, struct.pack(">II", 1, 1)), (40, struct.pack(">H", 1_000))):
        data = bytearray(WHOLE["jp2"])
        data[siz + 8 : siz + 16] = struct.pack(">II", 3_000, 3_000)
        data[siz + place : siz + place + len(patch)] = patch
        assert code_of(bytes(data)) is FindingCode.TOO_LARGE


WHOLE = {
    "jpeg": file(COLOUR, "JPEG"),
    "progressive": file(COLOUR, "JPEG", progressive=True),
    "png": file(GREY16, "PNG"),
    "tiff": file(GREY16, "TIFF"),
    "bmp": file(COLOUR, "BMP"),
    "jp2": imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
def test_a_file_cut_off_is_truncated(name: str, kept: float) -> None:
    assert code_of(WHOLE[name][: int(len(WHOLE[name]) * kept)]) is FindingCode.TRUNCATED


@pytest.mark.parametrize("level", [0, 6])
def test_one_flipped_bit_among_the_pixels_of_a_png_is_noticed(level: int) -> None:
    data = bytearray(imagecodecs.png_encode(GREY16, level=level))
    for place in range(data.index(b"IDAT") + 4, len(data) - 12):
        data[place] ^= 1
        assert code_of(bytes(data)) is FindingCode.UNREADABLE_FILE
        data[place] ^= 1


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(("width", "height"), [(40_000, 1), (1, 40_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_by_their_header(width: int, height: int) -> None:
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    bmp = bytearray(WHOLE["bmp"])
    bmp[18:26] = struct.pack("<ii", width, height)
    jp2 = bytearray(WHOLE["jp2"])
    siz = jp2.index(b"\xff\x4f\xff\x51")
    jp2[siz + 8 : siz + 16] = struct.pack(">II", width, height)
    for data in (png, bytes(bmp), bytes(jp2)):
        assert code_of(data) is FindingCode.TOO_LARGE


def test_a_jpeg_that_claims_too_many_pixels_is_refused_by_its_header() -> None:
    data = bytearray(WHOLE["jpeg"])
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    assert code_of(bytes(data)) is FindingCode.TOO_LARGE


def test_a_tiff_that_claims_too_many_pixels_is_refused_by_its_header() -> None:
    data = bytearray(file(GREY8, "TIFF"))
    for tag in (256, 257):
        entry = next(place for kind in (3, 4) if (place := data.find(struct.pack("<HHI", tag, kind, 1))) >= 0)
        data[entry : entry + 12] = struct.pack("<HHII", tag, 4, 1, 30_000)
    assert code_of(bytes(data)) is FindingCode.TOO_LARGE


@pytest.mark.parametrize("data", [b"\0", b"hello, I am no picture", b"GIF90x" + bytes(40), b"%PDF-1.7\n", bytes(4096)])
def test_what_is_no_picture_is_unreadable(data: bytes) -> None:
    assert code_of(data) is FindingCode.UNREADABLE_FILE
