"""The picture in a JPEG, PNG, TIFF, JPEG 2000 or BMP file, seen by Pillow, GDCM and own code.

Pillow cuts colours of 16 bits to 8 and knows no JPEG of 12 bits: PNG and TIFF like that are read by own code, JPEG by
GDCM. What has no form in any target is refused, so that nothing is lost in silence: transparency, four inks, palettes
of JPEG 2000.
"""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from PIL.Image import DecompressionBombError

from engine.reconcile.codestream import StreamEnds, require_plain_boxes, stream_of
from engine.reconcile.compressed import below_zero
from engine.reconcile.deep_png import chunk_of, deep_colour, hides_nothing, is_cut_png, is_deep_colour
from engine.reconcile.gdcm_apart import unpacked_by_gdcm
from engine.reconcile.picture import Picture, SourceWanting
from engine.reconcile.tiff_file import is_tiff, orientation_in, tiff_picture
from protocol.vocabulary import FindingCode

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM")
_JPEG, _JPEG_2000 = b"\xff\xd8\xff", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
# The names GDCM gives to what a file holds: JPEG of 12 bits, JPEG without loss, JPEG 2000.
_EXTENDED, _LOSSLESS, _LOSSLESS_2000 = (f"1.2.840.10008.1.2.4.{number}" for number in (51, 57, 90))
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I"})
_OPAQUE = 255
_INFO = 40  # bytes of the shortest header of BMP that states a kind of compression


def look_at_photo(data: bytes) -> Picture:
    """Raises SourceWanting."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return _seen(data)
    except StreamEnds as problem:
        raise SourceWanting(FindingCode.TRUNCATED, str(problem)) from problem
    except UnidentifiedImageError as problem:
        if data.startswith(_BEGINNINGS):
            raise SourceWanting(FindingCode.TRUNCATED, "the file ends too early") from problem
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "not a picture") from problem
    except DecompressionBombError as problem:
        raise SourceWanting(FindingCode.TOO_LARGE, "more pixels than a picture has") from problem


def _seen(data: bytes) -> Picture:
    if data.startswith(_JPEG_2000):
        return _jpeg_2000(data)
    if is_tiff(data):
        return tiff_picture(data)
    if is_cut_png(data):
        raise StreamEnds("the file ends too early")
    if is_deep_colour(data):
        samples = deep_colour(data)
        return Picture(samples, 16, 16, "png", exif=orientation_in(chunk_of(data, b"eXIf") or b""))
    return _jpeg(data) if data.startswith(_JPEG) else _by_pillow(data)


def _jpeg_2000(data: bytes) -> Picture:
    stream = stream_of(data)
    require_plain_boxes(data)
    is_plain = stream.components == 1 or (stream.components == 3 and not stream.signed)
    if not (is_plain and stream.is_even):
        raise SourceWanting(FindingCode.NO_DECODER, "components of a kind that no target holds")
    samples = below_zero(unpacked_by_gdcm(_LOSSLESS_2000, data, stream), stream)
    return Picture(samples, stream.bits, stream.precision, "jpeg2000", signed=stream.signed)


def _jpeg(data: bytes) -> Picture:
    """Grey of any depth, colours of 8 bits."""
    stream = stream_of(data)
    if stream.is_plain_jpeg and stream.precision == 8 and stream.components in (1, 3):
        return _by_pillow(data)
    if stream.components != 1 or not (stream.is_plain_jpeg or stream.is_lossless_jpeg):
        raise SourceWanting(FindingCode.NO_DECODER, "a JPEG that few can show")
    samples = unpacked_by_gdcm(_EXTENDED if stream.is_plain_jpeg else _LOSSLESS, data, stream)
    return Picture(samples, stream.bits, stream.precision, "jpeg")


def _by_pillow(data: bytes) -> Picture:
    """JPEG, PNG and BMP of depths that Pillow keeps."""
    try:
        with Pillow.open(io.BytesIO(data), formats=("JPEG", "PNG", "BMP")) as image:
            form = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
            image.load()
            if (form == "png" and not hides_nothing(data, image)) or (form == "bmp" and _has_fourth_channel(data)):
                raise SourceWanting(FindingCode.NO_DECODER, "transparent pixels have no home in the target")
            return _from_pillow(image, form, orientation_in(bytes(image.info.get("exif") or b"")))
    except (UnidentifiedImageError, DecompressionBombError):
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as problem:
        raise StreamEnds("the file ends too early") from problem


def _from_pillow(image: Pillow.Image, form: str, exif: int) -> Picture:
    if image.mode in _DEEP:
        return Picture(np.asarray(image).astype(np.uint16), 16, 16, form, exif=exif)
    if image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema()[0] != _OPAQUE:
        raise SourceWanting(FindingCode.NO_DECODER, "transparent pixels have no home in the target")
    is_grey = image.mode in ("1", "L", "LA") or (form == "bmp" and _has_grey_palette(image))
    mode = "L" if is_grey else "RGB"
    samples = np.asarray(image if image.mode == mode else image.convert(mode))
    return Picture(samples, 8, 8, form, exif=exif)


def _has_fourth_channel(data: bytes) -> bool:
    """Whether the fourth byte of plain 32-bit pixels, which means nothing, has something to say all the same."""
    (start,), (depth, kind) = struct.unpack_from("<I", data, 10), struct.unpack_from("<HI", data, 28)
    fourth = np.frombuffer(data, np.uint8)[start + 3 :: 4]
    is_plain = struct.unpack_from("<I", data, 14)[0] >= _INFO and (depth, kind) == (32, 0)
    return is_plain and len(fourth) > 0 and bool(fourth.min() != fourth.max() or fourth[0] not in (0, _OPAQUE))


def _has_grey_palette(image: Pillow.Image) -> bool:
    """Whether a BMP's colours are all greys: its pixels are then greys and no colours."""
    colours = image.getpalette("RGB") if image.mode == "P" else None
    return colours is not None and colours[0::3] == colours[1::3] == colours[2::3]
