"""Photos of every format and form: the converter and the reconciler see the same, or neither sees a picture."""

from __future__ import annotations

import io
import struct
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.reconcile.picture import Picture, SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.imaging import bmps, pngs, tiffs
from tests.engine.reconcile.two_stacks import disagreement

CHANCE = np.random.default_rng(44)
SIZE = (30, 27)


def samples(bits: int, channels: int = 1, *, signed: bool = False) -> NDArray[Any]:
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    shape = SIZE if channels == 1 else (*SIZE, channels)
    return CHANCE.integers(low, high, shape).astype(f"{'i' if signed else 'u'}{max(bits, 8) // 8}")


def opaque(array: NDArray[Any]) -> NDArray[Any]:
    return np.dstack([array, np.full(SIZE, np.iinfo(array.dtype).max, array.dtype)])


GREY, DEEP, COLOUR, DEEP_COLOUR = samples(8), samples(16), samples(8, 3), samples(16, 3)
FORMS = {
    **{"grey": GREY, "deep": DEEP, "colour": COLOUR, "deep colour": DEEP_COLOUR},
    **{"signed": samples(8, signed=True), "deep signed": samples(16, signed=True)},
    **{"alpha": opaque(COLOUR), "deep alpha": opaque(DEEP_COLOUR), "grey alpha": opaque(GREY)},
    "transparent": samples(8, 4),
}
LAYOUTS = [
    tiffs.Layout(order, big, compression, compression == tiffs.LZW, planar, 7, tile)
    for order, big, compression, planar, tile in product(
        "<>", (False, True), tiffs.COMPRESSORS, (False, True), (None, (16, 32))
    )
]


@pytest.mark.parametrize("form", FORMS)
def test_both_see_the_same_in_every_layout_of_tiff(form: str) -> None:
    for layout in LAYOUTS:
        data = tiffs.tiff(FORMS[form], layout)
        assert (layout, disagreement(data)) == (layout, None)
        if form != "transparent":
            assert np.array_equal(look_at(data).samples, FORMS[form] if "alpha" not in form else _without(FORMS[form]))


def _without(array: NDArray[Any]) -> NDArray[Any]:
    return array[..., 0] if array.shape[2] == 2 else array[..., :3]


@pytest.mark.parametrize("form", ["grey", "deep", "signed", "deep signed"])
def test_both_see_a_negative_in_tiff(form: str) -> None:
    data = tiffs.tiff(FORMS[form], photometric=0)
    assert disagreement(data) is None
    assert look_at(data).low_is_white


@pytest.mark.parametrize("compression", tiffs.COMPRESSORS)
def test_both_say_the_same_of_every_cut_of_a_tiff(compression: int) -> None:
    for layout in (tiffs.Layout(compression=compression), tiffs.Layout(compression=compression, big=True)):
        whole = tiffs.tiff(DEEP_COLOUR, layout)
        for end in (*range(5, 40), *range(40, len(whole), 211), *range(len(whole) - 200, len(whole), 7)):
            assert (end, disagreement(whole[:end])) == (end, None)


@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_neither_takes_damaged_deflated_data_for_a_picture(tile: tuple[int, int] | None) -> None:
    layout = tiffs.Layout(compression=tiffs.DEFLATE, tile=tile, rows=40)
    whole = tiffs.tiff(np.zeros(SIZE, np.uint8), layout)
    checksum = whole.index(tiffs.COMPRESSORS[tiffs.DEFLATE](bytes(512 if tile else SIZE[0] * SIZE[1]))[-4:])
    data = whole[:checksum] + bytes((whole[checksum] ^ 1,)) + whole[checksum + 1 :]
    with pytest.raises(SourceWanting):
        look_at(data)
    assert disagreement(data) is None


def _saved(picture: Pillow.Image, form: str, **how: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **how)
    return target.getvalue()


def _tiffs() -> dict[str, bytes]:
    colour, grey = Pillow.fromarray(COLOUR), Pillow.fromarray(GREY)
    kinds = {kind: colour.convert(kind) for kind in ("P", "CMYK", "LAB", "YCbCr", "F", "I", "RGBA", "RGBX", "LA")}
    fax = {way: (grey.convert("1"), {"compression": way}) for way in ("group3", "group4", "tiff_ccitt")}
    packed = {way: (grey, {"compression": way}) for way in ("jpeg", "lzma", "zstd")}
    return {
        **{kind: _saved(picture, "TIFF") for kind, picture in kinds.items()},
        **{way: _saved(picture, "TIFF", **how) for way, (picture, how) in (fax | packed).items()},
        "fax negative": _saved(grey.convert("1"), "TIFF", compression="group4", tiffinfo={262: 1}),
        "colour JPEG": _saved(colour, "TIFF", compression="jpeg"),
        "bits turned round": tiffs.tiff(GREY, tiffs.Layout(compression=tiffs.DEFLATE), t266=2),
        "floating predictor": tiffs.tiff(DEEP, tiffs.Layout(compression=tiffs.DEFLATE), t317=3),
        "no page": tiffs.tiff(GREY, t254=1),
        "four bits": tiffs.tiff(GREY, tiffs.Layout(rows=40), t256=SIZE[1] * 2, t258=4),
        "strips wanting": tiffs.tiff(GREY, tiffs.Layout(rows=7), t257=60),
    }


TIFFS = _tiffs()


@pytest.mark.parametrize("name", TIFFS)
def test_both_say_the_same_of_odd_tiffs(name: str) -> None:
    assert disagreement(TIFFS[name]) is None


def _keys(bits: int, channels: int, array: NDArray[Any]) -> list[bytes]:
    met = array.reshape(-1, channels)[0]
    return [struct.pack(f">{channels}H", *key) for key in (met, met ^ 1, met + (1 << bits) % 65_536)]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", [pngs.GREY, pngs.COLOUR, pngs.GREY_ALPHA, pngs.COLOUR_ALPHA])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_both_see_the_same_in_every_png(bits: int, kind: int, interlaced: bool) -> None:
    if kind != pngs.GREY and bits < 8:
        return
    channels = pngs.CHANNELS[kind]
    for size in ((30, 27), (1, 1), (2, 3)):
        array = CHANCE.integers(0, 1 << bits, (*size, channels))
        assert disagreement(pngs.png(array, bits, kind, interlaced=interlaced)) is None
        if channels in (2, 4):
            array[..., -1] = (1 << bits) - 1
        data = pngs.png(array, bits, kind, pngs.profile(), interlaced=interlaced)
        assert disagreement(data) is None
        assert isinstance(look_at(data), Picture)
        for key in _keys(bits, channels, array) if channels in (1, 3) else ():
            marked = pngs.png(array, bits, kind, pngs.chunk(b"tRNS", key), interlaced=interlaced)
            assert disagreement(marked) is None


@pytest.mark.parametrize("marks", [b"\0", b"\xff\0", b"\xff" * 16, b"\xff" * 15 + b"\xfe"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_both_see_the_same_in_a_palette_with_transparent_entries(bits: int, marks: bytes) -> None:
    array = CHANCE.integers(0, min(1 << bits, 16), SIZE)
    colours = pngs.chunk(b"PLTE", CHANCE.integers(0, 256, 3 << bits, np.uint8).tobytes())
    for shown in (array, np.full(SIZE, 1), np.zeros(SIZE, int)):
        data = pngs.png(shown, bits, pngs.PALETTE, colours, pngs.chunk(b"tRNS", marks[: 1 << bits]))
        assert disagreement(data) is None


def _bmps() -> dict[str, bytes]:
    wide, size = CHANCE.integers(0, 1 << 32, SIZE, np.uint32), (SIZE[1], SIZE[0])
    colours, few = CHANCE.integers(0, 256, (256, 3), np.uint8), samples(8) & 15
    masks, alpha = (0xFF0000, 0xFF00, 0xFF), (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return {
        "16 bits": bmps.bmp(bmps.lines(wide, 16), size, 16),
        "565": bmps.bmp(bmps.lines(wide, 16), size, 16, kind=bmps.MASKS, header=56, masks=(0xF800, 0x7E0, 0x1F)),
        "32 bits": bmps.bmp(bmps.lines(wide & 0xFFFFFF, 32), size, 32),
        "32 bits, fourth byte in use": bmps.bmp(bmps.lines(wide, 32), size, 32),
        "masks": bmps.bmp(bmps.lines(wide, 32), size, 32, kind=bmps.MASKS, header=52, masks=masks),
        "alpha": bmps.bmp(bmps.lines(wide, 32), size, 32, kind=bmps.MASKS, header=124, masks=alpha),
        "opaque": bmps.bmp(bmps.lines(wide | 0xFF000000, 32), size, 32, kind=bmps.MASKS, header=124, masks=alpha),
        "from the top": bmps.bmp(bmps.lines(COLOUR, 24), size, 24, top_down=True),
        "OS/2": bmps.bmp(bmps.lines(few, 4), size, 4, header=12, palette=colours[:16]),
        "greys": bmps.bmp(bmps.lines(GREY, 8), size, 8, palette=np.repeat(colours[:, :1], 3, axis=1)),
        "runs of 8": bmps.bmp(bmps.runs(GREY, 8), size, 8, kind=bmps.RLE8, palette=colours),
        "runs of 4": bmps.bmp(bmps.runs(few, 4), size, 4, kind=bmps.RLE4, palette=colours[:16]),
    }


BMPS = _bmps()


@pytest.mark.parametrize("name", BMPS)
def test_both_see_the_same_in_every_bmp(name: str) -> None:
    assert disagreement(BMPS[name]) is None


DEEP_12 = samples(16) & 0xFFF
JPEGS = {
    "12 bits": imagecodecs.jpeg8_encode(DEEP_12, 95, bitspersample=12),
    "without loss": imagecodecs.jpeg8_encode(DEEP_12, lossless=True, bitspersample=12),
    "colour without loss": imagecodecs.jpeg8_encode(COLOUR, lossless=True, colorspace="RGB", outcolorspace="RGB"),
    "four inks": _saved(Pillow.fromarray(COLOUR).convert("CMYK"), "JPEG"),
    "arithmetic": imagecodecs.jpeg8_encode(COLOUR, 90).replace(b"\xff\xc0", b"\xff\xc9"),
    "JPEG 2000, high throughput": imagecodecs.htj2k_encode(DEEP, reversible=True),
    "JPEG 2000, high throughput, deep colour": imagecodecs.htj2k_encode(DEEP_COLOUR, reversible=True),
    "JPEG 2000, signed": imagecodecs.jpeg2k_encode(samples(16, signed=True), level=0, reversible=True),
    "JPEG 2000, YCC": imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True, colorspace="SYCC"),
    "JPEG 2000, alpha": imagecodecs.jpeg2k_encode(opaque(COLOUR), level=0, reversible=True),
    "JPEG 2000, lossy": imagecodecs.jpeg2k_encode(GREY, level=50),
}
NO_HOME = {"colour without loss", "four inks", "arithmetic", "JPEG 2000, YCC", "JPEG 2000, alpha"}


@pytest.mark.parametrize("name", JPEGS)
def test_both_see_the_same_in_every_kind_of_jpeg(name: str) -> None:
    assert disagreement(JPEGS[name]) is None
    try:
        look_at(JPEGS[name])
    except SourceWanting as wanting:
        assert name in NO_HOME
        assert wanting.code in (FindingCode.NO_DECODER, FindingCode.UNREADABLE_FILE)
    else:
        assert name not in NO_HOME


@pytest.mark.parametrize("orientation", [0, 1, 3, 6, 8, 9])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_both_read_the_orientation_a_photo_states_for_itself(form: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[274] = orientation
    data = _saved(Pillow.fromarray(COLOUR), form, exif=exif)
    assert disagreement(data) is None
    assert look_at(data).exif == (orientation if 1 <= orientation <= 8 else 1)
    assert look_at(data).samples.shape == COLOUR.shape
    place = data.index(b"MM\0*") if b"MM\0*" in data else data.index(b"II*\0")
    if form == "JPEG":
        for damage in (b"XX", data[place : place + 4] + b"\xff\xff"):
            assert disagreement(data[:place] + damage + data[place + len(damage) :]) is None
