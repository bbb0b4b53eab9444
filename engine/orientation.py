"""The eight ways to show a picture form a group; every system's notation maps into it and out of it.

Canonical form: mirror left-right first (or not), then turn clockwise by quarter turns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels are shown: mirrored left-right first if `mirrored`, then `quarter_turns` clockwise (0-3)."""

    quarter_turns: int = 0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.quarter_turns not in range(4):
            raise ValueError(f"quarter_turns must be 0 to 3, got {self.quarter_turns}")

    def then(self, after: Orientation) -> Orientation:
        """This orientation, and `after` applied to what it shows. A mirror reverses the turns made before it."""
        turns = -self.quarter_turns if after.mirrored else self.quarter_turns
        return Orientation((turns + after.quarter_turns) % 4, self.mirrored != after.mirrored)

    def inverse(self) -> Orientation:
        """The orientation that undoes this one."""
        return self if self.mirrored else Orientation(-self.quarter_turns % 4, False)

    def __str__(self) -> str:
        """In words, for a person."""
        turn = f"{90 * self.quarter_turns} degrees clockwise" if self.quarter_turns else ""
        return " and ".join(filter(None, ("mirrored" if self.mirrored else "", turn))) or "upright"


UPRIGHT = Orientation()
ALL = tuple(Orientation(turns, mirrored) for mirrored in (False, True) for turns in range(4))

# What EXIF (JEITA CP-3451, tag 274) calls the eight: the place of the stored top-left corner as shown.
FROM_EXIF = {
    **{1: UPRIGHT, 2: Orientation(0, True), 3: Orientation(2, False), 4: Orientation(2, True)},
    **{5: Orientation(3, True), 6: Orientation(1, False), 7: Orientation(1, True), 8: Orientation(3, False)},
}

# A top-bottom mirror is a left-right mirror followed by half a turn.
_MIRRORS = {"horizontal": Orientation(0, True), "vertical": Orientation(2, True)}
# How many quarter turns clockwise one unit of a notation's rotation number is, as (numerator, denominator).
_UNITS = {
    "degrees-clockwise": (1, 90),
    "degrees-counterclockwise": (-1, 90),
    "quarter-turns-clockwise": (1, 1),
    "quarter-turns-counterclockwise": (-1, 1),
}
UNITS, MIRRORS, ORDERS = frozenset(_UNITS), frozenset(_MIRRORS), frozenset({"rotate-then-mirror", "mirror-then-rotate"})


@dataclass(frozen=True, slots=True)
class OrientationNotation:
    """How one system writes an orientation: a rotation number and a mirror flag, as its profile states."""

    unit: str
    mirror: str
    order: str

    def read(self, rotation: int, mirrored: bool) -> Orientation:
        """The orientation meant by `rotation` in this notation's unit. ValueError for a part of a quarter turn."""
        turn, flip = Orientation(self._quarter_turns(rotation)), _MIRRORS[self.mirror] if mirrored else UPRIGHT
        return flip.then(turn) if self.order == "mirror-then-rotate" else turn.then(flip)

    def write(self, orientation: Orientation) -> tuple[int, bool]:
        """The rotation number and mirror flag of this notation that mean `orientation`."""
        sign, size = _UNITS[self.unit]
        for turns in range(4):
            rotation = (sign * turns) % 4 * size
            if self.read(rotation, orientation.mirrored) == orientation:
                return rotation, orientation.mirrored
        raise AssertionError("the eight orientations are a group; one of four turns must fit")

    def _quarter_turns(self, rotation: int) -> int:
        sign, size = _UNITS[self.unit]
        if rotation % size:
            raise ValueError(f"{rotation} is not a multiple of {size}")
        return sign * (rotation // size) % 4
