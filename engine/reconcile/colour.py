"""Colour as DICOM stores it: planes, YCbCr (ITU-T T.871, full range) and palettes (PS3.3 C.7.6.3.1.5)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.dicom_reader import DicomPicture

_DESCRIPTORS, _TABLES = (0x00281101, 0x00281102, 0x00281103), (0x00281201, 0x00281202, 0x00281203)


def side_by_side(flat: NDArray[Any], shape: tuple[int, int], *, planar: bool) -> NDArray[Any]:
    """Three samples a pixel as (h, w, 3), from pixel after pixel, or plane after plane if `planar`."""
    if planar:
        return np.ascontiguousarray(np.moveaxis(flat.reshape(3, *shape), 0, 2))
    return flat.reshape(*shape, 3)


def rgb_of_ybr(picture: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3) of 8-bit YCbCr, full range, as RGB, rounded to the nearest step."""
    luma = picture[..., 0].astype(np.float64)
    blue, red = (picture[..., channel].astype(np.float64) - 128 for channel in (1, 2))
    rgb = np.stack((luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue), axis=2)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def palette_shown(dicom: DicomPicture, indices: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3) of the colours that `indices` name. Raises KeyError if the file brings no palette."""
    order = ">" if dicom.big_endian else "<"
    planes = []
    for descriptor, table in zip(_DESCRIPTORS, _TABLES, strict=True):
        entries, first, bits = struct.unpack_from(order + "3H", dicom.values[descriptor])
        colours = _entries(dicom.values[table], entries or 1 << 16, bits, order)
        colours = colours.astype(np.uint8 if bits == 8 else np.uint16)
        planes.append(colours[np.clip(indices.astype(np.int64) - first, 0, len(colours) - 1)])
    return np.stack(planes, axis=2)


def _entries(raw: bytes, count: int, bits: int, order: str) -> NDArray[Any]:
    """A palette's entries, one a byte or one a word; a table of words for 8 bits keeps the entry in either byte."""
    if bits == 8 and len(raw) < count * 2:
        return np.frombuffer(raw, np.uint8)[:count]
    return np.frombuffer(raw, order + "u2").astype(np.uint16)[:count]
