"""Whole files of every format and encoding, to be damaged; and one way to damage them that a number repeats."""

from __future__ import annotations

import io
from itertools import product
from random import Random

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate

from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB
from tests.engine.imaging import bmps, dicoms, pngs, tiffs

_CHANCE = np.random.default_rng(2)
GREY = _CHANCE.integers(0, 4096, (19, 23)).astype("<u2")
COLOUR = np.random.default_rng(3).integers(0, 256, (18, 22, 3)).astype(np.uint8)
SMOOTH = (np.add.outer(np.arange(40), np.arange(33))[..., None] * [1, 2, 3] % 256).astype(np.uint8)
_PALETTE = np.random.default_rng(4).integers(0, 256, (256, 3)).astype(np.uint8)


def _pillow(form: str, **how: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(SMOOTH).save(target, form, **how)
    return target.getvalue()


def _dicoms() -> dict[str, bytes]:
    table = {
        f"{c}PaletteColorLookupTable{p}": v
        for c in ("Red", "Green", "Blue")
        for p, v in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(256))))
    }
    segments = {
        **{f"{colour}PaletteColorLookupTableDescriptor": [10, 0, 16] for colour in ("Red", "Green", "Blue")},
        **{
            f"Segmented{colour}PaletteColorLookupTableData": bytes(
                (0, 0, 1, 0, 5, 0, 1, 0, 9, 0, 70, 0, 2, 0, 1, 0, 0, 0, 0, 0)
            )
            for colour in ("Red", "Green", "Blue")
        },
    }
    grey8, high = COLOUR[..., 0].copy(), encapsulate([imagecodecs.htj2k_encode(GREY, reversible=True)])
    return {
        **{f"dicom {syntax}": dicoms.dicom(GREY, 12, MONOCHROME2, syntax) for syntax in dicoms.LOSSLESS},
        **{f"dicom RGB {syntax}": dicoms.dicom(COLOUR, 8, RGB, syntax) for syntax in dicoms.LOSSLESS},
        "dicom palette": dicoms.dicom(grey8, 8, "PALETTE COLOR", dicoms.EXPLICIT, **table),
        "dicom segments": dicoms.dicom(grey8, 8, "PALETTE COLOR", dicoms.IMPLICIT, **segments),
        "dicom baseline": dicoms.dicom(SMOOTH, 8, "YBR_FULL", dicoms.JPEG_BASELINE),
        "dicom 422": dicoms.dicom(COLOUR, 8, "YBR_FULL_422", dicoms.EXPLICIT, PixelData=bytes(18 * 22 * 2)),
        "dicom high throughput": dicoms.dicom(GREY, 12, MONOCHROME1, dicoms.HTJ2K, PixelData=high),
        "dicom 32 bits": dicoms.dicom(GREY.astype("<u4"), 12, MONOCHROME2, dicoms.EXPLICIT),
    }


def _tiffs() -> dict[str, bytes]:
    ways = product(tiffs.COMPRESSORS, (None, (16, 16)), (False, True))
    return {
        **{
            f"tiff {compression} {tile} {big}": tiffs.tiff(
                SMOOTH, tiffs.Layout("<", big, compression, False, big, 9, tile)
            )
            for compression, tile, big in ways
        },
        "tiff jpeg": _pillow("TIFF", compression="jpeg"),
        "tiff deep": tiffs.tiff(GREY, tiffs.Layout(">", compression=tiffs.LZW, predictor=True)),
    }


def _bmps() -> dict[str, bytes]:
    grey, size = COLOUR[..., 1], (22, 18)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    wide = grey.astype(np.uint32) | 0xFF000000
    return {
        "bmp": _pillow("BMP"),
        "bmp palette": bmps.bmp(bmps.lines(grey & 15, 4), size, 4, palette=_PALETTE[:16]),
        "bmp runs of 8": bmps.bmp(bmps.runs(grey, 8), size, 8, kind=bmps.RLE8, palette=_PALETTE),
        "bmp runs of 4": bmps.bmp(bmps.runs(grey & 15, 4), size, 4, kind=bmps.RLE4, palette=_PALETTE[:16]),
        "bmp masks": bmps.bmp(bmps.lines(wide, 32), size, 32, header=124, kind=bmps.MASKS, masks=masks),
    }


def _others() -> dict[str, bytes]:
    alpha = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)])
    return {
        "jpeg": _pillow("JPEG"),
        "jpeg progressive": _pillow("JPEG", progressive=True),
        "jpeg 12 bits": imagecodecs.jpeg8_encode(GREY, 95, bitspersample=12),
        "jpeg without loss": imagecodecs.jpeg8_encode(GREY, lossless=True, bitspersample=12),
        "png": _pillow("PNG"),
        "png stored": bytes(imagecodecs.png_encode(GREY, level=0)),
        "png alpha": pngs.png(alpha, 8, pngs.COLOUR_ALPHA, pngs.profile(), interlaced=True),
        "png palette": pngs.png(COLOUR[..., 0], 8, pngs.PALETTE, pngs.chunk(b"PLTE", _PALETTE.tobytes())),
        "jp2": imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True),
        "j2k lossy": imagecodecs.jpeg2k_encode(SMOOTH, level=30, codecformat="j2k"),
        "j2k high throughput": imagecodecs.htj2k_encode(COLOUR, reversible=True),
    }


SEEDS = _dicoms() | _tiffs() | _bmps() | _others()
_NAMES = tuple(SEEDS)
_ODD = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)


def mutant(number: int) -> tuple[str, bytes]:
    """A seed's name and what it was damaged to; the same for the same number."""
    chance = Random(number)
    name = chance.choice(_NAMES)
    data = bytearray(SEEDS[name])
    for _ in range(chance.randint(1, 6)):
        _DAMAGES[chance.randrange(len(_DAMAGES))](data, chance)
    return name, bytes(data)


def _place(data: bytearray, chance: Random) -> int:
    """Anywhere, or within the first bytes, where headers are."""
    return chance.randrange(len(data)) if chance.random() < 0.4 else chance.randrange(min(len(data), 700))


def _bytes_changed(data: bytearray, chance: Random) -> None:
    if data:
        start = _place(data, chance)
        data[start : start + 1] = bytes((chance.choice((*_ODD, chance.randrange(256))),))


def _word_changed(data: bytearray, chance: Random) -> None:
    if len(data) > 8:
        start, size = _place(data, chance), chance.choice((2, 4))
        value = chance.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, chance.getrandbits(32)))
        data[start : start + size] = (value % (1 << 8 * size)).to_bytes(size, chance.choice(("little", "big")))


def _bit_flipped(data: bytearray, chance: Random) -> None:
    if data:
        data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, chance: Random) -> None:
    if chance.random() < 0.3:
        del data[chance.randrange(len(data) + 1) :]


def _moved(data: bytearray, chance: Random) -> None:
    if len(data) > 16:
        source, target, size = _place(data, chance), _place(data, chance), chance.randint(1, 64)
        piece = data[source : source + size]
        data[target : target + chance.choice((0, len(piece)))] = piece


_DAMAGES = (_bytes_changed, _bytes_changed, _word_changed, _word_changed, _bit_flipped, _cut, _moved)
