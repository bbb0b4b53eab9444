"""Limits for one picture, applied before anything is allocated. Each has a unit and a reason."""

from __future__ import annotations

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

MAX_FILE_BYTES = 1 << 30  # bytes: a picture at the pixel limit takes 600 MB uncompressed; larger files are not pictures
MAX_SIDE = 32_767  # pixels: JPEG and viewers end at 65,535 and 32,767; the widest panoramics have some 4,000
MAX_PIXELS = 100_000_000  # pixels: twice the largest photo met in practices; 200 MB as 16-bit grey
MAX_FRAMES = 1  # frames: the target holds one picture a file


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


def require_frames(frames: int) -> None:
    """Raises ImageProblem MULTIFRAME for a file of several frames."""
    if frames > MAX_FRAMES:
        raise ImageProblem(FindingCode.MULTIFRAME, f"{frames} frames in one file")
