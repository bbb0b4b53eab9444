"""Whether a decoder can be used on this machine, and in words why not."""

from __future__ import annotations

from dataclasses import dataclass

import imagecodecs

from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode


@dataclass(frozen=True, slots=True)
class Availability:
    """True where a decoder can be used; else `reason` names the codec that is wanting and the package that has it."""

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason

    def require(self) -> None:
        """Raises ImageProblem NO_DECODER with the reason."""
        if self.reason:
            raise ImageProblem(FindingCode.NO_DECODER, self.reason)


AVAILABLE = Availability()


def codec(name: str) -> Availability:
    """Of one codec of imagecodecs, by its name there: "JPEG8", "PNG", ..."""
    if getattr(getattr(imagecodecs, name, None), "available", False):
        return AVAILABLE
    return Availability(
        f"codec {name} is not in this build of imagecodecs {imagecodecs.__version__}; "
        "install the wheel of the package imagecodecs in its place"
    )
