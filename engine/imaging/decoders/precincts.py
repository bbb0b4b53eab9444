"""How finely a JPEG 2000 picture is cut into precincts (ITU-T T.800 annex A.6, B.6): a decoder sets aside some 600
bytes for each before it reads any, and two hundred bytes of file may ask for a hundred million.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from engine.imaging.limits import require_precincts

_SOT, _SOD, _COD, _COC = 0xFF90, 0xFF93, 0xFF52, 0xFF53
_STATES_SIZES = 1  # bit of a coding style: the size of precincts is written out, else it is as large as can be


def require_few_precincts(data: bytes, start: int, width: int, height: int, components: int) -> None:
    """Raises ImageProblem TOO_LARGE by any coding style of the main header or of a tile's; struct.error or IndexError
    for a header that is cut.
    """
    for marker, at in _segments(data, start + 2):
        if marker == _COD:
            require_precincts(components * _count(data, at + 2, at + 7, width, height))
        elif marker == _COC:
            require_precincts(_count(data, at + 3, at + 4, width, height))


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Marker, and the offset of its length, of each segment of all headers; what is coded between them is left out."""
    part, size = at, 0
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _SOT:
            part, (size,) = at, struct.unpack_from(">I", data, at + 6)
        if marker == _SOD:
            if part + size <= at:  # up to the end of the file
                return
            at = part + size
            continue
        yield marker, at + 2
        at += 2 + max(length, 2)


def _count(data: bytes, style: int, levels: int, width: int, height: int) -> int:
    """Precincts of one component in all its resolutions; `levels` is where the number of its levels stands."""
    if not data[style] & _STATES_SIZES:
        return 1
    number, sizes, total = data[levels], levels + 5, 0
    for resolution in range(number + 1):
        size, smaller = data[sizes + resolution], number - resolution
        across, down = _cut(width, smaller), _cut(height, smaller)
        total += _cut(across, size & 15) * _cut(down, size >> 4)
    return total


def _cut(side: int, power: int) -> int:
    """How many pieces of 2 ** power pixels a side has."""
    return -(-side // (1 << power))
