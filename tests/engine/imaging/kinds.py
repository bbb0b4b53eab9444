"""Every kind of picture file beside DICOM, and what becomes of it: the table of docs/images.md, and of the tests.

Written by hand-made bytes, Pillow and imagecodecs; `python -m tests.engine.imaging.kinds` writes the page.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protocol.vocabulary import FindingCode
from tests.engine.imaging import bmps, pngs, tiffs
from tests.protocol.reference import table

REFERENCE = Path(__file__).parents[3] / "docs" / "images.md"
_CHANCE = np.random.default_rng(31)
SIZE = (30, 27)


def samples(bits: int, channels: int = 1) -> NDArray[Any]:
    shape = SIZE if channels == 1 else (*SIZE, channels)
    return _CHANCE.integers(0, 1 << bits, shape).astype(f"u{max(bits, 8) // 8}")


GREY, COLOUR, DEEP, DEEP_COLOUR, TWELVE = samples(8), samples(8, 3), samples(16), samples(16, 3), samples(16) & 0xFFF
SMOOTH = (np.add.outer(np.arange(30), np.arange(27)) * 60).astype("<u2")
_FULL, _PALETTE = np.full(SIZE, 255, np.uint8), _CHANCE.integers(0, 256, (256, 3), np.uint8)
_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_WIDE = (COLOUR.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)).astype(np.uint32)
_HALF = (0x80 << 24) | _WIDE


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind: its bytes, and the very samples it gives, or the finding it is; "lossy" gives no exact samples."""

    format: str
    what: str
    data: bytes
    outcome: NDArray[Any] | FindingCode | str


def _saved(array: NDArray[Any], form: str, mode: str | None = None, **how: Any) -> bytes:
    image, target = Image.fromarray(array), io.BytesIO()
    (image.convert(mode) if mode else image).save(target, form, **how)
    return target.getvalue()


def _jpegs() -> Iterator[Kind]:
    no, jpeg = FindingCode.NO_DECODER, _saved(COLOUR, "JPEG")
    for what, how in (
        ("baseline", {}),
        ("progressive", {"progressive": True}),
        ("restart markers", {"restart_marker_rows": 1}),
        ("with a colour profile", {"icc_profile": bytes(300)}),
    ):
        yield Kind("JPEG", what, _saved(COLOUR, "JPEG", **how), "lossy")
    yield Kind("JPEG", "grey", _saved(GREY, "JPEG"), "lossy")
    yield Kind("JPEG", "12 bits, grey", imagecodecs.jpeg8_encode(SMOOTH, 95, bitspersample=12), "lossy")
    yield Kind(
        "JPEG", "lossless (SOF3), grey", imagecodecs.jpeg8_encode(TWELVE, lossless=True, bitspersample=12), TWELVE
    )
    yield Kind("JPEG", "lossless (SOF3), colour", imagecodecs.jpeg8_encode(COLOUR, lossless=True), no)
    yield Kind("JPEG", "four inks (CMYK)", _saved(COLOUR, "JPEG", "CMYK"), no)
    inks = {"colorspace": "CMYK", "outcolorspace": "YCCK"}
    yield Kind("JPEG", "four inks (YCCK)", imagecodecs.jpeg8_encode(samples(8, 4), 95, **inks), no)
    yield Kind("JPEG", "arithmetic coding", jpeg.replace(b"\xff\xc0", b"\xff\xc9"), no)
    yield Kind("JPEG", "hierarchical", jpeg.replace(b"\xff\xc0", b"\xff\xc5"), no)
    yield Kind("JPEG-LS", "outside DICOM", imagecodecs.jpegls_encode(TWELVE), no)


def _jpeg_2000s() -> Iterator[Kind]:
    no, exact = FindingCode.NO_DECODER, {"level": 0, "reversible": True}
    yield Kind("JPEG 2000", "JP2, colour", imagecodecs.jpeg2k_encode(COLOUR, **exact), COLOUR)
    yield Kind("JPEG 2000", "codestream, 12 bits", imagecodecs.jpeg2k_encode(TWELVE, **exact, bitspersample=12), TWELVE)
    yield Kind("JPEG 2000", "deep colour", imagecodecs.jpeg2k_encode(DEEP_COLOUR, **exact), DEEP_COLOUR)
    yield Kind("JPEG 2000", "high throughput", imagecodecs.htj2k_encode(DEEP, reversible=True), DEEP)
    yield Kind("JPEG 2000", "irreversible", imagecodecs.jpeg2k_encode(GREY, level=50), "lossy")
    yield Kind("JPEG 2000", "with alpha", imagecodecs.jpeg2k_encode(np.dstack([COLOUR, _FULL]), **exact), no)
    whole = imagecodecs.jpeg2k_encode(GREY, **exact)
    header = whole.index(b"jp2h") - 4
    size = struct.unpack_from(">I", whole, header)[0]
    palette = struct.pack(">I4s", 14, b"pclr") + bytes((0, 1, 1, 7, 0, 0))
    grown = struct.pack(">I", size + 14) + whole[header + 4 : header + size] + palette
    yield Kind("JPEG 2000", "with a palette", whole[:header] + grown + whole[header + size :], no)
    yield Kind("JPEG 2000", "sYCC colours", imagecodecs.jpeg2k_encode(COLOUR, **exact, colorspace="SYCC"), no)


def _pngs() -> Iterator[Kind]:
    no = FindingCode.NO_DECODER
    for bits in (1, 2, 4, 8):
        few = samples(bits)
        yield Kind(
            "PNG", f"grey, {bits} bits", pngs.png(few, bits, pngs.GREY), few * np.uint8(255 // ((1 << bits) - 1))
        )
    yield Kind("PNG", "grey, 16 bits", pngs.png(DEEP, 16, pngs.GREY), DEEP)
    yield Kind("PNG", "colour, with a colour profile", pngs.png(COLOUR, 8, pngs.COLOUR, pngs.profile()), COLOUR)
    deep = pngs.png(DEEP_COLOUR, 16, pngs.COLOUR, interlaced=True)
    yield Kind("PNG", "colour, 16 bits, interlaced", deep, DEEP_COLOUR)
    colours = pngs.chunk(b"PLTE", _PALETTE.tobytes())
    yield Kind("PNG", "palette", pngs.png(GREY, 8, pngs.PALETTE, colours), _PALETTE[GREY])
    for channels, plain, kind, word in ((2, GREY, pngs.GREY_ALPHA, "grey"), (4, COLOUR, pngs.COLOUR_ALPHA, "colour")):
        whole = pngs.png(np.dstack([plain, _FULL]), 8, kind)
        yield Kind("PNG", f"{word} and alpha, wholly opaque", whole, plain)
        yield Kind("PNG", f"{word} and alpha, transparent", pngs.png(samples(8, channels), 8, kind), no)
    met = pngs.chunk(b"tRNS", struct.pack(">3H", *COLOUR[0, 0].tolist()))
    yield Kind("PNG", "a transparent colour (tRNS) that is met", pngs.png(COLOUR, 8, pngs.COLOUR, met), no)
    frames = _saved(GREY, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    yield Kind("PNG", "animated", frames, FindingCode.MULTIFRAME)


def _tiffs() -> Iterator[Kind]:
    no, layout = FindingCode.NO_DECODER, tiffs.Layout
    names = {tiffs.NONE: "not packed", tiffs.LZW: "LZW", tiffs.DEFLATE: "Deflate", tiffs.PACKBITS: "PackBits"}
    for packing, name in names.items():
        yield Kind("TIFF", f"{name}, strips", tiffs.tiff(COLOUR, layout(compression=packing)), COLOUR)
        big = layout(">", True, packing, tile=(16, 16))
        yield Kind("TIFF", f"{name}, tiles, big endian, BigTIFF", tiffs.tiff(DEEP, big), DEEP)
    yield Kind("TIFF", "predictor 2", tiffs.tiff(DEEP, layout(compression=tiffs.LZW, predictor=True)), DEEP)
    yield Kind("TIFF", "planes", tiffs.tiff(DEEP_COLOUR, layout(planar=True)), DEEP_COLOUR)
    yield Kind("TIFF", "signed", tiffs.tiff(DEEP.view("<i2")), DEEP.view("<i2"))
    yield Kind("TIFF", "low is white", tiffs.tiff(GREY, photometric=0), GREY)
    black = (GREY > 127).astype(np.uint8) * 255
    yield Kind("TIFF", "fax (group 4), 1 bit", _saved(black, "TIFF", "1", compression="group4"), black)
    yield Kind("TIFF", "JPEG", _saved(COLOUR, "TIFF", compression="jpeg"), "lossy")
    yield Kind("TIFF", "alpha, wholly opaque", tiffs.tiff(np.dstack([COLOUR, _FULL])), COLOUR)
    yield Kind("TIFF", "alpha, transparent", tiffs.tiff(samples(8, 4)), no)
    yield Kind("TIFF", "predictor 3", tiffs.tiff(DEEP, layout(compression=tiffs.DEFLATE), t317=3), no)
    yield Kind("TIFF", "floating point", tiffs.tiff(DEEP.astype("<f4")), no)
    few, named = _PALETTE.astype(np.uint16), _CHANCE.integers(0, 1 << 16, (256, 3)).astype(np.uint16)
    for colours, what, gives in (
        (few * 257, "palette, colours of 8 bits", _PALETTE[GREY]),
        (named, "palette, colours of 16 bits", named[GREY]),
        (few, "palette, colours of 8 bits where 16 are the rule", no),
    ):
        yield Kind("TIFF", what, tiffs.tiff(GREY, photometric=3, t320=colours.T.reshape(-1).tolist()), gives)
    for mode, what in (("CMYK", "four inks"), ("LAB", "CIE L*a*b*")):
        yield Kind("TIFF", what, _saved(COLOUR, "TIFF", mode), no)
    for packing in ("lzma", "zstd"):
        yield Kind("TIFF", packing, _saved(GREY, "TIFF", compression=packing), no)
    pages = _saved(GREY, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)])
    yield Kind("TIFF", "several pages", pages, FindingCode.MULTIFRAME)


def _bmps() -> Iterator[Kind]:
    no, make, size = FindingCode.NO_DECODER, bmps.bmp, (SIZE[1], SIZE[0])
    for bits in (1, 4, 8):
        few = samples(bits)
        rows = bmps.lines(few, bits)
        yield Kind("BMP", f"{bits} bits", make(rows, size, bits, palette=_PALETTE[: 1 << bits]), _PALETTE[few][::-1])
    fives = samples(4).astype(np.uint16) * 0x0421
    spread = np.repeat(((fives & 31) * 255 // 31).astype(np.uint8)[..., None], 3, axis=2)
    yield Kind("BMP", "16 bits", make(bmps.lines(fives, 16), size, 16), spread[::-1])
    yield Kind("BMP", "24 bits, top down", make(bmps.lines(COLOUR, 24), size, 24, top_down=True), COLOUR)
    yield Kind("BMP", "32 bits", make(bmps.lines(_WIDE, 32), size, 32), COLOUR[::-1])
    for bits, kind in ((8, bmps.RLE8), (4, bmps.RLE4)):
        few = samples(bits)
        runs = make(bmps.runs(few, bits), size, bits, kind=kind, palette=_PALETTE[: 1 << bits])
        yield Kind("BMP", f"run lengths of {bits} bits", runs, _PALETTE[few][::-1])
    for header, what in ((108, "version 4"), (124, "version 5")):
        how = {"header": header, "kind": bmps.MASKS, "masks": _MASKS}
        opaque = make(bmps.lines(_WIDE | 0xFF000000, 32), size, 32, **how)
        yield Kind("BMP", f"{what}, alpha mask, wholly opaque", opaque, COLOUR[::-1])
        yield Kind("BMP", f"{what}, alpha mask, transparent", make(bmps.lines(_HALF, 32), size, 32, **how), no)


def _others() -> Iterator[Kind]:
    no = FindingCode.NO_DECODER
    yield Kind("GIF", "any", _saved(COLOUR, "GIF", "P"), no)
    yield Kind("WebP", "any", _saved(COLOUR, "WEBP", lossless=True), no)
    yield Kind("HEIF, AVIF", "any", b"\0\0\0\x1cftypavif" + bytes(40), no)
    yield Kind("JPEG XL", "any", b"\xff\x0a" + bytes(40), no)
    yield Kind("Photoshop", "any", b"8BPS\0\1" + bytes(40), no)
    yield Kind("PDF, text, anything else", "any", b"%PDF-1.7\n" + bytes(40), FindingCode.UNREADABLE_FILE)


KINDS = {
    f"{kind.format}: {kind.what}": kind
    for kinds in (_jpegs, _jpeg_2000s, _pngs, _tiffs, _bmps, _others)
    for kind in kinds()
}

OPENING = """\
# Picture files, and what becomes of each kind

Written by `python -m tests.engine.imaging.kinds` from the table that the tests convert; a test fails when they differ.

A file is judged by its content, never by its name. *Exact*: the very samples, and the reconciler's own readers find
the same. *As every viewer*: the source itself is lossy; a photo that is a JPEG is carried bit for bit in any case. A
code is a [finding](findings.md): the image is not converted. DICOM files are in `tests/engine/imaging/test_dicom.py`
and `test_public_files.py`: every transfer syntax, one frame, up to 16 bits in use.

| | what happens to it |
|---|---|
| transparency | kept out: where every pixel is opaque nothing is lost; any other picture is `NO_DECODER` |
| four inks (CMYK, YCCK) | `NO_DECODER`: no target holds inks, and turned into colours they would be rounded |
| colour profile | changes no sample. It travels in a file that is carried bit for bit, else `DISPLAY_RULE_LOST` |
| gamma | changes no sample. It travels in a file that is carried bit for bit, and in no other |
| EXIF orientation | never applied; carried with the photo, else `DISPLAY_RULE_LOST` |
| windows, tables, rescale, spacing | carried where the target has a place, else `DISPLAY_RULE_LOST`; never applied |
| overlays, shutters, padding, calibration | `DISPLAY_RULE_LOST`, each by its name ([list](native-files.md)) |
| depths below 8 bits | spread over 8 as PNG defines; others are never scaled |
| resolution in dots per inch | not taken for a calibration |
"""


def reference() -> str:
    """The whole of docs/images.md."""
    rows = [(kind.format, kind.what, _word(kind.outcome)) for kind in KINDS.values()]
    return f"{OPENING}\n## Kinds\n\n{table(('format', 'kind', 'becomes'), *rows)}\n"


def _word(outcome: NDArray[Any] | FindingCode | str) -> str:
    if isinstance(outcome, FindingCode):
        return f"`{outcome}`"
    return "as every viewer" if isinstance(outcome, str) else "exact"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
