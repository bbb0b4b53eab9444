"""Compressed DICOM pictures, unpacked by GDCM, Pillow and own code: none of what the conversion uses."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.reconcile.codestream import Stream, StreamEnds, stream_of
from engine.reconcile.dicom_form import DicomForm
from engine.reconcile.gdcm_apart import unpacked_by_gdcm
from engine.reconcile.run_length import unrolled

_JPEG_LIKE = "1.2.840.10008.1.2.4."
_RUN_LENGTH = "1.2.840.10008.1.2.5"
_JPEG_2000 = f"{_JPEG_LIKE}90"  # the name by which GDCM knows high throughput, too
_HIGH_THROUGHPUT = frozenset(f"{_JPEG_LIKE}{number}" for number in (201, 202, 203))
_BY_GDCM = frozenset(f"{_JPEG_LIKE}{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91))
COMPRESSED = _BY_GDCM | _HIGH_THROUGHPUT | {_RUN_LENGTH}


def unpacked(syntax: str, frame: bytes, form: DicomForm) -> tuple[NDArray[Any], bool]:
    """The samples, (h, w) or (h, w, 3), unsigned at the depth the file says, and whether they are RGB for certain.

    Raises StreamEnds, or ValueError for a picture unlike the file's description, or damaged data.
    """
    if syntax == _RUN_LENGTH:
        return unrolled(frame, form.shape, form.samples, form.allocated), False
    stream = stream_of(frame)
    if (stream.height, stream.width, stream.components) != (*form.shape, form.samples):
        raise ValueError("the coded picture has another size than the file says")
    if not stream.is_known:
        raise ValueError("coded in a way that few can show, or in components of several sizes")
    if stream.precision > max(form.allocated, 8):
        raise ValueError("the coded picture is deeper than the file says")
    if stream.is_plain_jpeg and stream.precision == 8:
        try:
            return _widened(_by_pillow(frame, stream, form), stream, form), True
        except OSError as problem:
            raise StreamEnds("the coded picture ends too early") from problem
    samples = unpacked_by_gdcm(_JPEG_2000 if syntax in _HIGH_THROUGHPUT else syntax, frame, stream)
    return _widened(samples, stream, form), form.photometric in ("YBR_RCT", "YBR_ICT")


def _by_pillow(frame: bytes, stream: Stream, form: DicomForm) -> NDArray[Any]:
    """Colours as an Adobe segment says they were coded; the file says it where there is none."""
    with Pillow.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        if stream.components == 3:
            plain = form.photometric == "RGB" if stream.transform is None else stream.transform != 1
            image.tile = [tile._replace(args=("RGB", "RGB" if plain else "YCbCr")) for tile in image.tile]
        return np.asarray(image)


def _widened(samples: NDArray[Any], stream: Stream, form: DicomForm) -> NDArray[Any]:
    """At the depth the file says; samples below zero stay what they are."""
    width = max(form.allocated, 8) // 8
    return below_zero(samples, stream).astype(f"<{'i' if stream.signed else 'u'}{width}").view(f"<u{width}")


def below_zero(samples: NDArray[Any], stream: Stream) -> NDArray[Any]:
    """Unsigned samples as the signed ones they stand for, if they do."""
    if not stream.signed:
        return samples
    unused, size = stream.bits - stream.precision, samples.dtype.itemsize
    signed: NDArray[Any] = (samples << unused).view(f"i{size}") >> unused
    return signed
