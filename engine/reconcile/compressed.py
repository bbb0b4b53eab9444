"""Compressed DICOM, unpacked by GDCM: the one decoder here that the conversion does not use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray

from engine.reconcile.colour import rgb_of_ybr, side_by_side

# Photometric interpretations that GDCM hands out as YCbCr samples.
_YBR = frozenset({gdcm.PhotometricInterpretation.YBR_FULL, gdcm.PhotometricInterpretation.YBR_FULL_422})

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()


def frame_of(path: Path) -> NDArray[Any]:
    """The stored samples of a one-frame file: (h, w) or (h, w, 3), unsigned. Raises ValueError if GDCM cannot."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("GDCM cannot unpack this file")
    image = reader.GetImage()
    form = image.GetPixelFormat()
    flat = _flat(image, 8 if form.GetBitsAllocated() <= 8 else 16)
    height, width = int(image.GetDimension(1)), int(image.GetDimension(0))
    if int(form.GetSamplesPerPixel()) == 1:
        return flat.reshape(height, width)
    picture = side_by_side(flat, (height, width), planar=image.GetPlanarConfiguration() == 1)
    return rgb_of_ybr(picture) if image.GetPhotometricInterpretation().GetType() in _YBR else picture


def _flat(image: gdcm.Image, bits: int) -> NDArray[Any]:
    raw = image.GetBuffer().encode("utf-8", "surrogateescape")
    if len(raw) != image.GetBufferLength():
        raise ValueError("GDCM returned another amount of samples than promised")
    return np.frombuffer(raw, np.uint8 if bits == 8 else "<u2")
