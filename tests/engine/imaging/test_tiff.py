"""TIFF in every layout: strips and tiles, planes, byte orders, both sizes of offsets, every packing and predictor."""

from __future__ import annotations

import io
import struct
import tracemalloc
from contextlib import suppress
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.imaging.decode import decode
from engine.imaging.pixels import MONOCHROME1
from engine.imaging.problem import ImageProblem
from engine.reconcile.picture import SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.imaging.tiffs import COMPRESSORS, DEFLATE, LZW, Layout, tiff
from tests.engine.reconcile.two_stacks import disagreement

CHANCE = np.random.default_rng(33)
SIZE = (40, 37)
PICTURES: dict[str, NDArray[Any]] = {
    "grey": CHANCE.integers(0, 256, SIZE).astype(np.uint8),
    "deep grey": CHANCE.integers(0, 1 << 16, SIZE).astype("<u2"),
    "signed": CHANCE.integers(-128, 128, SIZE).astype(np.int8),
    "deep signed": CHANCE.integers(-(1 << 15), 1 << 15, SIZE).astype("<i2"),
    "colour": CHANCE.integers(0, 256, (*SIZE, 3)).astype(np.uint8),
    "deep colour": CHANCE.integers(0, 1 << 16, (*SIZE, 3)).astype("<u2"),
}
LAYOUTS = [
    Layout(order, big, compression, predictor, planar, 7, tile)
    for order, big, compression, predictor, planar, tile in product(
        "<>", (False, True), COMPRESSORS, (False, True), (False, True), (None, (16, 32))
    )
    if not predictor or compression in (LZW, DEFLATE)
]
GREY = PICTURES["grey"]


def code_of(data: bytes) -> FindingCode:
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


@pytest.mark.parametrize("name", PICTURES)
def test_every_layout_gives_the_very_samples(name: str) -> None:
    array = PICTURES[name]
    for layout in LAYOUTS:
        pixels = decode(tiff(array, layout))
        assert np.array_equal(pixels.array, array), layout
        assert (pixels.array.dtype, pixels.signed) == (array.dtype, array.dtype.kind == "i")
        assert (pixels.bits_stored, pixels.lossy, pixels.encoding) == (8 * array.dtype.itemsize, False, "tiff")


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_every_cut_is_truncated(compression: int) -> None:
    data = tiff(PICTURES["deep colour"], Layout(compression=compression))
    for end in range(8, len(data), 997):
        assert code_of(data[:end]) is FindingCode.TRUNCATED


@pytest.mark.parametrize("name", ["grey", "deep grey", "signed", "deep signed"])
def test_where_zero_is_white_the_samples_stay_and_it_is_said(name: str) -> None:
    pixels = decode(tiff(PICTURES[name], photometric=0))
    assert pixels.photometric == MONOCHROME1
    assert np.array_equal(pixels.array, PICTURES[name])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_depths_below_eight_bits_are_spread(bits: int) -> None:
    made = CHANCE.integers(0, 1 << bits, SIZE).astype(np.uint8)
    spread = np.unpackbits(made[..., None], axis=2)[..., 8 - bits :].reshape(SIZE[0], -1)
    packed = np.packbits(spread, axis=1)
    data = tiff(packed, Layout(rows=40), t256=SIZE[1], t258=bits)
    assert np.array_equal(decode(data).array, made * (255 // ((1 << bits) - 1)))


def palette(bits: int, most: int) -> NDArray[Any]:
    """(2 ** bits, 3) colours of `most` values."""
    return CHANCE.integers(0, most, (1 << bits, 3)).astype(np.uint16 if most > 256 else np.uint8)


def map_of(colours: NDArray[Any]) -> list[int]:
    """Reds, greens, blues, as a TIFF writes them."""
    spread = colours.astype(int) * (257 if colours.dtype == np.uint8 else 1)
    return [int(number) for number in spread.T.reshape(-1)]


@pytest.mark.parametrize("most", [256, 1 << 16])
@pytest.mark.parametrize("name", ["grey", "deep grey"])
def test_a_palette_gives_the_very_colours_in_every_layout_to_both_stacks(name: str, most: int) -> None:
    indices = PICTURES[name]
    colours = palette(8 * indices.dtype.itemsize, most)
    for layout in LAYOUTS if name == "grey" else LAYOUTS[::9]:
        data = tiff(indices, layout, 3, t320=map_of(colours))
        pixels = decode(data)
        assert np.array_equal(pixels.array, colours[indices]) and pixels.array.dtype == colours.dtype, layout
        assert np.array_equal(look_at(data).samples, colours[indices])
        assert disagreement(data) is None


@pytest.mark.parametrize("most", [256, 1 << 16])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_palette_of_few_colours_is_looked_up_by_its_own_indices(bits: int, most: int) -> None:
    indices = CHANCE.integers(0, 1 << bits, SIZE).astype(np.uint8)
    packed = np.packbits(np.unpackbits(indices[..., None], axis=2)[..., 8 - bits :].reshape(SIZE[0], -1), axis=1)
    colours = palette(bits, most)
    data = tiff(packed, Layout(rows=40), 3, t256=SIZE[1], t258=bits, t320=map_of(colours))
    assert np.array_equal(decode(data).array, colours[indices])
    assert disagreement(data) is None


def test_pillow_sees_the_same_palette() -> None:
    target = io.BytesIO()
    Image.fromarray(PICTURES["colour"]).convert("P").save(target, "TIFF")
    with Image.open(target) as seen:
        shown = np.asarray(seen.convert("RGB"))
    assert np.array_equal(decode(target.getvalue()).array, shown.astype(np.uint16) << 8)  # as Pillow writes its maps


@pytest.mark.parametrize("numbers", [[], [300] * 767, [300] * 769])
def test_a_palette_that_names_too_few_colours_or_too_many_is_unreadable(numbers: list[int]) -> None:
    data = tiff(GREY, Layout(), 3, t320=numbers or 300)
    assert code_of(data) is FindingCode.UNREADABLE_FILE
    with pytest.raises(SourceWanting) as wanting:
        look_at(data)
    assert wanting.value.code is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("name", ["grey", "deep grey", "colour", "deep colour"])
def test_an_opaque_channel_is_dropped_and_a_transparent_pixel_refused(name: str, planar: bool) -> None:
    picture = PICTURES[name]
    most = np.iinfo(picture.dtype).max
    opaque = np.dstack([picture, np.full(SIZE, most, picture.dtype)])
    assert np.array_equal(decode(tiff(opaque, Layout(planar=planar))).array, picture)
    opaque[3, 4, -1] -= 1
    assert code_of(tiff(opaque, Layout(planar=planar))) is FindingCode.NO_DECODER


@pytest.mark.parametrize(
    ("picture", "tags"),
    [
        (GREY.astype(np.float32), {}),
        (GREY.astype(np.uint32), {}),
        (GREY, {"t262": 3, "t320": [7] * 768}),
        (np.dstack([GREY, GREY]), {"t262": 3, "t320": [7_000] * 768}),
        (GREY.view(np.int8), {"t262": 3, "t320": [7_000] * 768}),
        (PICTURES["colour"], {"t262": 5}),
        (PICTURES["colour"], {"t262": 6}),
        (GREY, {"t259": 34925}),
        (GREY, {"t259": 6}),
        (GREY, {"t258": 12}),
    ],
    ids=[
        "floating",
        "32 bits",
        "palette of what depth",
        "palette and alpha",
        "signed palette",
        "inks",
        "YCbCr",
        "LZMA",
        "old JPEG",
        "12 bits",
    ],
)
def test_what_no_target_holds_has_no_decoder(picture: NDArray[Any], tags: dict[str, Any]) -> None:
    data = tiff(picture, Layout(rows=64), **tags)
    assert code_of(data) is FindingCode.NO_DECODER
    with pytest.raises(SourceWanting):
        look_at(data)


@pytest.mark.parametrize("tags", [{"t256": 40_000}, {"t277": 5}, {"t322": 65_520, "t323": 16}])
def test_bombs_are_refused_by_their_tags(tags: dict[str, int]) -> None:
    layout = Layout(tile=(16, 16)) if "t322" in tags else Layout(rows=64)
    assert code_of(tiff(GREY, layout, **tags)) is FindingCode.TOO_LARGE


def test_pages_are_frames_and_previews_and_masks_are_none() -> None:
    page = Image.fromarray(GREY)
    for kind, code in ((0, FindingCode.MULTIFRAME), (1, None), (4, None)):
        target = io.BytesIO()
        other = Image.fromarray(GREY[:8, :8])
        other.encoderinfo = {"tiffinfo": {254: kind}}
        page.save(target, "TIFF", save_all=True, append_images=[other])
        if code:
            assert code_of(target.getvalue()) is code
        else:
            assert np.array_equal(decode(target.getvalue()).array, GREY)
    assert code_of(tiff(GREY, t254=1)) is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize("compression", [LZW, DEFLATE])
def test_damaged_data_is_unreadable_and_never_a_picture(compression: int) -> None:
    data = bytearray(tiff(GREY, Layout(compression=compression, rows=64)))
    data[9:300] = bytes(291)
    assert code_of(bytes(data)) is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_one_changed_byte_of_deflated_data_is_noticed_by_its_checksum(tile: tuple[int, int] | None) -> None:
    whole = tiff(GREY, Layout(compression=DEFLATE, tile=tile))
    for place in range(8, GREY.size, 23):
        data = bytearray(whole)
        data[place] ^= 0x10
        with suppress(ImageProblem):
            assert np.array_equal(decode(bytes(data)).array, GREY)


def test_libtiff_sees_the_same_in_every_layout() -> None:
    for name, layout in product(("grey", "deep grey", "colour", "deep colour"), LAYOUTS):
        data = tiff(PICTURES[name], layout)
        seen = imagecodecs.tiff_decode(data)
        seen = np.moveaxis(seen, 0, -1) if layout.planar and seen.shape[0] == 3 else seen
        assert np.array_equal(decode(data).array, seen), layout


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["jpeg", "group4", "tiff_lzw", None])
def test_an_orientation_is_noted_and_never_applied(compression: str | None, orientation: int) -> None:
    target = io.BytesIO()
    picture = Image.fromarray(GREY > 127 if compression == "group4" else PICTURES["colour"])
    picture.save(target, "TIFF", compression=compression, tiffinfo={274: orientation})
    pixels = decode(target.getvalue())
    assert (pixels.exif, pixels.array.shape[:2]) == (orientation, SIZE)
    upright = target.getvalue().replace(b"\x12\1\3\0\1\0\0\0" + bytes((orientation,)), b"\x12\1\3\0\1\0\0\0\1")
    assert np.array_equal(pixels.array, decode(upright).array)
    assert disagreement(target.getvalue()) is None


def test_more_numbers_than_a_picture_has_are_never_spread_out() -> None:
    """Each would be an object of 32 bytes: a private tag of a large file would fill the memory."""
    whole, count = tiff(GREY, Layout()), 64 << 20
    (start,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, start)
    private = struct.pack("<HHII", 60_000, 1, count, len(whole) + 12)
    end = start + 2 + 12 * entries
    data = (
        whole[:start] + struct.pack("<H", entries + 1) + whole[start + 2 : end] + private + whole[end:] + bytes(count)
    )
    tracemalloc.start()
    pixels, seen = decode(data), look_at(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(pixels.array, GREY) and np.array_equal(seen.samples, GREY)
    assert most < count // 8
