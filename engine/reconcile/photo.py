"""The picture in a JPEG, PNG, TIFF, JPEG 2000 or BMP file, seen by Pillow, JPEG 2000 by GDCM.

Pillow cuts TIFF of 16 bits a colour to 8, which then differs from what was converted: a false alarm, never a silence.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.Image import DecompressionBombError

from engine.reconcile.codestream import StreamEnds, stream_of
from engine.reconcile.compressed import below_zero
from engine.reconcile.deep_png import deep_colour, is_cut_png, is_deep_colour
from engine.reconcile.gdcm_apart import unpacked_by_gdcm
from engine.reconcile.picture import Picture, SourceWanting
from protocol.vocabulary import FindingCode

_TIFF_PHOTOMETRIC = 262  # 0: low values are white
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"II*\0", b"MM\0*", b"BM")
_JPEG_2000, _LOSSLESS_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), "1.2.840.10008.1.2.4.90"
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I"})


def look_at_photo(data: bytes) -> Picture:
    """Raises SourceWanting."""
    if data.startswith(_JPEG_2000):
        return _jpeg_2000(data)
    if is_cut_png(data):
        raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early")
    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
            image.load()
            return Picture(deep_colour(data), 16, 16, "png") if is_deep_colour(data) else _from_pillow(image)
    except UnidentifiedImageError as problem:
        if data.startswith(_BEGINNINGS):
            raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early") from problem
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "not a picture") from problem
    except DecompressionBombError as problem:
        raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has") from problem
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early") from problem


def _jpeg_2000(data: bytes) -> Picture:
    try:
        stream = stream_of(data)
        samples = below_zero(unpacked_by_gdcm(_LOSSLESS_2000, data, stream), stream)
    except StreamEnds as problem:
        raise SourceWanting(FindingCode.TRUNCATED, str(problem)) from problem
    return Picture(samples, stream.bits, stream.precision, "jpeg2000", signed=stream.signed)


def _from_pillow(image: Pillow.Image) -> Picture:
    form = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
    if image.mode in _DEEP:
        return Picture(np.asarray(image).astype(np.uint16), 16, 16, form, low_is_white=_low_is_white(image))
    is_grey = image.mode in ("L", "LA") or (image.mode == "1" and form != "bmp")  # BMP has two colours for its bits
    mode = "L" if is_grey else "RGB"
    samples = np.asarray(image if image.mode == mode else image.convert(mode))
    if mode == "L" and _low_is_white(image):  # Pillow shows it as a viewer does
        return Picture(255 - samples, 8, 8, form, low_is_white=True)
    return Picture(samples, 8, 8, form)


def _low_is_white(image: Pillow.Image) -> bool:
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_TIFF_PHOTOMETRIC) == 0
