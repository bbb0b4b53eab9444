"""Teeth, and how systems write them: FDI (ISO 3950), three-digit FDI, ADA universal and Palmer.

Each notation is a table from tooth to code, so reading and writing are exact inverses. A supernumerary tooth is named
by the regular tooth it stands beside: ADA adds 50 to a number (51-82); everything else takes the suffix S, as ADA
letters do (AS-TS). The suffix in FDI and Palmer is our convention; ISO 3950 has no code for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_PERMANENT, _DECIDUOUS = range(1, 5), range(5, 9)
_LAST_POSITION = {quadrant: 8 if quadrant in _PERMANENT else 5 for quadrant in (*_PERMANENT, *_DECIDUOUS)}
# Number of a tooth in its ADA sequence: start of the quadrant, direction in which positions count.
_ADA_QUADRANTS = {1: (9, -1), 2: (8, 1), 3: (25, -1), 4: (24, 1), 5: (6, -1), 6: (5, 1), 7: (16, -1), 8: (15, 1)}
_PALMER_QUADRANTS = ("UR", "UL", "LL", "LR")


@dataclass(frozen=True, slots=True, order=True)
class Tooth:
    """One tooth: FDI quadrant (1-4 permanent, 5-8 deciduous) and position from the midline (1-8, deciduous 1-5)."""

    quadrant: int
    position: int
    supernumerary: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.position <= _LAST_POSITION.get(self.quadrant, 0):
            raise ValueError(f"there is no tooth {self.position} in quadrant {self.quadrant}")

    @property
    def is_deciduous(self) -> bool:
        return self.quadrant in _DECIDUOUS


ALL_TEETH = tuple(
    Tooth(quadrant, position, supernumerary)
    for supernumerary in (False, True)
    for quadrant, last in _LAST_POSITION.items()
    for position in range(1, last + 1)
)


def _fdi(tooth: Tooth) -> str:
    return f"{tooth.quadrant}{tooth.position}{_suffix(tooth)}"


def _fdi3(tooth: Tooth) -> str:
    return f"{tooth.quadrant}{tooth.position:02}{_suffix(tooth)}"


def _ada(tooth: Tooth) -> str:
    start, step = _ADA_QUADRANTS[tooth.quadrant]
    number = start + step * tooth.position
    if tooth.is_deciduous:
        return f"{chr(ord('A') + number - 1)}{_suffix(tooth)}"
    return str(number + 50 if tooth.supernumerary else number)


def _palmer(tooth: Tooth) -> str:
    place = chr(ord("A") + tooth.position - 1) if tooth.is_deciduous else str(tooth.position)
    return f"{_PALMER_QUADRANTS[(tooth.quadrant - 1) % 4]}{place}{_suffix(tooth)}"


def _suffix(tooth: Tooth) -> str:
    return "S" if tooth.supernumerary else ""


_WRITERS = {"fdi": _fdi, "fdi3": _fdi3, "ada": _ada, "palmer": _palmer}
# Codes a notation also understands when reading: two-digit forms occur among three-digit ones.
_ALSO_READ = {"fdi3": (_fdi,)}
NOTATIONS = frozenset(_WRITERS)


@cache
def _codes(notation: str) -> Mapping[str, Tooth]:
    return dict(_readings(notation))


def _readings(notation: str) -> Iterator[tuple[str, Tooth]]:
    for writer in (_WRITERS[notation], *_ALSO_READ.get(notation, ())):
        for tooth in ALL_TEETH:
            yield writer(tooth), tooth


@dataclass(frozen=True, slots=True)
class TeethNotation:
    """How one system writes a list of teeth: one of `NOTATIONS`, what stands between codes, what stands before all."""

    notation: str
    separator: str
    prefix: str

    def __post_init__(self) -> None:
        if self.notation not in NOTATIONS or not self.separator:
            raise ValueError(f"notation must be one of {sorted(NOTATIONS)}, with a separator")

    def read(self, text: str | None) -> tuple[Tooth, ...]:
        """The teeth that `text` names, in its order; none for None or empty text. Raises ValueError otherwise."""
        if not text:
            return ()
        if not text.startswith(self.prefix):
            raise ValueError(f"teeth text does not begin with {self.prefix!r}")
        codes = text.removeprefix(self.prefix)
        return tuple(self._tooth(code) for code in codes.split(self.separator)) if codes else ()

    def write(self, teeth: tuple[Tooth, ...]) -> str | None:
        """The text that names `teeth`, in their order; None for no teeth."""
        if not teeth:
            return None
        writer = _WRITERS[self.notation]
        return self.prefix + self.separator.join(writer(tooth) for tooth in teeth)

    def _tooth(self, code: str) -> Tooth:
        try:
            return _codes(self.notation)[code]
        except KeyError as problem:
            raise ValueError(f"not a tooth in {self.notation}: {code!r}") from problem
