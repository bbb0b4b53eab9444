"""The picture in a JPEG, PNG, TIFF, JPEG 2000 or BMP file, seen by Pillow."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.Image import DecompressionBombError

from engine.reconcile.deep_png import deep_colour, is_deep_colour
from engine.reconcile.picture import Picture, SourceWanting
from protocol.vocabulary import FindingCode

_TIFF_PHOTOMETRIC = 262  # 0: low values are white
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I"})


def look_at_photo(data: bytes) -> Picture:
    """Raises SourceWanting."""
    try:
        with Pillow.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
            image.load()
            return Picture(deep_colour(data), 16, 16, "png") if is_deep_colour(data) else _from_pillow(image)
    except UnidentifiedImageError as problem:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "not a picture") from problem
    except DecompressionBombError as problem:
        raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has") from problem
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early") from problem


def _from_pillow(image: Pillow.Image) -> Picture:
    form = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
    if image.mode in _DEEP:
        return Picture(np.asarray(image).astype(np.uint16), 16, 16, form, low_is_white=_low_is_white(image))
    mode = "L" if image.mode in ("L", "1", "LA") else "RGB"
    samples = np.asarray(image if image.mode == mode else image.convert(mode))
    if mode == "L" and _low_is_white(image):  # Pillow shows it as a viewer does
        return Picture(255 - samples, 8, 8, form, low_is_white=True)
    return Picture(samples, 8, 8, form)


def _low_is_white(image: Pillow.Image) -> bool:
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_TIFF_PHOTOMETRIC) == 0
