"""What the columns behind a fact keep of it: how exact a time is, on which clock, what spaces at a text's end say."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from engine.profiles.schema import TargetProfile
from engine.reconcile.meanings import Columns


class Limits:
    """[time] and [text] of a target, by the fact that a table, or the look-up (None), shows."""

    def __init__(self, profile: TargetProfile, columns: Columns) -> None:
        self._columns, self._times, self._texts = columns, profile.time, profile.text

    def precision(self, table: str | None, fact: str) -> str:
        """What the column keeps of a time; all of it where the profile does not say."""
        limit = self._times.get(self._columns.of(table, fact) or "")
        return limit.precision if limit else "microsecond"

    def zone(self, table: str | None, fact: str) -> ZoneInfo | None:
        """The zone whose clocks the practice went by, where the column keeps moments of the world."""
        limit = self._times.get(self._columns.of(table, fact) or "")
        return ZoneInfo(limit.zone) if limit and limit.zone else None

    def bare(self, table: str | None, fact: str, text: str | None) -> str | None:
        """A text without what its column cannot tell apart: spaces at the end, where the profile says so."""
        limit = self._texts.get(self._columns.of(table, fact) or "")
        if text is None or limit is None or limit.trailing_spaces == "kept":
            return text
        return text.rstrip(" ") or None
