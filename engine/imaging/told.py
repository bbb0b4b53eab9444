"""What a native file tells of its pixels beside the samples: the names `pixels.*`, and from those names back.

A file tells only what its profile has a place for. What does not come back from the names it writes is lost, and said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final

from engine.imaging.pixels import MONOCHROME1, Lut, Pixels, Window

LOW_IS_WHITE, SIGNED, HAS_WINDOW, HAS_RESCALE, HAS_SPACING = 1, 2, 4, 8, 16  # bits of pixels.flags
HAS_WINDOW_WORDS, HAS_LUT = 32, 64
_BITS: Final[Mapping[str, int]] = {
    "low_is_white": LOW_IS_WHITE,
    "signed": SIGNED,
    "has_window": HAS_WINDOW,
    "has_rescale": HAS_RESCALE,
    "has_spacing": HAS_SPACING,
    "has_window_words": HAS_WINDOW_WORDS,
    "has_voi_lut": HAS_LUT,  # one bit for both tables; the one that is not there has no entries
    "has_modality_lut": HAS_LUT,
}
# A bit of pixels.flags is set only in files that have one of the places for what it announces.
_ANNOUNCED: Final[Mapping[str, frozenset[str]]] = {
    "has_window": frozenset({"pixels.window_center", "pixels.windows"}),
    "has_rescale": frozenset({"pixels.rescale_slope"}),
    "has_spacing": frozenset({"pixels.row_spacing"}),
    "has_voi_lut": frozenset({"pixels.voi_lut"}),
    "has_modality_lut": frozenset({"pixels.modality_lut"}),
    "has_window_words": frozenset({"pixels.windows"}),
}
_IDENTITY: Final = (1.0, 0.0)  # a rescale that changes nothing


@dataclass(frozen=True, slots=True)
class Told:
    """How samples are to be read and shown, as far as a file tells."""

    low_is_white: bool
    signed: bool
    windows: tuple[Window, ...]
    rescale: tuple[float, float] | None
    spacing: tuple[float, float] | None
    voi_luts: tuple[Lut, ...]
    modality_lut: Lut | None

    @staticmethod
    def of(pixels: Pixels) -> Told:
        return Told(
            pixels.photometric == MONOCHROME1,
            pixels.signed,
            pixels.windows,
            pixels.rescale,
            pixels.spacing,
            pixels.voi_luts,
            pixels.modality_lut,
        )

    @property
    def bare(self) -> Told:
        """The same samples in the same sense, with nothing said of showing them."""
        return Told(self.low_is_white, self.signed, (), None, None, (), None)

    def missing_from(self, other: Told) -> tuple[str, ...]:
        """What this tells and `other` does not, in words. A rescale that changes nothing says nothing."""
        return tuple(self._missing(other))

    def _missing(self, other: Told) -> Iterator[str]:
        if (self.rescale or _IDENTITY) != (other.rescale or _IDENTITY):
            yield "rescale slope and intercept"
        if self.spacing != other.spacing:
            yield "pixel spacing"
        if self.windows[:1] != other.windows[:1]:
            yield "window" if _plain(self.windows[:1]) != _plain(other.windows[:1]) else "the window's explanation"
        if self.windows[1:] != other.windows[1:]:
            yield f"{len(self.windows) - 1} further window(s)"
        if self.voi_luts[:1] != other.voi_luts[:1]:
            yield "VOI LUT"
        if self.voi_luts[1:] != other.voi_luts[1:]:
            yield f"{len(self.voi_luts) - 1} further VOI LUT(s)"
        if self.modality_lut != other.modality_lut:
            yield "modality LUT"


def lost_as_photo(pixels: Pixels) -> tuple[str, ...]:
    """What a plain PNG or JPEG of a picture cannot tell, in words; samples and their sense are judged elsewhere."""
    told = Told.of(pixels)
    return (*told.missing_from(told.bare), *_dark(pixels), *pixels.beside)


def _dark(pixels: Pixels) -> tuple[str, ...]:
    """Samples are never scaled, and PNG takes all bits of a sample for used."""
    unused = pixels.bits_stored < pixels.bits_allocated
    return (f"{pixels.bits_stored} bits of {pixels.bits_allocated}, shown darker",) if unused else ()


def pixel_names(pixels: Pixels, placed: Collection[str] | None = None) -> Mapping[str, object]:
    """The names `pixels.*` of the expression language; `placed` are those a file has a place for, None for all."""
    told = Told.of(pixels)
    truths = _truths(told)
    announced = (name for name, truth in truths.items() if truth and _has_place(name, placed))
    flags = reduce(or_, (_BITS[name] for name in announced), 0)
    center, width = pixels.window or (0.0, 0.0)
    return {
        "pixels.width": pixels.width,
        "pixels.height": pixels.height,
        "pixels.bits_allocated": pixels.bits_allocated,
        "pixels.bits_stored": pixels.bits_stored,
        "pixels.samples": pixels.samples,
        "pixels.flags": flags,
        **{f"pixels.{name}": int(truth) for name, truth in truths.items()},
        "pixels.window_center": center,
        "pixels.window_width": width,
        "pixels.windows": "\n".join(map(_line, pixels.windows)),
        **dict(zip(("pixels.rescale_slope", "pixels.rescale_intercept"), pixels.rescale or _IDENTITY, strict=True)),
        **dict(zip(("pixels.row_spacing", "pixels.column_spacing"), pixels.spacing or (0.0, 0.0), strict=True)),
        **_lut_names("pixels.voi_lut", next(iter(pixels.voi_luts), None)),
        **_lut_names("pixels.modality_lut", pixels.modality_lut),
    }


def _has_place(name: str, placed: Collection[str] | None) -> bool:
    return placed is None or name not in _ANNOUNCED or not _ANNOUNCED[name].isdisjoint(placed)


def _truths(told: Told) -> Mapping[str, bool]:
    first = told.windows[:1]
    return {
        "low_is_white": told.low_is_white,
        "signed": told.signed,
        "has_window": bool(first),
        "has_rescale": told.rescale is not None,
        "has_spacing": told.spacing is not None,
        "has_voi_lut": bool(told.voi_luts),
        "has_modality_lut": told.modality_lut is not None,
        "has_window_words": told.windows != _plain(first),
    }


def _plain(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Windows as center and width alone tell them."""
    return tuple(Window(window.center, window.width) for window in windows)


def _line(window: Window) -> str:
    return f"{window.center!r}\\{window.width!r}\\{window.function}\\{window.explanation}"


def _lut_names(name: str, lut: Lut | None) -> Mapping[str, object]:
    parts = (b"", 0, 0, 0, "") if lut is None else (lut.entries, lut.first, lut.bits, lut.count, lut.explanation)
    return {f"{name}{part}": value for part, value in zip(_LUT_PARTS, parts, strict=True)}


_LUT_PARTS: Final = ("", "_first", "_bits", "_count", "_explanation")


def told_by(said: Mapping[str, Any]) -> Told:
    """What a file tells by the names it writes. Raises ValueError where they make no sense."""
    flags = {name: bool(said["pixels.flags"] & bit) for name, bit in _BITS.items()} if "pixels.flags" in said else {}
    truths = flags | {name: bool(said[f"pixels.{name}"]) for name in _BITS if f"pixels.{name}" in said}
    return Told(
        truths.get("low_is_white", False),
        truths.get("signed", False),
        _windows(said, truths.get("has_window")),
        _pair(said, "pixels.rescale_slope", "pixels.rescale_intercept", truths.get("has_rescale"), _IDENTITY),
        _pair(said, "pixels.row_spacing", "pixels.column_spacing", truths.get("has_spacing"), (0.0, 0.0)),
        tuple(lut for lut in (_lut(said, "pixels.voi_lut", truths.get("has_voi_lut")),) if lut),
        _lut(said, "pixels.modality_lut", truths.get("has_modality_lut")),
    )


def _windows(said: Mapping[str, Any], given: bool | None) -> tuple[Window, ...]:
    if given is False:
        return ()
    if said.get("pixels.windows"):
        return tuple(map(_window, said["pixels.windows"].split("\n")))
    pair = _pair(said, "pixels.window_center", "pixels.window_width", given, (0.0, 0.0))
    return () if pair is None else (Window(*pair),)


def _window(line: str) -> Window:
    center, width, function, explanation = line.split("\\")
    return Window(float(center), float(width), explanation, function)


def _pair(
    said: Mapping[str, Any], first: str, second: str, given: bool | None, absent: tuple[float, float]
) -> tuple[float, float] | None:
    """Two numbers that belong together; where no flag says whether they are given, `absent` stands for none."""
    if given is False or first not in said or second not in said:
        return None
    pair = (float(said[first]), float(said[second]))
    return pair if given or pair != absent else None


def _lut(said: Mapping[str, Any], name: str, given: bool | None) -> Lut | None:
    entries = said.get(name)
    if given is False or not entries or f"{name}_first" not in said or f"{name}_bits" not in said:
        return None
    lut = Lut(said[f"{name}_first"], said[f"{name}_bits"], entries, said.get(f"{name}_explanation", ""))
    if said.get(f"{name}_count", lut.count) != lut.count:
        raise ValueError(f"{name} has another number of entries than the file says")
    return lut
