"""Reading just enough of JPEG, JPEG-LS and JPEG 2000 codestreams to judge them before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from engine.imaging.decoders.precincts import require_few_precincts
from engine.imaging.limits import require_dimensions, require_samples, require_tiles
from engine.imaging.problem import ImageProblem, foreign
from protocol.vocabulary import FindingCode

_END = b"\xff\xd9"
_START_OF_SCAN, _SIZ = 0xDA, b"\xff\x4f\xff\x51"
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
LOSSLESS, JPEG_LS = 0xC3, 0xF7  # process markers: Huffman-coded lossless (process 14), JPEG-LS
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2, LOSSLESS})  # baseline, extended, progressive, lossless
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class Jpeg:
    """What stands before the first scan. `process` is the SOF marker; `near` the JPEG-LS tolerance (0 is lossless).

    `applications` are the APPn segments as (n, payload), in order; `scan` is the offset of the first scan.
    """

    process: int
    width: int
    height: int
    precision: int
    components: int
    near: int
    scan: int
    applications: tuple[tuple[int, bytes], ...] = field(repr=False)

    @property
    def is_lossless(self) -> bool:
        return self.process == LOSSLESS or (self.process == JPEG_LS and self.near == 0)

    @property
    def adobe_transform(self) -> int | None:
        """The colour transform an Adobe segment states (0 none, 1 YCbCr, 2 YCCK), or None."""
        adobe = (body for number, body in self.applications if number == 14 and body[:5] == b"Adobe" and len(body) > 11)
        return next((body[11] for body in adobe), None)


def read_jpeg(data: bytes) -> Jpeg:
    """The header of a JPEG or JPEG-LS codestream, complete to its end marker and within the limits.

    Raises ImageProblem TRUNCATED, TOO_LARGE or UNREADABLE_FILE.
    """
    with foreign("the JPEG header"):
        jpeg = _walk(data)
    require_dimensions(jpeg.width, jpeg.height)
    return jpeg


def require_huffman(jpeg: Jpeg) -> None:
    """Raises ImageProblem NO_DECODER for what viewers do not show: JPEG-LS, arithmetic coding and hierarchies."""
    if jpeg.process == JPEG_LS:
        raise ImageProblem(FindingCode.NO_DECODER, "JPEG-LS outside DICOM")
    if jpeg.process not in _HUFFMAN:
        detail = f"JPEG process {jpeg.process:X}: arithmetic coding, or a hierarchy of pictures"
        raise ImageProblem(FindingCode.NO_DECODER, detail)


def _walk(data: bytes) -> Jpeg:
    frame: tuple[int, int, int, int, int] | None = None
    applications: list[tuple[int, bytes]] = []
    offset = 2
    while True:
        marker, offset = _marker(data, offset)
        if marker in _STANDALONE:
            continue
        body = _segment(data, offset)
        if marker == _START_OF_SCAN:
            break
        if marker in _FRAMES and frame is None:
            precision, height, width, components = struct.unpack_from(">BHHB", body)
            frame = (marker, width, height, precision, components)
        if 0xE0 <= marker <= 0xEF:
            applications.append((marker - 0xE0, body))
        offset += 2 + len(body)
    if frame is None:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "a JPEG scan before its frame header")
    if data.find(_END, offset) < 0:
        raise ImageProblem(FindingCode.TRUNCATED, "the JPEG data has no end marker")
    near = body[1 + 2 * body[0]] if frame[0] == JPEG_LS else 0
    return Jpeg(*frame, near, offset, tuple(applications))


def _marker(data: bytes, offset: int) -> tuple[int, int]:
    while offset + 1 < len(data) and data[offset : offset + 2] == b"\xff\xff":
        offset += 1
    if offset + 1 >= len(data):
        raise ImageProblem(FindingCode.TRUNCATED, "the file ends within the JPEG header")
    if data[offset] != 0xFF:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"offset {offset}: a JPEG marker was expected")
    return data[offset + 1], offset + 2


def _segment(data: bytes, offset: int) -> bytes:
    size = int.from_bytes(data[offset : offset + 2], "big")
    if offset + max(size, 2) > len(data):
        raise ImageProblem(FindingCode.TRUNCATED, "the file ends within the JPEG header")
    if size < 2:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"offset {offset}: a JPEG segment of {size} bytes")
    return data[offset + 2 : offset + size]


@dataclass(frozen=True, slots=True)
class Jpeg2000:
    """What the main header says. `precision` is that of every component if they are `uniform`, else of the first.

    `uniform` components have one depth, one sign and a sample for every pixel; `start` is the codestream's offset.
    """

    width: int
    height: int
    components: int
    precision: int
    signed: bool
    uniform: bool
    reversible: bool
    start: int


def read_jpeg2000(data: bytes) -> Jpeg2000:
    """The header of a JPEG 2000 codestream, bare or in a JP2 file, complete to its end marker and within the limits.

    Raises ImageProblem TRUNCATED, TOO_LARGE or UNREADABLE_FILE.
    """
    start = data.find(_SIZ)
    if start < 0:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "no JPEG 2000 codestream")
    with foreign("the JPEG 2000 header"):
        x1, y1, x0, y0, *tiles, components = struct.unpack_from(">8IH", data, start + 8)
        require_dimensions(x1 - x0, y1 - y0)
        require_samples(components)
        require_tiles(_tiles((x1, y1), tiles))
        require_few_precincts(data, start, x1 - x0, y1 - y0, components)
        depths = {struct.unpack_from(">3B", data, start + 42 + 3 * number) for number in range(components)}
        depth = data[start + 42]
        header = Jpeg2000(
            *(x1 - x0, y1 - y0, components, (depth & 0x7F) + 1, bool(depth & 0x80)),
            *(depths == {(depth, 1, 1)}, _reversible(data, start), start),
        )
    if data.rfind(_END, start) < 0:
        raise ImageProblem(FindingCode.TRUNCATED, "the JPEG 2000 data has no end marker")
    return header


def _tiles(ends: tuple[int, int], tiles: list[int]) -> int:
    """How many tiles cover the picture; a size of none is counted as one pixel. `tiles` is width, height, left, top."""
    sides = zip(ends, tiles[:2], tiles[2:], strict=True)
    across, down = (-(-(end - first) // max(size, 1)) for end, size, first in sides)
    return across * down


def _reversible(data: bytes, start: int) -> bool:
    """Whether the default coding style uses the reversible wavelet (5-3)."""
    style = data.find(b"\xff\x52", start)
    return style >= 0 and data[style + 13] == 1
