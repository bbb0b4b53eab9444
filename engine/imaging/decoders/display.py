"""How a DICOM file wants its samples shown: windows, look-up tables, rescale, spacing. Carried, never applied.

Sources: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), 10.7.1.3 (spacing). What is malformed there shows nothing
to any viewer, and counts as not given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from engine.imaging.limits import MAX_PALETTE
from engine.imaging.pixels import Lut, Window

_SPACINGS: Final = ("PixelSpacing", "ImagerPixelSpacing")


@dataclass(frozen=True, slots=True)
class Display:
    """The fields of `Pixels` of the same names."""

    windows: tuple[Window, ...]
    rescale: tuple[float, float] | None
    modality_lut: Lut | None
    voi_luts: tuple[Lut, ...]
    spacing: tuple[float, float] | None


def display_of(dataset: Any, big_endian: bool) -> Display:
    """What a dataset says, whether or not its picture is grey."""
    return Display(
        tuple(_windows(dataset)),
        _pair([*_numbers(dataset, "RescaleSlope")[:1], *_numbers(dataset, "RescaleIntercept")[:1]]),
        next(_luts(dataset, "ModalityLUTSequence", big_endian), None),
        tuple(_luts(dataset, "VOILUTSequence", big_endian)),
        next(_spacings(dataset), None),
    )


def _windows(dataset: Any) -> Iterator[Window]:
    centers, widths = _numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth")
    words = _texts(dataset, "WindowCenterWidthExplanation")
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    for number, (center, width) in enumerate(zip(centers, widths, strict=False)):
        yield Window(center, width, words[number] if number < len(words) else "", function)


def _spacings(dataset: Any) -> Iterator[tuple[float, float]]:
    for name in _SPACINGS:
        found = _pair(_numbers(dataset, name))
        if found is not None and min(found) > 0:
            yield found


def _luts(dataset: Any, name: str, big_endian: bool) -> Iterator[Lut]:
    for item in dataset.get(name) or ():
        try:
            yield _lut(item, big_endian)
        except (AttributeError, TypeError, ValueError):
            continue


def _lut(item: Any, big_endian: bool) -> Lut:
    entries, first, bits = (int(value) for value in item.LUTDescriptor)
    count = entries & 0xFFFF or MAX_PALETTE  # it may have been read as a signed word
    words = _words(item.LUTData, count, bits, big_endian)
    if len(words) < count:
        raise ValueError("a look-up table shorter than its descriptor says")
    return Lut(first, bits, words[:count].tobytes(), str(item.get("LUTExplanation") or ""))


def _words(data: Any, count: int, bits: int, big_endian: bool) -> Any:
    """Entries as 16-bit little-endian words, from words or from bytes in words, as numbers or as they stand."""
    if not isinstance(data, bytes):
        return np.asarray(data, np.uint16).reshape(-1).astype("<u2")
    words = np.frombuffer(data[: len(data) // 2 * 2], ">u2" if big_endian else "<u2").astype("<u2")
    packed = bits <= 8 and count > 1 and len(words) < count
    return words.view(np.uint8).astype("<u2") if packed else words


def _pair(numbers: list[float]) -> tuple[float, float] | None:
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _numbers(dataset: Any, name: str) -> list[float]:
    """The numbers of one attribute; none where any of them is no finite number."""
    try:
        numbers = [float(value) for value in _values(dataset.get(name))]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _texts(dataset: Any, name: str) -> list[str]:
    return [str(value) for value in _values(dataset.get(name))]


def _values(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str | float | int) else value
