"""The fleet as rows: which, in which order, and what each column says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from console.tui import figures
from console.tui.lines import NONE, Tone
from console.tui.standing import Standing, Urgency, focus_gate, is_running, silence, standing_of
from console.tui.state import Order, State
from console.tui.words import PHASES, STATE_MARKS
from console.verdicts import Judgement, gate_view, judge
from console.wire import PracticeView
from protocol.vocabulary import Gate

MARKS = {Urgency.NEEDS_ME: "!", Urgency.TROUBLE: "✗", Urgency.RUNNING: "▸", Urgency.QUIET: " "}
TONES = {
    Urgency.NEEDS_ME: Tone.WARN,
    Urgency.TROUBLE: Tone.BAD,
    Urgency.RUNNING: Tone.PLAIN,
    Urgency.QUIET: Tone.DIM,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One practice and what is made of it."""

    practice: PracticeView
    judgement: Judgement
    standing: Standing

    @property
    def mark(self) -> str:
        """One sign for the eye; `standing.why` says it in words."""
        return MARKS[self.standing.urgency]


class Judges:
    """Judges focus gates once for every change: a signature check for each practice each second would not be fluid."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, object, float, Judgement]] = {}

    def judge(self, state: State, practice: PracticeView, now: int) -> Judgement | None:
        """The judgement of the practice's focus gate; None before the fleet has come."""
        fleet = state.fleet
        if fleet is None:
            return None
        known = self._known.get(practice.id)
        if known is not None and known[0] is practice and known[1] is fleet and now < known[2]:
            return known[3]
        gate = focus_gate(practice)
        judgement = judge(practice, gate, fleet, state.me.id, now)
        self._known[practice.id] = (practice, fleet, _next_expiry(practice, gate, now), judgement)
        return judgement


def _next_expiry(practice: PracticeView, gate: Gate, now: int) -> float:
    ends = [one.expires_at for one in gate_view(practice, gate).approvals if one.expires_at > now]
    return min(ends, default=float("inf"))


def all_rows(state: State, judges: Judges, now: int) -> list[Row]:
    """Every practice, in no order."""
    judged = ((one, judges.judge(state, one, now)) for one in state.practices.values())
    return [Row(one, verdict, standing_of(one, verdict, now)) for one, verdict in judged if verdict is not None]


def shown_rows(state: State, rows: Iterable[Row]) -> list[Row]:
    """The rows that pass the filters, sorted."""
    words = state.words.casefold().split()
    kept = [row for row in rows if _passes(state, row) and all(word in _text(row) for word in words)]
    return sorted(kept, key=_ORDERS[state.order])


def _passes(state: State, row: Row) -> bool:
    if state.faults_only and not row.standing.trouble:
        return False
    return not state.needs_me_only or row.standing.urgency is Urgency.NEEDS_ME


def _text(row: Row) -> str:
    gate = row.judgement.gate
    return f"{row.practice.code} {phase(row)} {gate} {row.standing.why} {row.standing.sentence}".casefold()


def _by_urgency(row: Row) -> tuple[object, ...]:
    return row.standing.urgency, not row.standing.trouble, row.practice.opens or "99:99", row.practice.code


def _by_finish(row: Row) -> tuple[object, ...]:
    progress, at = row.practice.progress, row.practice.progress_at
    if progress is None or at is None or progress.seconds_left_high is None or not is_running(row.practice):
        return float("inf"), row.practice.code
    return at + progress.seconds_left_high, row.practice.code


_ORDERS: dict[Order, Callable[[Row], tuple[object, ...]]] = {
    Order.URGENCY: _by_urgency,
    Order.CODE: lambda row: (row.practice.code,),
    Order.FINISH: _by_finish,
    Order.HEARD: lambda row: (-(row.practice.last_heard or 0), row.practice.code),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its width in cells (0: what is left over), and what it says of a row."""

    title: str
    width: int
    says: Callable[[Row, int, tzinfo], str]
    right: bool = False


def phase(row: Row) -> str:
    """The phase that runs, or ran last."""
    progress = row.practice.progress
    return PHASES[progress.phase] if progress else NONE


def gate_and_state(row: Row) -> str:
    """The gate that matters now, with its mark."""
    return f"{STATE_MARKS[row.judgement.state]} {row.judgement.gate}"


def approvals(row: Row) -> str:
    """Approvals given and needed; none where the gate opens by itself."""
    judgement = row.judgement
    return f"{len(judgement.approved_by)} of {judgement.needed}" if judgement.needed else NONE


def fraction(practice: PracticeView) -> float | None:
    """How far the phase is, by images; None while that is not known."""
    progress = practice.progress
    if progress is None or not progress.images_total:
        return None
    return progress.images_done / progress.images_total


def progress_text(row: Row, width: int) -> str:
    """A bar and a percentage, or a word."""
    part = fraction(row.practice)
    if not is_running(row.practice):
        return "ended" if row.practice.progress else NONE
    if part is None:
        return "begins"
    return f"{figures.bar(part, width - 5)}{figures.percent(part):>5}"


def finish(practice: PracticeView, now: int, zone: tzinfo) -> str:
    """When the phase should end."""
    progress, at = practice.progress, practice.progress_at
    if progress is None or at is None or not is_running(practice):
        return NONE
    if silence(practice, now) is not None:
        return "not known now"
    if practice.paused:
        return "after resume"
    if progress.seconds_left_low is None or progress.seconds_left_high is None:
        return "not known yet"
    return figures.finish(at, progress.seconds_left_low, progress.seconds_left_high, now, zone)


def heard(practice: PracticeView, now: int) -> str:
    """How long ago the agent last said anything."""
    return NONE if practice.last_heard is None else figures.age(now - practice.last_heard)


def speed(practice: PracticeView, now: int) -> str:
    """Images per second while a phase runs and its agent speaks."""
    if practice.progress is None or not is_running(practice) or practice.paused or silence(practice, now) is not None:
        return NONE
    return figures.rate(practice.progress.images_per_second)


def columns(width: int, codes: Iterable[str]) -> list[Column]:
    """The columns that `width` cells have room for. What is left out is in the line below the table."""
    code = min(max([8, *map(len, codes)]), 25)
    for bar in (20, 12):
        wide = _wide(code, bar)
        if width - sum(one.width + 1 for one in wide) >= _WHY_WIDTH:
            return wide
    return _narrow(code)


_WHY_WIDTH = 27
"""Cells that the longest reason takes."""


def _narrow(code: int) -> list[Column]:
    return [*_begin(code), _bar(12), *_end()]


def _wide(code: int, bar: int) -> list[Column]:
    gate = Column("Gate", 16, lambda row, now, zone: gate_and_state(row))
    given = Column("Approved", 8, lambda row, now, zone: approvals(row))
    rate = Column("img/s", 6, lambda row, now, zone: speed(row.practice, now), right=True)
    ends = Column("Finish", 13, lambda row, now, zone: finish(row.practice, now, zone))
    opens = Column("Opens", 5, lambda row, now, zone: row.practice.opens or NONE)
    return [*_begin(code), gate, given, _bar(bar), rate, ends, opens, *_end()]


def _begin(code: int) -> list[Column]:
    mark = Column("", 1, lambda row, now, zone: row.mark)
    name = Column("Practice", code, lambda row, now, zone: row.practice.code)
    return [mark, name, Column("Phase", 11, lambda row, now, zone: phase(row))]


def _bar(width: int) -> Column:
    return Column("Progress", width, lambda row, now, zone: progress_text(row, width))


def _end() -> list[Column]:
    heard_at = Column("Heard", 7, lambda row, now, zone: heard(row.practice, now), right=True)
    return [heard_at, Column("Why", 0, lambda row, now, zone: row.standing.why)]


def summary(rows: Iterable[Row]) -> str:
    """How many of each kind."""
    counted = [row.standing for row in rows]
    need = sum(one.urgency is Urgency.NEEDS_ME for one in counted)
    trouble = sum(one.trouble for one in counted)
    running = sum(one.urgency is Urgency.RUNNING for one in counted)
    quiet = sum(one.urgency is Urgency.QUIET for one in counted)
    needs = f"{need} need{'s' if need == 1 else ''} you"
    return f"{needs} · {trouble} in trouble · {running} running · {quiet} quiet"


def details(row: Row, now: int, zone: tzinfo) -> str:
    """All columns of one row as a sentence, for the line below the table."""
    practice = row.practice
    parts = [*_place(row)]
    if is_running(practice):
        parts += [f"{speed(practice, now)} images/s", f"finish {finish(practice, now, zone)}"]
    parts.append(f"opens {practice.opens or 'not known'}")
    return " · ".join(parts)


def steady(row: Row) -> str:
    """What of it is worth a line in plain mode: gate, approvals, phase and tenths of its progress."""
    return f"({', '.join(_place(row, step=10))})"


def _place(row: Row, step: int = 1) -> Iterator[str]:
    practice, judgement = row.practice, row.judgement
    yield f"gate {judgement.gate} {judgement.state}"
    if judgement.needed:
        yield f"{approvals(row)} approvals"
    if practice.progress is not None:
        part = fraction(practice)
        done = f" {int(part * 100) // step * step}%" if part is not None and is_running(practice) else ""
        yield f"{phase(row)} {practice.progress.state}{done}"
