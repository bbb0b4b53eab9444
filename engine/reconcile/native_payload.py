"""The pixels of a native file, unpacked by zlib, Pillow, GDCM and own code: none of what packed them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.codestream import StreamEnds, stream_of
from engine.reconcile.gdcm_apart import unpacked_by_gdcm
from engine.reconcile.photo import look_at_photo
from engine.reconcile.picture import SourceWanting
from engine.reconcile.run_length import unrolled

Samples = NDArray[Any]
Shape = tuple[int, ...]
RAW_WIDTHS = {"raw16": 2, "raw8": 1, "raw": 0}  # bytes of a sample; 0: as many as its picture has
_BY_GDCM = {
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
}
_SIGNED = 2  # bit of pixels.flags


class PayloadUnlike(ValueError):
    """The payload does not hold the picture that the header describes."""


def unpacked_payload(codec: str, order: str, data: memoryview, meant: Mapping[str, Any]) -> Samples:
    """(h, w) or (h, w, samples) of unsigned little-endian words, signed samples as two's complement of 16 bits.

    Raises PayloadUnlike.
    """
    shape = tuple(int(meant.get(f"pixels.{name}", 1) or 0) for name in ("height", "width", "samples"))
    shape = shape if shape[2] > 1 else shape[:2]
    if not all(shape):
        raise PayloadUnlike("a picture without rows or columns")
    try:
        samples = _unpack(codec, order, data, shape, int(meant.get("pixels.bits_allocated", 16) or 16))
    except (SourceWanting, StreamEnds, ValueError, OSError, zlib.error) as problem:
        raise PayloadUnlike(f"the {codec} payload cannot be unpacked") from problem
    if samples.shape != shape:
        raise PayloadUnlike("the payload holds another picture than the header says")
    signed = bool(meant.get("pixels.signed") or int(meant.get("pixels.flags", 0) or 0) & _SIGNED)
    narrow = samples.view("i1") if signed and samples.dtype.itemsize == 1 else samples
    return narrow.astype("<u2", copy=False)


def _unpack(codec: str, order: str, data: memoryview, shape: Shape, allocated: int) -> Samples:
    if codec in RAW_WIDTHS:
        width = RAW_WIDTHS[codec] or (1 if allocated == 8 else 2)
        return np.frombuffer(data, f"{order}u{width}").reshape(shape)
    if codec == "deflate":
        return np.frombuffer(_inflated(data, shape), f"{order}u2").reshape(shape)
    if codec == "rle":
        return unrolled(bytes(data), (shape[0], shape[1]), (*shape, 1)[2], allocated)
    return _COMPRESSED[codec](codec, bytes(data))


def _inflated(data: memoryview, shape: Shape) -> bytes:
    size = int(np.prod(shape)) * 2
    stream = zlib.decompressobj()
    plain = stream.decompress(data, size + 1)
    if len(plain) != size or not stream.eof or stream.unused_data:
        raise PayloadUnlike("the payload's size is not what the header says")
    return plain


def _by_gdcm(codec: str, data: bytes) -> Samples:
    return unpacked_by_gdcm(_BY_GDCM[codec], data, stream_of(data))


def _by_pillow(codec: str, data: bytes) -> Samples:
    picture = look_at_photo(data)
    if picture.format != codec:
        raise PayloadUnlike(f"the payload is no {codec}")
    return picture.samples


_COMPRESSED: Mapping[str, Callable[[str, bytes], Samples]] = {
    **dict.fromkeys(_BY_GDCM, _by_gdcm),
    **dict.fromkeys(("png", "jpeg"), _by_pillow),
}
