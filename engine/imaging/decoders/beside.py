"""What a DICOM file says of showing or measuring its picture that `Pixels` has no field for: named, so that none of it
is lost in silence. What changes nothing (an overlay without a mark, a square pixel) is not named.

Sources: DICOM PS3.3 C.7.6.3 and C.7.5.1.1 (padding, aspect, colour profile), C.9.2 (overlays), C.7.6.11 (shutter),
C.11.6 (presentation LUT), C.11.1.1.2 (units), 10.7 and C.8.11.7 (spacing), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from numpy.typing import NDArray

from engine.imaging.pixels import MONOCHROME1, PROFILE

_OVERLAYS, _CURVES = 0x6000, 0x5000  # the first of sixteen groups each, every other number
_DATA, _BIT_POSITION = 0x3000, 0x0102
_PLAIN_UNITS: Final = frozenset({"", "US"})  # unspecified
_RESCALED: Final = ("PixelMeasuresSequence", "FrameVOILUTSequence", "PixelValueTransformationSequence")


def beside(
    dataset: Any, photometric: str, spacing: tuple[float, float] | None, samples: NDArray[Any]
) -> tuple[str, ...]:
    """In words, each thing said. `spacing` is what is carried of spacing; `samples` are the picture's own."""
    found = (
        *_drawn(dataset),
        *_shown(dataset, photometric),
        *_measured(dataset, spacing),
        *_padding(dataset, samples),
    )
    return tuple(found)


def _drawn(dataset: Any) -> Iterator[str]:
    """Overlays of their own or in bits of the samples that are not theirs, curves, graphics."""
    is_drawn = any(_CURVES <= tag >> 16 < _OVERLAYS + 32 for tag in dataset.keys())  # noqa: SIM118
    for number in range(16 if is_drawn else 0):
        group = (_OVERLAYS + 2 * number) << 16
        data = dataset.get(group | _DATA)
        is_within = data is None and int(_value(dataset, group | _BIT_POSITION) or 0) > 0
        if is_within or (data is not None and any(data.value or b"")):
            yield f"overlay {number + 1}"
        if (_CURVES + 2 * number) << 16 | _DATA in dataset:
            yield f"curve {number + 1}"
    if dataset.get("GraphicAnnotationSequence"):
        yield "graphic annotations"


def _shown(dataset: Any, photometric: str) -> Iterator[str]:
    shape = str(dataset.get("PresentationLUTShape") or "")
    if shape and (shape == "INVERSE") != (photometric == MONOCHROME1):
        yield f"presentation LUT shape {shape[:16]}"
    if dataset.get("PresentationLUTSequence"):
        yield "presentation LUT"
    if dataset.get("ShutterShape"):
        yield "display shutter"
    if dataset.get("ICCProfile"):
        yield PROFILE
    if any(name in group for group in _functional_groups(dataset) for name in _RESCALED):
        yield "windows, rescale or spacing in functional groups"


def _functional_groups(dataset: Any) -> Iterator[Any]:
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        yield from dataset.get(name) or ()


def _measured(dataset: Any, spacing: tuple[float, float] | None) -> Iterator[str]:
    if dataset.get("PixelSpacingCalibrationType"):
        yield f"spacing calibration {str(dataset.PixelSpacingCalibrationType)[:16]}"
    for name, words in (
        ("ImagerPixelSpacing", "imager pixel"),
        ("NominalScannedPixelSpacing", "nominal scanned pixel"),
    ):
        if _floats(dataset, name) not in ((), spacing):
            yield f"{words} spacing"
    if spacing is None and len(set(_floats(dataset, "PixelAspectRatio"))) > 1:
        yield "pixel aspect ratio"
    if _floats(dataset, "EstimatedRadiographicMagnificationFactor") not in ((), (1.0,)):
        yield "radiographic magnification factor"
    if "RescaleSlope" in dataset and str(dataset.get("RescaleType") or "") not in _PLAIN_UNITS:
        yield f"rescale type {str(dataset.RescaleType)[:16]}"


def _padding(dataset: Any, samples: NDArray[Any]) -> Iterator[str]:
    """Samples that stand for no picture, where there are any."""
    ends = [
        _word(dataset.get(name), samples) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit") if name in dataset
    ]
    known = sorted(end for end in ends if end is not None)
    if known and bool(((samples >= known[0]) & (samples <= known[-1])).any()):
        yield "pixel padding"


def _word(value: Any, samples: NDArray[Any]) -> int | None:
    """A number that may have come as the two bytes it stands in, or with the wrong sign."""
    number = int.from_bytes(value, "little") if isinstance(value, bytes) else value
    if not isinstance(number, int):
        return None
    number &= 0xFFFF
    return number - 0x10000 if samples.dtype.kind == "i" and number > 0x7FFF else number


def _floats(dataset: Any, name: str) -> tuple[float, ...]:
    value = dataset.get(name)
    with suppress(TypeError, ValueError):
        return tuple(map(float, (value,) if isinstance(value, str | float | int) else value or ()))
    return ()


def _value(dataset: Any, tag: int) -> Any:
    element = dataset.get(tag)
    return None if element is None else element.value
