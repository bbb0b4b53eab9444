"""BMP in every common form: the very pixels, and the same as Pillow sees."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.imaging.decode import decode
from engine.imaging.pixels import MONOCHROME2, RGB
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode
from tests.engine.imaging.bmps import ALPHA_MASKS, MASKS, RLE4, RLE8, bmp, lines, runs

CHANCE = np.random.default_rng(12)
WIDTH, HEIGHT = SIZE = (13, 6)
COLOUR = CHANCE.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
HEADERS = (40, 52, 56, 108, 124)


def palette(depth: int) -> NDArray[Any]:
    return CHANCE.integers(0, 256, (1 << depth, 3)).astype(np.uint8)


def indices(depth: int) -> NDArray[Any]:
    return CHANCE.integers(0, 1 << depth, (HEIGHT, WIDTH)).astype(np.uint8)


def code_of(data: bytes) -> FindingCode:
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


def require(data: bytes, expected: NDArray[Any]) -> None:
    """The picture is `expected`, here and for Pillow."""
    pixels = decode(data)
    assert np.array_equal(pixels.array, expected)
    assert (pixels.encoding, pixels.lossy, pixels.bits_stored) == ("bmp", False, 8)
    assert pixels.photometric == (RGB if expected.ndim == 3 else MONOCHROME2)
    seen = Image.open(io.BytesIO(data)).convert("RGB" if expected.ndim == 3 else "L")
    assert np.array_equal(np.asarray(seen), expected)


@pytest.mark.parametrize("header", [12, 64, *HEADERS])
def test_24_bits_are_read_under_every_header(header: int) -> None:
    require(bmp(lines(COLOUR, 24), SIZE, 24, header=header), COLOUR[::-1])


@pytest.mark.parametrize("header", [12, *HEADERS])
@pytest.mark.parametrize("depth", [1, 4, 8])
def test_a_palette_gives_its_colours(depth: int, header: int) -> None:
    colours, found = palette(depth), indices(depth)
    require(bmp(lines(found, depth), SIZE, depth, header=header, palette=colours), colours[found][::-1])


def test_a_palette_of_greys_gives_grey() -> None:
    greys, found = np.repeat(palette(8)[:, :1], 3, axis=1), indices(8)
    require(bmp(lines(found, 8), SIZE, 8, palette=greys), greys[found][::-1, :, 0])


def test_rows_from_the_top_are_read_from_the_top() -> None:
    require(bmp(lines(COLOUR, 24), SIZE, 24, top_down=True), COLOUR)


@pytest.mark.parametrize(("depth", "kind"), [(8, RLE8), (4, RLE4)])
def test_run_lengths_give_every_pixel(depth: int, kind: int) -> None:
    colours, found = palette(depth), indices(depth)
    data = bmp(runs(found, depth), SIZE, depth, kind=kind, palette=colours)
    require(data, colours[found][::-1])
    start = int.from_bytes(data[10:14], "little")
    for end in range(start, len(data) - 1):
        assert code_of(data[:end]) in (FindingCode.TRUNCATED, FindingCode.UNREADABLE_FILE)


def test_run_lengths_may_step_over_pixels_and_never_out_of_the_picture() -> None:
    greys = np.repeat(np.arange(256)[:, None], 3, axis=1)
    seen = decode(bmp(b"\0\2\3\1\2\7\0\1", SIZE, 8, kind=RLE8, palette=greys)).array
    assert seen[HEIGHT - 2].tolist() == [0, 0, 0, 7, 7, *[0] * 8]
    for outside in (b"\x0e\7", b"\0\2\x0d\0\1\7", b"\0\2\0\6\1\7", b"\0\2\xff\xff\1\7"):
        assert code_of(bmp(outside + b"\0\1", SIZE, 8, kind=RLE8, palette=greys)) is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize(
    ("depth", "kind", "masks"),
    [
        (16, 0, ()),
        (16, MASKS, (0xF800, 0x07E0, 0x001F)),
        (16, MASKS, (0x7C00, 0x03E0, 0x001F)),
        (32, 0, ()),
        (32, MASKS, (0xFF0000, 0x00FF00, 0x0000FF)),
    ],
)
@pytest.mark.parametrize("header", HEADERS)
def test_fields_of_a_pixel_are_spread_over_eight_bits(
    header: int, depth: int, kind: int, masks: tuple[int, ...]
) -> None:
    used = 0xFFFFFF if depth == 32 else 0xFFFF
    words = CHANCE.integers(0, used + 1, (HEIGHT, WIDTH)).astype(np.uint32)
    fields = masks or ((0x7C00, 0x03E0, 0x001F) if depth == 16 else (0xFF0000, 0xFF00, 0xFF))
    shifts = [(mask & -mask).bit_length() - 1 for mask in fields]
    channels = [(words & mask) >> shift for mask, shift in zip(fields, shifts, strict=True)]
    tops = [mask >> shift for mask, shift in zip(fields, shifts, strict=True)]
    expected = np.stack([c.astype(int) * 255 // t for c, t in zip(channels, tops, strict=True)], axis=2)
    size = header if kind == 0 or header != 40 else 52
    require(bmp(lines(words, depth), SIZE, depth, header=size, kind=kind, masks=masks), expected.astype(np.uint8)[::-1])


ALPHA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def test_an_opaque_picture_loses_nothing_and_a_transparent_one_is_refused() -> None:
    words = COLOUR[..., 0].astype(np.uint32) << 16 | COLOUR[..., 1].astype(np.uint32) << 8 | COLOUR[..., 2]
    for kind in (MASKS, ALPHA_MASKS):
        opaque = bmp(lines(words | 0xFF000000, 32), SIZE, 32, header=124, kind=kind, masks=ALPHA)
        assert np.array_equal(decode(opaque).array, COLOUR[::-1])
        through = bmp(lines(words | 0x80000000, 32), SIZE, 32, header=124, kind=kind, masks=ALPHA)
        assert code_of(through) is FindingCode.NO_DECODER
    words[2, 2] |= 0x40000000
    assert code_of(bmp(lines(words, 32), SIZE, 32)) is FindingCode.NO_DECODER


def test_what_is_cut_or_contradicts_itself_has_its_code() -> None:
    whole = bmp(lines(COLOUR, 24), SIZE, 24)
    for end in (20, 50, len(whole) - 2):  # the last byte pads a row
        assert code_of(whole[:end]) is FindingCode.TRUNCATED
    few = bmp(lines(indices(8) | 128, 8), SIZE, 8, palette=palette(4))
    assert code_of(few) is FindingCode.UNREADABLE_FILE
    assert code_of(bmp(lines(COLOUR, 24), SIZE, 24, kind=4)) is FindingCode.NO_DECODER
    assert code_of(bmp(lines(COLOUR, 24), SIZE, 24, header=44)) is FindingCode.NO_DECODER
