"""One file read by the converter and by the reconciler: where they do not agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.imaging.decode import decode
from engine.imaging.pixels import MONOCHROME1, Lut, Pixels, canonical
from engine.imaging.problem import ImageProblem
from engine.reconcile.compare import DECLARED
from engine.reconcile.picture import GreyTable, Picture, SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.advice import ADVICE
from protocol.vocabulary import FindingCode, Severity


def prepare() -> None:
    """Workers need nothing."""


def disagreement_over(path: Path) -> str | None:
    return disagreement(path.read_bytes())


def disagreement(data: bytes) -> str | None:
    """None where both see the same picture or declare the same, or where neither sees one and conversion never begins.

    Anything that is raised here is a crash of one of them.
    """
    converted, seen = _converted(data), _seen(data)
    if isinstance(converted, FindingCode):
        if isinstance(seen, Picture):
            return f"{converted}, where the reconciler sees a picture"
        blocks = ADVICE[converted].severity is Severity.BLOCKER
        agreed = blocks or (converted is seen and seen in DECLARED)
        return None if agreed else f"{converted} here, {seen} there"
    return seen if isinstance(seen, FindingCode) else _difference(converted, seen)


def _converted(data: bytes) -> Pixels | FindingCode:
    try:
        return decode(data)
    except ImageProblem as problem:
        return problem.code


def _seen(data: bytes) -> Picture | FindingCode:
    try:
        return look_at(data)
    except SourceWanting as wanting:
        return wanting.code


def _difference(converted: Pixels, seen: Picture) -> str | None:
    one = (converted.bits_stored, converted.bits_allocated, converted.signed, converted.window, converted.exif)
    other = (seen.bits_stored, seen.bits_allocated, seen.signed, seen.window, seen.exif)
    if one != other or (converted.photometric == MONOCHROME1) != seen.low_is_white:
        return f"described as {one} here, {other} there"
    if _display(converted) != _shown(seen):
        return f"shown as {_display(converted)} here, {_shown(seen)} there"
    if converted.array.shape != seen.samples.shape or canonical(converted) != seen.covered():
        return "other samples"
    return None if np.array_equal(converted.array, seen.samples) else "the same bytes of other samples"


def _display(pixels: Pixels) -> tuple[object, ...]:
    """What is carried beside the samples, as plain values."""
    windows = [(window.center, window.width, window.explanation, window.function) for window in pixels.windows]
    tables = [pixels.modality_lut, *pixels.voi_luts]
    return windows, [_table(table) for table in tables], pixels.rescale, pixels.spacing


def _shown(picture: Picture) -> tuple[object, ...]:
    shown = picture.shown
    windows = [(window.center, window.width, window.explanation, window.function) for window in shown.windows]
    return windows, [_table(table) for table in (shown.modality, *shown.tables)], shown.rescale, shown.spacing


def _table(table: Lut | GreyTable | None) -> tuple[object, ...] | None:
    return None if table is None else (table.first, table.bits, table.entries, table.explanation)
