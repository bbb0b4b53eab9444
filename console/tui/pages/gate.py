"""A gate's page: what was checked, what it proves, who said what about it, and what to do now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from console.tui import figures
from console.tui.lines import EMPTY, Line, Tone, beside, fit, line, paragraph, section
from console.tui.pages.findings import finding_lines
from console.tui.state import Link, Sent, State
from console.tui.words import CHECKS, GATES, REFUSALS, STATE_MARKS, UNKNOWN_GATE, VERDICT_MARKS
from console.verdicts import Judgement, gate_view, may_decide, operator_name
from console.wire import ApprovalView, GateView, PracticeView
from protocol.statements import CheckResult, Evidence
from protocol.vocabulary import DecisionVerdict, Gate, GateState, Refusal, Verdict

WIDE = 110
"""From this width on, checks stand beside what they prove."""

_FIGURES_WIDTH = 2 + 2 * 13 + 9
_CHECKS_WIDTH = _FIGURES_WIDTH + max(len(words) for words in CHECKS.values())

_TONES = {Verdict.PASS: Tone.PLAIN, Verdict.ACCEPT: Tone.WARN, Verdict.FAIL: Tone.BAD}
_STATE_TONES = {
    GateState.OPEN: Tone.GOOD,
    GateState.WAITING: Tone.WARN,
    GateState.REJECTED: Tone.BAD,
    GateState.CLOSED: Tone.PLAIN,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One gate of one practice, judged at `now` (UTC seconds) for the operator of `state`."""

    state: State
    practice: PracticeView
    judgement: Judgement
    now: int
    zone: tzinfo

    @property
    def gate(self) -> Gate:
        """Which gate."""
        return self.judgement.gate

    @property
    def view(self) -> GateView:
        """The gate as the agent reported it."""
        return gate_view(self.practice, self.gate)

    @property
    def evidence(self) -> Evidence | None:
        """The newest evidence."""
        return self.view.evidence.evidence if self.view.evidence else None

    def clock(self, at: int) -> str:
        """A moment by the operator's clock."""
        return figures.clock(at, self.now, self.zone)


def what_next(subject: Subject) -> str:
    """One sentence: what to do on this screen now."""
    judgement, state = subject.judgement, subject.state
    if judgement.digest is None:
        return "No evidence yet: this gate's phase has not ended. Nothing to do here."
    if judgement.refusal is not None:
        return f"Cannot be approved. {REFUSALS[judgement.refusal]}"
    if judgement.state is GateState.OPEN:
        return "This gate is open: the practice's own ledger says so. Nothing to do."
    if judgement.state is GateState.REJECTED:
        return "An approver said no. Settle the reason; an admin then resumes the run on the practice's screen (r)."
    if judgement.needs_me:
        return "This gate waits for you. Read the checks and findings, then press a to approve or r to reject."
    return _waits(judgement, state)


def _waits(judgement: Judgement, state: State) -> str:
    if state.me.id in judgement.on_the_way:
        return "Your decision is on its way. It counts once the practice's agent has applied it."
    if state.me.id in judgement.approved_by:
        return "You have approved this. Another approver must read and decide: a decision counts once a person."
    if judgement.state is GateState.CLOSED:
        return "An earlier gate is still closed: look there first (left arrow)."
    if state.fleet is not None and not may_decide(state.fleet, state.me.id):
        return "You may look, not decide. An approver must read this and decide."
    return "Waiting for approvals."


def gate_lines(subject: Subject, width: int) -> list[Line]:
    """The whole page."""
    if width < WIDE:
        return [*_standing(subject, width), *_checks(subject, width), *_meaning(subject, width)]
    columns = beside(_checks(subject, _CHECKS_WIDTH), _meaning(subject, width - _CHECKS_WIDTH - 3), _CHECKS_WIDTH)
    return [*_standing(subject, width), *columns]


def _standing(subject: Subject, width: int) -> list[Line]:
    judgement, evidence = subject.judgement, subject.evidence
    mark, state = STATE_MARKS[judgement.state], judgement.state
    given = f", {len(judgement.approved_by)} of {judgement.needed} approvals" if judgement.needed else ""
    lines: list[Line] = [((f"{mark} {subject.gate} is {state}", _STATE_TONES[state]), (given, Tone.PLAIN))]
    if judgement.needed == 0 and evidence is not None:
        lines = [(*lines[0], (", opens by itself when its checks pass", Tone.PLAIN))]
    if judgement.blocked and (judgement.refusal or judgement.state in (GateState.CLOSED, GateState.REJECTED)):
        tone = Tone.BAD if judgement.refusal else Tone.PLAIN
        lines += paragraph(f"Blocked: {judgement.blocked}.", width, tone)
    if evidence is not None:
        lines += _origin(subject, evidence, width)
    return lines


def _origin(subject: Subject, evidence: Evidence, width: int) -> list[Line]:
    state = subject.state
    until = subject.now + (state.fleet.policy.decision_lifetime_s if state.fleet else 0)
    policy = state.fleet.policy.version if state.fleet else 0
    made = f"Produced {subject.clock(evidence.produced_at)} in {figures.duration(evidence.seconds)}"
    made += f" by engine {evidence.engine_version}."
    if subject.judgement.state is GateState.WAITING:
        made += f" A decision made now is valid until {subject.clock(until)} (policy {policy})."
    named = f"Evidence {subject.judgement.digest}, {_signature(subject.judgement)}"
    return [*paragraph(made, width), *paragraph(named, width, Tone.DIM)]


def _signature(judgement: Judgement) -> str:
    if judgement.refusal is Refusal.SIGNATURE_INVALID:
        return "NOT signed by the practice's agent"
    return "signed by the practice's agent"


def _checks(subject: Subject, width: int) -> list[Line]:
    evidence = subject.evidence
    lines = section("Checks")
    if evidence is None:
        return [*lines, *paragraph("None yet. They appear when the phase has ended.", width, Tone.DIM)]
    name = width - _FIGURES_WIDTH
    head = f"  {fit('', name)}{'expected':>13}{'actual':>13}  verdict"
    lines.append(line(head, Tone.DIM))
    lines += [_check(one, name) for one in evidence.checks]
    return [*lines, *_accepted(evidence, width)]


def _check(one: CheckResult, name: int) -> Line:
    words = fit(CHECKS.get(one.check, str(one.check)), name)
    text = f"{VERDICT_MARKS[one.verdict]} {words}{one.expected:>13,}{one.actual:>13,}  {one.verdict}"
    return line(text, _TONES[one.verdict])


def _accepted(evidence: Evidence, width: int) -> list[Line]:
    if not evidence.totals.findings:
        return [EMPTY, *paragraph("No findings.", width)]
    return [*section("Findings that this evidence counts"), *finding_lines(evidence.totals.findings, width)]


def _meaning(subject: Subject, width: int) -> list[Line]:
    words = GATES.get(subject.gate, UNKNOWN_GATE)
    lines = _digests(subject, width)
    lines += section("What an open gate proves")
    lines += paragraph(words.proven, width, indent=14, first="Proven:")
    lines += paragraph(words.not_proven, width, indent=14, first="Not proven:")
    return [*lines, *_decisions(subject, width)]


def _digests(subject: Subject, width: int) -> list[Line]:
    evidence, equal = subject.evidence, subject.judgement.digests_equal
    if evidence is None or evidence.digests is None:
        return []
    sets = evidence.digests
    lines = section("The three sets (compared here)")
    for name, digest in (("source", sets.source), ("database", sets.database), ("disk", sets.disk)):
        lines += paragraph(digest, width, indent=9, first=name)
    if equal:
        return [
            *lines,
            *paragraph(
                "= all three are equal: what was converted is there, unchanged, and nothing else", width, Tone.GOOD
            ),
        ]
    return [*lines, *paragraph("≠ NOT equal: something is missing, added or changed", width, Tone.BAD)]


def _decisions(subject: Subject, width: int) -> list[Line]:
    stored = subject.view.approvals
    known = {one.decision for one in stored}
    mine = [(key, one) for key, one in subject.state.sent.items() if key not in known and _is_about(one, subject)]
    needed = subject.judgement.needed
    title = f"Decisions ({len(subject.judgement.approved_by)} of {needed} approvals)" if needed else "Decisions"
    lines = section(title)
    for approval in stored:
        lines += _stored(subject, approval, width)
    for _, sent in mine:
        lines += _unstored(subject, sent, width)
    if not stored and not mine:
        return [*lines, *paragraph("None yet." if needed else "None needed.", width, Tone.DIM)]
    return [*lines, *paragraph("New evidence voids every decision on the old.", width, Tone.DIM)]


def _is_about(sent: Sent, subject: Subject) -> bool:
    return sent.practice == subject.practice.id and sent.gate is subject.gate


def _stored(subject: Subject, approval: ApprovalView, width: int) -> list[Line]:
    """A decision that the hub holds: only the agent's word makes it count."""
    mark, tone = _mark(subject, approval)
    steps = [f"{_name(subject, approval.operator)}: {approval.verdict}"]
    sent = subject.state.sent.get(approval.decision)
    if sent is not None:
        steps.append(f"sent {subject.clock(sent.sent_at)}")
    steps.append(f"stored by the hub {subject.clock(approval.submitted_at)}")
    steps.append(_agents_word(subject, approval))
    return paragraph(" · ".join(steps), width, tone, indent=2, first=mark)


def _mark(subject: Subject, approval: ApprovalView) -> tuple[str, Tone]:
    if approval.refusal is not None:
        return "✗", Tone.BAD
    if approval.evidence != subject.judgement.digest or subject.now >= approval.expires_at:
        return "-", Tone.DIM
    if approval.applied_at is None:
        return "…", Tone.WARN
    return ("✓", Tone.GOOD) if approval.verdict is DecisionVerdict.APPROVE else ("✗", Tone.BAD)


def _agents_word(subject: Subject, approval: ApprovalView) -> str:
    if approval.refusal is not None:
        return f"refused. {REFUSALS[approval.refusal]}"
    if approval.evidence != subject.judgement.digest:
        return "void, it was about earlier evidence"
    if approval.applied_at is not None:
        late = f" · expired {subject.clock(approval.expires_at)}" if subject.now >= approval.expires_at else ""
        return f"applied by the agent {subject.clock(approval.applied_at)} (ledger #{approval.ledger}){late}"
    if subject.now >= approval.expires_at:
        return f"expired {subject.clock(approval.expires_at)} before the agent applied it"
    if approval.delivered_at is not None:
        return f"with the agent since {subject.clock(approval.delivered_at)}, not applied yet"
    return "waits for the agent to connect" if not subject.practice.connected else "on its way to the agent"


def _unstored(subject: Subject, sent: Sent, width: int) -> list[Line]:
    """A decision of this console of which the hub has not shown anything yet."""
    start = f"{subject.state.me.name} (you): {sent.verdict} · sent {subject.clock(sent.sent_at)}"
    if sent.refusal is not None:
        return paragraph(f"{start} · refused. {REFUSALS[sent.refusal]}", width, Tone.BAD, indent=2, first="✗")
    if sent.problem is not None:
        return paragraph(f"{start} · {sent.problem}", width, Tone.BAD, indent=2, first="✗")
    return paragraph(f"{start} · waits for the hub", width, Tone.WARN, indent=2, first="…")


def _name(subject: Subject, operator: str) -> str:
    operators = subject.state.fleet.operators if subject.state.fleet else ()
    you = " (you)" if operator == subject.state.me.id else ""
    return operator_name(operators, operator) + you


def why_not(subject: Subject, verdict: DecisionVerdict) -> str | None:
    """Why this operator cannot decide so now, and what to do; None when they can."""
    judgement, state = subject.judgement, subject.state
    if state.link is not Link.LIVE:
        return "Not connected to the hub, so nothing can be sent. Wait until the connection is back."
    if state.fleet is None or not may_decide(state.fleet, state.me.id):
        return "Your role only looks. An approver must decide."
    if judgement.digest is None:
        return "There is no evidence for this gate yet. Wait until its phase has ended."
    if verdict is DecisionVerdict.APPROVE:
        return _why_not_approve(judgement, state)
    return "You have already said no to this evidence." if state.me.id in judgement.rejected_by else None


def _why_not_approve(judgement: Judgement, state: State) -> str | None:
    if judgement.refusal is not None:
        return f"This evidence cannot be approved. {REFUSALS[judgement.refusal]}"
    if judgement.state is GateState.OPEN:
        return "This gate is already open."
    if state.me.id in judgement.on_the_way:
        return "Your decision is already on its way to the agent."
    if state.me.id in judgement.approved_by:
        return "You have already approved this. Another approver must decide."
    if state.me.id in judgement.rejected_by:
        return "You have said no to this evidence; that stands until there is new evidence."
    return None


def accepted_findings(evidence: Evidence) -> str:
    """The findings that an approval accepts, in words."""
    named: Iterable[str] = (f"{one.count:,} {one.code}" for one in evidence.totals.findings)
    return ", ".join(named) or "no findings"
