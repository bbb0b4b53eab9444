"""A whole DICOM file as GDCM reads it, from the first byte to colours: nothing of Bitewing has a part in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray

_TYPES = {"UINT8": "u1", "INT8": "i1", "UINT12": "<u2", "INT12": "<i2", "UINT16": "<u2", "INT16": "<i2"}
_FULL_RANGE = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]])  # PS3.3 C.7.6.3.1.2


def read(path: Path) -> NDArray[Any]:
    """(h, w) or (h, w, 3); palettes looked up, YBR as RGB of real numbers rounded at the end."""
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read(), path.name
    image = reader.GetImage()
    photometric = str(image.GetPhotometricInterpretation()).strip()
    if photometric == "PALETTE COLOR":
        colours = gdcm.ImageApplyLookupTable()
        colours.SetInput(image)
        assert colours.Apply(), path.name
        image = colours.GetOutput()
    samples = _samples(image)
    return _rgb(samples) if photometric.startswith("YBR_FULL") else samples


def _samples(image: Any) -> NDArray[Any]:
    form = image.GetPixelFormat()
    columns, rows = image.GetDimensions()[:2]
    samples = form.GetSamplesPerPixel()
    raw = image.GetBuffer().encode("utf-8", "surrogateescape")
    flat = np.frombuffer(raw, _TYPES[form.GetScalarTypeAsString()])
    if samples == 1:
        return flat.reshape(rows, columns)
    if image.GetPlanarConfiguration():
        return np.moveaxis(flat.reshape(samples, rows, columns), 0, 2)
    return flat.reshape(rows, columns, samples)


def _rgb(samples: NDArray[Any]) -> NDArray[Any]:
    real = (samples.astype(float) - [0, 128, 128]) @ _FULL_RANGE.T
    return np.clip(np.floor(real + 0.5), 0, 255)
