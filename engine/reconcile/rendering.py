"""How pictures are shown, read straight from the words of a profile and carried out on real arrays.

`[orientation]` states a unit, a mirror axis and an order; a `Turner` turns any (h, w) or (h, w, 3) array as it says.
A target keeps both values in one text made from `template`; `reading_of` takes such a text apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]

# Degrees clockwise that one unit of rotation means.
_DEGREES = {
    "degrees-clockwise": 1,
    "degrees-counterclockwise": -1,
    "quarter-turns-clockwise": 90,
    "quarter-turns-counterclockwise": -90,
}
# numpy axis that a mirror reverses: "horizontal" swaps left and right, "vertical" swaps top and bottom.
_AXIS = {"horizontal": 1, "vertical": 0}
# No two of the eight ways to show it look the same.
_PROBE = np.arange(6, dtype=np.uint8).reshape(2, 3)
_TRUTH = {
    "1": True,
    "true": True,
    "t": True,
    "y": True,
    "yes": True,
    "0": False,
    "false": False,
    "f": False,
    "n": False,
}


@dataclass(frozen=True, slots=True)
class Turner:
    """How one system says pictures are shown: `unit`, `mirror` and `order` as its profile words them."""

    unit: str
    mirror: str
    order: str

    def shown(self, picture: Picture, rotation: int, mirrored: bool) -> Picture:
        """`picture` as this system's viewer shows it. Raises ValueError for a part of a quarter turn."""
        if self.order == "mirror-then-rotate":
            return self._turned(self._flipped(picture, mirrored), rotation)
        return self._flipped(self._turned(picture, rotation), mirrored)

    def name(self, rotation: int, mirrored: bool) -> str:
        """Six digits that name the view whatever notation it was read from: a 2x3 picture as shown, row by row."""
        shown = self.shown(_PROBE, rotation, mirrored)
        return f"{shown.shape[0]}x{shown.shape[1]}:" + "".join(str(value) for value in shown.ravel())

    def _turned(self, picture: Picture, rotation: int) -> Picture:
        clockwise, part = divmod(rotation * _DEGREES[self.unit], 90)
        if part:
            raise ValueError(f"{rotation} {self.unit} is not a multiple of a quarter turn")
        return np.rot90(picture, -clockwise)

    def _flipped(self, picture: Picture, mirrored: bool) -> Picture:
        return np.flip(picture, _AXIS[self.mirror]) if mirrored else picture


def reading_of(template: str, text: str) -> tuple[int, bool]:
    """(rotation, mirrored) from a text written by `template`, such as "Turn={rotation}&Flip={mirrored}".

    Raises ValueError when the text was not made from the template.
    """
    found = _pattern(template).fullmatch(text)
    if found is None:
        raise ValueError("orientation text does not follow the profile's template")
    return int(found["rotation"]), truth_of(found["mirrored"])


def truth_of(value: object) -> bool:
    """A mirror flag as databases give it: boolean, number, text or nothing. Raises ValueError for anything else."""
    if value is None:
        return False
    try:
        return _TRUTH[str(value).strip().lower()]
    except KeyError:
        raise ValueError("not a yes or a no") from None


def whole_of(value: object) -> int:
    """A rotation as databases give it; nothing means none. Raises ValueError for parts of a unit."""
    if value is None:
        return 0
    number = float(str(value))
    if number != int(number):
        raise ValueError("rotation is not a whole number")
    return int(number)


def _pattern(template: str) -> re.Pattern[str]:
    parts: Mapping[str, str] = {"{rotation}": r"(?P<rotation>-?\d{1,4})", "{mirrored}": r"(?P<mirrored>\w{1,5})"}
    escaped = re.escape(template)
    for name, pattern in parts.items():
        escaped = escaped.replace(re.escape(name), pattern)
    return re.compile(escaped)
