"""What the demo makes of the hub's view, by the console's own rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

import msgspec

from console.client import LinkLost, News
from console.verdicts import Judgement, gate_view, judge
from console.wire import Changed, FleetView, PracticeView
from engine.gates import GATES, ROAD
from protocol.messages import PhaseProgress
from protocol.statements import Evidence, statement_digest
from protocol.vocabulary import Alarm, Gate, GateState


class Standing(Enum):
    """Where the demo's run stands."""

    UNDER_WAY = auto()
    COMPLETE = auto()  # every gate is open, on evidence that this side could check
    ANSWER_IS_NO = auto()  # fresh evidence did not pass
    STUCK = auto()  # the engine died too often


@dataclass(frozen=True, slots=True)
class View:
    """The newest fleet, the practice watched, and what was already wrong when watching began."""

    fleet: FleetView
    me: str
    old_failures: frozenset[str] = frozenset()
    old_alarms: frozenset[Alarm] = frozenset()

    @classmethod
    def first(cls, fleet: FleetView, me: str) -> View:
        """The first view: failures and alarms of an earlier start are remembered, and excused for now."""
        view = cls(fleet, me)
        return replace(view, old_failures=view._failures(fleet.at), old_alarms=frozenset(view.practice.alarms))

    def after(self, news: News) -> View:
        """The view with `news` taken in."""
        if isinstance(news, LinkLost):
            return self
        fleet = self._changed(news) if isinstance(news, Changed) else news
        after = replace(self, fleet=fleet)
        return replace(after, old_failures=self.old_failures - after._judged_again(self.practice.progress))

    def _judged_again(self, before: PhaseProgress | None) -> frozenset[str]:
        """The evidence of a phase that has just ended: if it says no as before, it does so afresh."""
        progress = self.practice.progress
        if progress is None or progress.outcome is None or progress == before:
            return frozenset()
        signed = next(gate_view(self.practice, gate).evidence for phase, gate in ROAD if phase is progress.phase)
        return frozenset({statement_digest(signed.evidence)} if signed else ())

    def _changed(self, news: Changed) -> FleetView:
        practices = tuple(news.practice if one.id == news.practice.id else one for one in self.fleet.practices)
        return msgspec.structs.replace(self.fleet, practices=practices)

    @property
    def practice(self) -> PracticeView:
        """The demo practice: the only one this hub knows."""
        return self.fleet.practices[0]

    def judgements(self, now: int) -> Mapping[Gate, Judgement]:
        """Every gate of the road as this operator's console judges it."""
        return {gate: judge(self.practice, gate, self.fleet, self.me, now) for gate in GATES}

    def evidence(self, gate: Gate) -> Evidence | None:
        """The newest evidence of `gate`."""
        signed = gate_view(self.practice, gate).evidence
        return signed.evidence if signed else None

    def standing(self, now: int) -> Standing:
        """Where the run stands at `now` (UTC seconds)."""
        judgements = self.judgements(now).values()
        if all(one.state is GateState.OPEN and one.approvable for one in judgements):
            return Standing.COMPLETE
        if self._failures(now) - self.old_failures:
            return Standing.ANSWER_IS_NO
        if Alarm.ENGINE_GAVE_UP in set(self.practice.alarms) - self.old_alarms:
            return Standing.STUCK
        return Standing.UNDER_WAY

    def _failures(self, now: int) -> frozenset[str]:
        """The digests of evidence that cannot be approved, at gates that are not open."""
        judgements = self.judgements(now).values()
        return frozenset(one.digest for one in judgements if one.digest and one.refusal)
