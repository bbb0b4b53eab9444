"""One file read by the converter and by the reconciler: where they do not agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.imaging.decode import decode
from engine.imaging.pixels import MONOCHROME1, Pixels, canonical
from engine.imaging.problem import ImageProblem
from engine.reconcile.compare import DECLARED
from engine.reconcile.picture import Picture, SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import ADVICE, FindingCode, Severity


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
    one = (converted.bits_stored, converted.bits_allocated, converted.signed, converted.window)
    other = (seen.bits_stored, seen.bits_allocated, seen.signed, seen.window)
    if one != other or (converted.photometric == MONOCHROME1) != seen.low_is_white:
        return f"described as {one} here, {other} there"
    if converted.array.shape != seen.samples.shape or canonical(converted) != seen.covered():
        return "other samples"
    return None if np.array_equal(converted.array, seen.samples) else "the same bytes of other samples"
