"""From the bytes of any image file to `Pixels`, judged by content and never by name.

What cannot be carried whole is refused, never cut: transparent pixels, more than 16 bits in use, four inks, several
frames. What says how a picture is shown (windows, tables, EXIF) is carried and never applied. Damage is found where a
format allows it: PNG and deflated TIFF have checksums, the rest has sizes and an end; a flipped bit within JPEG or
JPEG 2000 data is a picture to every decoder, and shows only where two decoders make different ones of it.
"""

from __future__ import annotations

from typing import Protocol

from engine.imaging.decoders import bmp, dicom, jpeg, jpeg2000, png, tiff
from engine.imaging.decoders.availability import Availability
from engine.imaging.limits import require_file_size
from engine.imaging.other_formats import name_of
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode


class _Decoder(Protocol):
    """What a module under `decoders` offers for one format."""

    def matches(self, data: bytes) -> bool: ...

    def encoding(self, data: bytes) -> str: ...

    def is_available(self, encoding: str) -> Availability: ...

    def decode(self, data: bytes) -> Pixels: ...


_DECODERS: tuple[_Decoder, ...] = (dicom, jpeg, png, tiff, jpeg2000, bmp)


def decode(data: bytes) -> Pixels:
    """The picture that the bytes of one file hold, exactly as stored.

    Raises ImageProblem: EMPTY_FILE, TRUNCATED, UNREADABLE_FILE, NO_DECODER, MULTIFRAME, VOLUME or TOO_LARGE.
    """
    return _decoder(data).decode(data)


def encoding(data: bytes) -> str:
    """How a file holds its picture, as in `Pixels.encoding`, without decoding it. Raises ImageProblem."""
    return _decoder(data).encoding(data)


def is_available(data: bytes) -> Availability:
    """Whether this machine has the decoder that a file needs, with the reason if not. Raises ImageProblem."""
    decoder = _decoder(data)
    return decoder.is_available(decoder.encoding(data))


def _decoder(data: bytes) -> _Decoder:
    require_file_size(len(data))
    for decoder in _DECODERS:
        if decoder.matches(data):
            return decoder
    if (name := name_of(data)) is not None:
        raise ImageProblem(FindingCode.NO_DECODER, f"{name}, a format that is not read here")
    raise ImageProblem(FindingCode.UNREADABLE_FILE, "not an image file of any known format")
