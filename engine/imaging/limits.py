"""Limits for one picture, applied before anything is allocated. Each has a unit and a reason."""

from __future__ import annotations

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

MAX_FILE_BYTES = 1 << 30  # bytes: a picture at the pixel limit takes 600 MB uncompressed; larger files are not pictures
MAX_INFLATED_BYTES = MAX_FILE_BYTES  # bytes: a deflated file is held to what the same file may have uncompressed
MAX_SIDE = 32_767  # pixels: JPEG and viewers end at 65,535 and 32,767; the widest panoramics have some 4,000
MAX_PIXELS = 100_000_000  # pixels: twice the largest photo met in practices; 200 MB as 16-bit grey
MAX_SAMPLES = 4  # samples a pixel: three colours and how opaque they are; more is no picture for people
MAX_FRAMES = 1  # frames: the target holds one picture a file
MAX_PALETTE = 1 << 16  # entries: what 16-bit indices can name, and a DICOM descriptor can say
MAX_TILES = 4_096  # tiles of a JPEG 2000 picture: a decoder sets aside some 6 KB for each before it reads the first
MAX_PRECINCTS = 1 << 17  # of a JPEG 2000 picture, likewise: 600 bytes each; the largest in blocks of 64 has 98,000
MAX_TAG_VALUES = 1 << 21  # numbers of a TIFF tag: offsets of a picture at the limit in tiles of 16 by 16, four planes
MAX_PAGES = 64  # directories of a TIFF file: a chain this long is a loop or a film, not a picture


def require_file_size(size: int) -> None:
    """Raises ImageProblem EMPTY_FILE or TOO_LARGE for a file of `size` bytes that cannot be a picture."""
    if size == 0:
        raise ImageProblem(FindingCode.EMPTY_FILE, "the file has no bytes")
    if size > MAX_FILE_BYTES:
        raise ImageProblem(FindingCode.TOO_LARGE, f"{size} bytes; the limit is {MAX_FILE_BYTES}")


def require_dimensions(width: int, height: int) -> None:
    """Raises ImageProblem UNREADABLE_FILE for an empty picture, TOO_LARGE for one beyond the limits."""
    if width < 1 or height < 1:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, f"a picture of {width}x{height} pixels")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageProblem(
            FindingCode.TOO_LARGE, f"{width}x{height} pixels; the limits are {MAX_SIDE} a side and {MAX_PIXELS} in all"
        )


def require_samples(samples: int) -> None:
    """Raises ImageProblem TOO_LARGE for more samples a pixel than a picture has."""
    if samples > MAX_SAMPLES:
        raise ImageProblem(FindingCode.TOO_LARGE, f"{samples} samples a pixel; the limit is {MAX_SAMPLES}")


def require_tiles(tiles: int) -> None:
    """Raises ImageProblem TOO_LARGE for a picture cut into more tiles than any has."""
    if tiles > MAX_TILES:
        raise ImageProblem(FindingCode.TOO_LARGE, f"{tiles} tiles; the limit is {MAX_TILES}")


def require_precincts(precincts: int) -> None:
    """Raises ImageProblem TOO_LARGE for a picture cut into more precincts than any has."""
    if precincts > MAX_PRECINCTS:
        raise ImageProblem(FindingCode.TOO_LARGE, f"{precincts} precincts; the limit is {MAX_PRECINCTS}")


def require_frames(frames: int) -> None:
    """Raises ImageProblem MULTIFRAME for a file of several frames."""
    if frames > MAX_FRAMES:
        raise ImageProblem(FindingCode.MULTIFRAME, f"{frames} frames in one file")
