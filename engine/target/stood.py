"""Tables without an index as they stood when a session began, so that none is read whole for each patient."""

from __future__ import annotations

from dataclasses import dataclass

from engine.target.mentioned import Mentioned
from engine.target.taken import TakenKeys


@dataclass(frozen=True, slots=True)
class AsItStood:
    """Which of the planned keys were `taken`, and where patients who leave are `mentioned`."""

    taken: TakenKeys
    mentioned: Mentioned
