"""Small files that would take the memory of a worker if they were believed, and what looking at each costs.

`python -m tests.engine.imaging.bombs` looks at every one of them, with both stacks, in a process of its own, and prints
a line for each: its name, the stack, the finding, and by how many MiB the process grew at most.
"""

from __future__ import annotations

import os
import re
import resource
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate

from engine.imaging.decode import decode
from engine.imaging.limits import MAX_INFLATED_BYTES
from engine.imaging.pixels import MONOCHROME2
from engine.imaging.problem import ImageProblem
from engine.reconcile.picture import SourceWanting
from engine.reconcile.source_pixels import look_at
from tests.engine.imaging import dicoms, pngs, tiffs

MOST_MEMORY: Final = 6 << 30  # bytes of address space: what protects the machine, and not the bound that is tested
_GREY = np.arange(64, dtype=np.uint16).reshape(8, 8)
_SMALL = _GREY.astype(np.uint8)
_HUGE: Final = 65_535  # pixels a side


def _deflated(size: int, *, raw: bool = False) -> bytes:
    """`size` zeros, a thousandth of that long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(pieces) + packer.flush()


def _png(side: int, kind: int = pngs.COLOUR, *before: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, 16, kind, 0, 0, 0)
    whole = (
        pngs.chunk(b"IHDR", head),
        *before,
        pngs.chunk(b"IDAT", zlib.compress(bytes(99))),
        pngs.chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def _png_of_kinds() -> bytes:
    """Half a million chunks, each of another kind."""
    kinds = (bytes((97 + n % 26, 97 + n // 26 % 26, 65 + n // 676 % 26, 97 + n // 17_576 % 26)) for n in range(400_000))
    empty = b"".join(struct.pack(">I", 0) + kind + bytes(4) for kind in kinds)
    return _png(_HUGE, pngs.COLOUR, empty)


def _shared_tags(pages: int, tags: int) -> bytes:
    """Directories whose many tags all point at the same two million numbers."""
    count = 1 << 21
    values = np.full(count, 60_000, "<u2").tobytes()
    entries = b"".join(
        struct.pack("<HHII", tag, 3, count, 8) for tag in sorted({273, 279, *range(50_000, 50_000 + tags)})
    )
    body, at = [b"II*\0" + struct.pack("<I", 8 + len(values)), values], 8 + len(values)
    for page in range(pages):
        size = 2 + len(entries) + 4
        after = at + size if page + 1 < pages else 0
        body.append(struct.pack("<H", len(entries) // 12) + entries + struct.pack("<I", after))
        at += size
    return b"".join(body)


def _tile(size: int) -> bytes:
    """One tile of 16 x 16 that unpacks to much more."""
    whole = tiffs.tiff(_SMALL, tiffs.Layout(compression=tiffs.DEFLATE, tile=(16, 16)))
    packed = zlib.compress(tiffs._padded(_SMALL, 16, 16).tobytes())
    bomb = _deflated(size)
    assert whole[8 : 8 + len(packed)] == packed
    moved = tiffs.tiff(_SMALL, tiffs.Layout(compression=tiffs.DEFLATE, tile=(16, 16)), t324=8, t325=len(bomb))
    return moved + bomb


def _jpeg2000(side: int, *, precincts: bool = False) -> bytes:
    data = bytearray(imagecodecs.jpeg2k_encode(_SMALL, level=0, reversible=True, codecformat="j2k", resolutions=1))
    siz, cod = data.index(b"\xff\x51"), data.index(b"\xff\x52")
    data[siz + 6 : siz + 14] = struct.pack(">II", side, side)
    data[siz + 22 : siz + 30] = struct.pack(">II", side, side)  # one tile
    if precincts:  # of one pixel each
        (length,) = struct.unpack_from(">H", data, cod + 2)
        levels = data[cod + 9]
        data[cod + 2 : cod + 4] = struct.pack(">H", length + levels + 1)
        data[cod + 4] |= 1
        data[cod + 2 + length : cod + 2 + length] = bytes((0, *[0x11] * levels))
    return bytes(data)


def _cut_by_a_tile(side: int) -> bytes:
    """The coding style that asks for so many precincts stands in the header of the tile."""
    plain, cut = _jpeg2000(side), _jpeg2000(side, precincts=True)
    style, tile, coded = (cut.index(b"\xff\x52"), plain.index(b"\xff\x90"), plain.index(b"\xff\x93"))
    segment = cut[style : style + 2 + struct.unpack_from(">H", cut, style + 2)[0]]
    (size,) = struct.unpack_from(">I", plain, tile + 6)
    head = plain[: tile + 6] + struct.pack(">I", size + len(segment)) + plain[tile + 10 : coded]
    return head + segment + plain[coded:]


def _jpeg(side: int, marker: int, data: bytes) -> bytes:
    whole = bytearray(data)
    frame = whole.index(bytes((0xFF, marker)))
    whole[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(whole)


def _dicom(syntax: str, frame: bytes, side: int, **more: object) -> bytes:
    return dicoms.dicom(_GREY, 16, MONOCHROME2, syntax, PixelData=encapsulate([frame]), Rows=side, Columns=side, **more)


def _deflated_dicom(size: int) -> bytes:
    """A dataset that goes on as zeros without end."""
    whole = dicoms.dicom(_GREY, 16, MONOCHROME2, dicoms.DEFLATED)
    start = 132 + 12 + struct.unpack_from("<I", whole, 140)[0]
    head = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [packer.compress(head), *(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()]
    return whole[:start] + b"".join(pieces)


def _fragments(count: int) -> bytes:
    """A frame in fragments, most of them with nothing in them."""
    whole = dicoms.dicom(_GREY, 16, MONOCHROME2, dicoms.JPEG_LS)
    start = whole.index(b"\xff\xd8\xff") - 8  # the header of the one fragment
    return whole[:start] + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count + whole[start:]


def _run_length(side: int) -> bytes:
    frame = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0" * 2
    return _dicom(dicoms.RLE, frame, side)


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "PNG by its header": lambda: _png(_HUGE),
    "PNG within the limits, without data": lambda: _png(10_000),
    "PNG with a colour profile that unfolds": lambda: _png(
        10_000, pngs.COLOUR, pngs.chunk(b"iCCP", b"x\0\0" + _deflated(1 << 28))
    ),
    "PNG with a text that unfolds": lambda: _png(
        10_000, pngs.COLOUR, pngs.chunk(b"zTXt", b"x\0\0" + _deflated(1 << 28))
    ),
    "PNG of many kinds of chunks": _png_of_kinds,
    "TIFF by its tags": lambda: tiffs.tiff(_SMALL, t256=_HUGE, t257=_HUGE),
    "TIFF by the size of a tile": lambda: tiffs.tiff(_SMALL, tiffs.Layout(tile=(16, 16)), t322=_HUGE - 15),
    "TIFF with a tile that unfolds": lambda: _tile(1 << 28),
    "TIFF with a hundred tags of the same numbers": lambda: _shared_tags(1, 100),
    "TIFF with many pages of the same numbers": lambda: _shared_tags(60, 2),
    "JPEG by its header": lambda: _jpeg(_HUGE, 0xC0, imagecodecs.jpeg8_encode(_SMALL, 90)),
    "JPEG 2000 by its header": lambda: _jpeg2000(_HUGE),
    "JPEG 2000 in precincts of a pixel": lambda: _jpeg2000(10_000, precincts=True),
    "JPEG 2000 in precincts of a pixel by its tile": lambda: _cut_by_a_tile(10_000),
    "deflated DICOM": lambda: _deflated_dicom(MAX_INFLATED_BYTES + (64 << 20)),
    "DICOM by its header": lambda: dicoms.dicom(_GREY, 16, MONOCHROME2, dicoms.EXPLICIT, Rows=_HUGE, Columns=_HUGE),
    "DICOM of many frames, and one is there": lambda: dicoms.dicom(
        _GREY, 16, MONOCHROME2, dicoms.EXPLICIT, NumberOfFrames=2_000_000_000
    ),
    "DICOM in a million empty fragments": lambda: _fragments(1_000_000),
    "run lengths by the header": lambda: _run_length(_HUGE),
    "run lengths within the limits": lambda: _run_length(10_000),
    "JPEG-LS by both headers": lambda: _dicom(
        dicoms.JPEG_LS, _jpeg(_HUGE, 0xF7, dicoms.frame(_GREY, 16, dicoms.JPEG_LS)), _HUGE
    ),
    "JPEG-LS by its own header": lambda: _dicom(
        dicoms.JPEG_LS, _jpeg(_HUGE, 0xF7, dicoms.frame(_GREY, 16, dicoms.JPEG_LS)), 8
    ),
    "JPEG-LS within the limits, without data": lambda: _dicom(
        dicoms.JPEG_LS, _jpeg(10_000, 0xF7, dicoms.frame(_GREY, 16, dicoms.JPEG_LS)), 10_000
    ),
    "JPEG 2000 in DICOM, in precincts of a pixel": lambda: _dicom(
        dicoms.J2K, _jpeg2000(10_000, precincts=True), 10_000, BitsAllocated=8, BitsStored=8, HighBit=7
    ),
}


def grown() -> Iterator[tuple[str, str, str, int]]:
    """Name, stack, finding and growth in MiB, for every bomb and both stacks. One process for each look."""
    for name, make in BOMBS.items():
        data = make()
        for stack, look in (("converter", decode), ("reconciler", look_at)):
            code, most = _apart(lambda: look(data))  # noqa: B023 - called at once
            yield name, stack, code, most


def _apart(look: Callable[[], object]) -> tuple[str, int]:
    read, write = os.pipe()
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        before = _most()
        os.write(write, f"{_code(look)} {(_most() - before) >> 10}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        code, most = (told.read() or b"DIED 0").decode().split()
    os.waitpid(child, 0)
    return code, int(most)


def _code(look: Callable[[], object]) -> str:
    try:
        look()
    except (ImageProblem, SourceWanting) as problem:
        return "MEMORY" if "MemoryError" in str(problem) else str(problem.code)
    return "picture"


def _most() -> int:
    """The most memory that this process ever had in use, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) if found else 0


if __name__ == "__main__":
    for line in grown():
        print(*line, sep="\t", flush=True)
    sys.exit()
