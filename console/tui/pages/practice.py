"""A practice's page: the road with its gates, live numbers, findings, alarms, and the agent itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from console.tui import figures
from console.tui.lines import EMPTY, NONE, Line, Tone, beside, line, paragraph, section
from console.tui.pages import fleet as fleet_page
from console.tui.pages.findings import finding_lines
from console.tui.standing import Standing, is_running, silence
from console.tui.state import State
from console.tui.words import ALARMS, BAD_EVIDENCE, OUTCOMES, PHASES, REFUSALS, ROAD, STATE_MARKS
from console.verdicts import Judgement, gate_view
from console.wire import PracticeView
from protocol.messages import PhaseProgress
from protocol.vocabulary import Gate, GateState, PhaseState

WIDE = 110
"""From this width on, numbers stand beside the agent."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One practice as it stands at `now` (UTC seconds)."""

    state: State
    practice: PracticeView
    standing: Standing
    now: int
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class GateRow:
    """One step of the road: the phase, and the gate that ends it, judged here."""

    phase: str
    gate: Gate
    state: GateState
    says: str
    produced: str
    is_bad: bool


def gate_row(phase: str, judgement: Judgement, subject: Subject) -> GateRow:
    """What the road's table says of one gate."""
    view = gate_view(subject.practice, judgement.gate)
    produced = NONE
    if view.evidence is not None:
        at = view.evidence.evidence.produced_at
        produced = figures.clock(at, subject.now, subject.zone, seconds=False)
    return GateRow(phase, judgement.gate, judgement.state, _says(judgement), produced, judgement.refusal is not None)


def _says(judgement: Judgement) -> str:
    given = f"{len(judgement.approved_by)} of {judgement.needed} approved"
    if judgement.refusal is not None:
        return BAD_EVIDENCE.get(judgement.refusal, "evidence does not pass")
    if judgement.state is GateState.OPEN:
        return given if judgement.needed else "opened by its checks"
    if judgement.needs_me:
        return f"needs you: {given}"
    if judgement.state is GateState.REJECTED:
        return "an approver said no"
    if judgement.state is GateState.WAITING:
        return given
    return "no evidence yet" if judgement.digest is None else "an earlier gate is shut"


def road_title(row: GateRow) -> str:
    """The gate with its mark."""
    return f"{STATE_MARKS[row.state]} {row.gate}"


def road() -> tuple[tuple[str, Gate], ...]:
    """Phases in words and the gates that end them."""
    return tuple((PHASES[phase], gate) for phase, gate in ROAD)


def practice_lines(subject: Subject, width: int) -> list[Line]:
    """Everything below the road."""
    if width < WIDE:
        upper = [*_numbers(subject, width), *_agent(subject, width)]
    else:
        left = width // 2
        upper = beside(_numbers(subject, left), _agent(subject, width - left - 3), left)
    return [*_alarms(subject, width), *_command(subject, width), *upper, *_findings(subject, width)]


def _numbers(subject: Subject, width: int) -> list[Line]:
    practice, progress = subject.practice, subject.practice.progress
    if progress is None:
        return [*section("Progress"), *paragraph("No phase has begun yet.", width, Tone.DIM)]
    lines = [*section(f"Progress: {PHASES[progress.phase]}"), *_state(progress, practice, width)]
    part = fleet_page.fraction(practice)
    if part is not None and is_running(practice):
        lines.append(line(f"{figures.bar(part, min(width - 6, 50))} {figures.percent(part)}"))
    lines += _counts(progress, width)
    if is_running(practice):
        lines += _fact("Finish", _finish(subject), width)
    return [*lines, *_rates(subject, width)]


def _counts(progress: PhaseProgress, width: int) -> list[Line]:
    """What the phase counts; staging counts neither patients nor images."""
    lines: list[Line] = []
    if progress.patients_total:
        lines += _fact("Patients", figures.of(progress.patients_done, progress.patients_total), width)
    if progress.images_total:
        lines += _fact("Images", figures.of(progress.images_done, progress.images_total), width)
    if progress.bytes_done:
        lines += _fact("Data", figures.size(progress.bytes_done), width)
    return lines


def _state(progress: PhaseProgress, practice: PracticeView, width: int) -> list[Line]:
    if progress.outcome is not None:
        return _fact("State", f"ended: {OUTCOMES[progress.outcome]}", width)
    paused = practice.paused or progress.state is PhaseState.PAUSED
    return _fact("State", "paused" if paused else str(progress.state), width)


def _finish(subject: Subject) -> str:
    when = fleet_page.finish(subject.practice, subject.now, subject.zone)
    yours = f"{when} (your clock)" if "±" in when else when
    opens = subject.practice.opens
    return f"{yours}; opens {opens} by its own" if opens else yours


def _rates(subject: Subject, width: int) -> list[Line]:
    practice = subject.practice
    if not practice.rate_history:
        return []
    chart = figures.trend(practice.rate_history, min(width - 30, 60))
    now = f"now {fleet_page.speed(practice, subject.now)}, " if is_running(practice) else ""
    return _fact("Rate", f"{chart} {now}best {figures.rate(max(practice.rate_history))} images/s", width)


def _fact(name: str, value: str, width: int, tone: Tone = Tone.PLAIN) -> list[Line]:
    return paragraph(value, width, tone, indent=10, first=name)


def _agent(subject: Subject, width: int) -> list[Line]:
    practice = subject.practice
    lines = section("The practice's agent")
    if practice.agent_key is None:
        return [*lines, *paragraph("None is enrolled. Make a token with bitewing-console token.", width, Tone.DIM)]
    lines += _link(subject, width)
    lines += _fact("Version", practice.agent_version or NONE, width)
    words = " ".join(practice.sas) if practice.sas else NONE
    lines += _fact("Words", f"{words} (the practice reads you the same four; if not, stop)", width)
    return [*lines, *_fact("Run", practice.run or "not known yet", width)]


def _link(subject: Subject, width: int) -> list[Line]:
    practice, quiet = subject.practice, silence(subject.practice, subject.now)
    link = "connected" if practice.connected else "not connected"
    heard = fleet_page.heard(practice, subject.now)
    said = "never heard" if practice.last_heard is None else f"heard {heard} ago"
    if quiet is not None:
        return _fact("Link", f"{link}, silent during a run: {said}", width, Tone.BAD)
    return _fact("Link", f"{link}, {said}", width)


def _alarms(subject: Subject, width: int) -> list[Line]:
    alarms = subject.practice.alarms
    if not alarms:
        return []
    lines = section("Alarms that the agent raised")
    for alarm in alarms:
        lines += paragraph(ALARMS[alarm], width, Tone.BAD, indent=2, first="!")
    return lines


def _command(subject: Subject, width: int) -> list[Line]:
    asked = subject.state.asked.get(subject.practice.id)
    if asked is None:
        return []
    start = f"{_capital(asked.verb)} asked {figures.clock(asked.asked_at, subject.now, subject.zone)}"
    if asked.refusal is not None:
        return [EMPTY, *paragraph(f"✗ {start}, refused. {REFUSALS[asked.refusal]}", width, Tone.BAD)]
    if asked.problem is not None:
        return [EMPTY, *paragraph(f"✗ {start}, not sent: {asked.problem}", width, Tone.BAD)]
    where = "stored by the hub, waits for the agent" if asked.is_stored else "on its way to the hub"
    return [EMPTY, *paragraph(f"… {start}, {where}", width, Tone.WARN)]


def _findings(subject: Subject, width: int) -> list[Line]:
    lines = section("Findings so far")
    if not subject.practice.findings:
        return [*lines, *paragraph("None.", width, Tone.DIM)]
    return [*lines, *finding_lines(subject.practice.findings, width)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
