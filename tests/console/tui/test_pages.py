"""What the pages say, at every width, without a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import msgspec
import pytest

from console.tui import figures, words
from console.tui.lines import cell_len, fit, plain, width_of, wrap
from console.tui.pages import fleet as fleet_page
from console.tui.pages import gate as gate_page
from console.tui.pages import practice as practice_page
from console.tui.pages.help import help_lines
from console.tui.standing import Urgency, focus_gate, standing_of
from console.tui.state import CommandAnswered, CommandSent, LinkLost, Order, Sent, State, after, judgement_of
from console.tui.state import CommandAnswered as Answered
from console.wire import ApprovalView, PracticeView, Verb
from protocol.messages import PhaseProgress
from protocol.vocabulary import (
    Alarm,
    Check,
    DecisionVerdict,
    Gate,
    GateState,
    Outcome,
    Phase,
    PhaseState,
    Refusal,
    Role,
)
from tests.console.tui.world import (
    ME,
    NOW,
    approval,
    fleet,
    gate_of,
    night,
    opened,
    practice,
    running,
    state_of,
    waiting,
)

WIDTHS = (60, 78, 109, 110, 118, 158, 220)


def rows(state: State, now: int = NOW) -> list[fleet_page.Row]:
    return fleet_page.shown_rows(state, fleet_page.all_rows(state, fleet_page.Judges(), now))


def codes(state: State) -> list[str]:
    return [row.practice.code for row in rows(state)]


def gate_subject(
    view: PracticeView, gate: Gate = Gate.DRY_RUN, state: State | None = None, now: int = NOW
) -> gate_page.Subject:
    known = state or state_of(fleet(view))
    judgement = judgement_of(known, view, gate, now)
    assert judgement is not None
    return gate_page.Subject(known, view, judgement, now, UTC)


def gate_text(view: PracticeView, gate: Gate = Gate.DRY_RUN, state: State | None = None, now: int = NOW) -> str:
    lines = gate_page.gate_lines(gate_subject(view, gate, state, now), 100)
    return " ".join(" ".join(map(plain, lines)).split())


def practice_subject(view: PracticeView, state: State | None = None) -> practice_page.Subject:
    known = state or state_of(fleet(view))
    judgement = judgement_of(known, view, focus_gate(view), NOW)
    assert judgement is not None
    return practice_page.Subject(known, view, standing_of(view, judgement, NOW), NOW, UTC)


def practice_text(view: PracticeView, state: State | None = None) -> str:
    lines = practice_page.practice_lines(practice_subject(view, state), 78)
    return " ".join(" ".join(map(plain, lines)).split())


def stopped(outcome: Outcome) -> PhaseProgress:
    """A conversion that ended half done."""
    return running(state=PhaseState.ENDED, outcome=outcome)


def why(view: PracticeView, now: int = NOW) -> tuple[Urgency, str]:
    (row,) = rows(state_of(fleet(view)), now)
    return row.standing.urgency, row.standing.why


# The fleet


def test_the_fleet_is_sorted_by_what_needs_me_then_trouble_then_running_then_quiet() -> None:
    assert codes(state_of(night())) == ["MAPLE-2", "CEDAR-1", "ELM-9", "BIRCH-4", "ASH-2", "FIR-3"]


def test_the_fleet_can_be_sorted_by_code_finish_and_last_heard() -> None:
    state = state_of(night())
    assert codes(replace(state, order=Order.CODE))[:2] == ["ASH-2", "BIRCH-4"]
    assert codes(replace(state, order=Order.FINISH))[0] == "BIRCH-4"
    assert codes(replace(state, order=Order.HEARD))[-2:] == ["ELM-9", "FIR-3"]


def test_the_filters_show_faults_what_needs_me_and_typed_words() -> None:
    state = state_of(night())
    assert codes(replace(state, faults_only=True)) == ["CEDAR-1", "ELM-9"]
    assert codes(replace(state, needs_me_only=True)) == ["MAPLE-2"]
    assert codes(replace(state, words="silent ELM")) == ["ELM-9"]


def test_a_row_says_why_in_words() -> None:
    told = {row.practice.code: row.standing.why for row in rows(state_of(night()))}
    assert told == {
        "MAPLE-2": "needs you: 1 of 2 approved",
        "CEDAR-1": "evidence did not pass",
        "ELM-9": "silent for 14 min",
        "BIRCH-4": "running",
        "ASH-2": "complete",
        "FIR-3": "no agent yet",
    }


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (waiting(1, "A", approval(ME)), (Urgency.QUIET, "1 of 2 approved")),
        (waiting(1, "A", approval(ME, applied_at=None)), (Urgency.QUIET, "on its way to the agent")),
        (practice(1, "A", opened(1, Gate.STAGED), paused=True), (Urgency.RUNNING, "paused")),
        (practice(1, "A", progress=stopped(Outcome.DEADLINE)), (Urgency.RUNNING, "at the deadline")),
        (practice(1, "A", progress=stopped(Outcome.UNTIL_EVENING)), (Urgency.QUIET, "until evening")),
        (practice(1, "A", opened(1, Gate.STAGED)), (Urgency.QUIET, "before proof")),
        (practice(1, "A", connected=False), (Urgency.QUIET, "not connected")),
        (practice(1, "A", alarms=(Alarm.LEDGER_DAMAGED,)), (Urgency.TROUBLE, "alarm raised")),
        (practice(1, "A", alarms=(Alarm.ENGINE_CRASHED,)), (Urgency.QUIET, "before staging")),
        (
            practice(1, "A", (gate_of(f"{1:032x}", Gate.STAGED, GateState.REJECTED),)),
            (Urgency.TROUBLE, "STAGED rejected"),
        ),
        (
            practice(1, "A", progress=running(state=PhaseState.ENDED, outcome=Outcome.FAILED)),
            (Urgency.TROUBLE, "conversion failed"),
        ),
        (
            practice(1, "A", progress=running(state=PhaseState.ENDED, outcome=Outcome.REFUSED)),
            (Urgency.TROUBLE, "conversion refused"),
        ),
    ],
)
def test_every_standing_has_its_words(view: PracticeView, expected: tuple[Urgency, str]) -> None:
    assert why(view) == expected


def test_silence_is_trouble_only_during_a_run() -> None:
    quiet = practice(1, "A", opened(1, Gate.STAGED), last_heard=NOW - 9_000)
    assert why(quiet)[0] is Urgency.QUIET
    busy = msgspec.structs.replace(quiet, progress=running())
    assert why(busy) == (Urgency.TROUBLE, "silent for 2 h")


def test_an_approval_that_expires_is_noticed_without_news() -> None:
    state, judges = state_of(fleet(waiting(1, "A", approval(ME)))), fleet_page.Judges()
    view = state.practices[f"{1:032x}"]
    before, after_expiry = judges.judge(state, view, NOW), judges.judge(state, view, NOW + 86_400)
    assert before and after_expiry and not before.needs_me and after_expiry.needs_me


@pytest.mark.parametrize("width", [77, 100, 110, 118, 130, 157])
def test_no_cell_of_the_fleet_is_cut(width: int) -> None:
    state = state_of(night())
    shown = rows(state)
    columns = fleet_page.columns(width, codes(state))
    left = width - sum(one.width for one in columns) - len(columns) + 1
    for column in columns:
        for row in shown:
            assert cell_len(column.says(row, NOW, UTC)) <= (column.width or left), column.title


def test_a_row_tells_bar_rate_finish_opening_and_age() -> None:
    row = next(row for row in rows(state_of(night())) if row.practice.code == "BIRCH-4")
    told = {one.title: one.says(row, NOW, UTC) for one in fleet_page.columns(158, ["BIRCH-4"])}
    assert told["Progress"].endswith("  49%") and told["img/s"] == "58"
    assert (told["Finish"], told["Opens"], told["Heard"]) == ("03:50 ±9 min", "07:30", "4 s")


def test_a_silent_practice_promises_no_finish() -> None:
    row = next(row for row in rows(state_of(night())) if row.practice.code == "ELM-9")
    told = {one.title: one.says(row, NOW, UTC) for one in fleet_page.columns(158, ["ELM-9"])}
    assert (told["Finish"], told["img/s"]) == ("not known now", "–")


def test_a_night_that_is_over_says_how_far_it_came_and_who_goes_on() -> None:
    held, waits = (practice(1, "A", progress=stopped(one)) for one in (Outcome.DEADLINE, Outcome.UNTIL_EVENING))
    assert practice_subject(held).standing.sentence == (
        "Stopped at the deadline, 4,706 of 9,412 patients: an admin resumes (r) when the practice is closed."
    )
    assert "by itself in the evening. So far 4,706 of 9,412 patients." in practice_subject(waits).standing.sentence
    assert "ended: stopped at the deadline" in practice_text(held)
    assert not practice_subject(held).standing.trouble


def test_a_paused_practice_promises_no_finish() -> None:
    paused = practice(1, "A", progress=running(), paused=True)
    assert (fleet_page.finish(paused, NOW, UTC), fleet_page.speed(paused, NOW)) == ("after resume", "–")


# The gate


def test_a_gate_shows_every_check_with_both_numbers_and_its_verdict() -> None:
    text = gate_text(waiting())
    assert "! images decoded 118,207 118,204 accept" in text
    assert text.count(" pass") >= 9


def test_digests_are_compared_here() -> None:
    same = practice(1, "A", (gate_of(f"{1:032x}", Gate.RECONCILED, GateState.OPEN),))
    other = practice(1, "A", (gate_of(f"{1:032x}", Gate.RECONCILED, GateState.OPEN, equal=False),))
    assert "= all three are equal" in gate_text(same, Gate.RECONCILED)
    unequal = gate_text(other, Gate.RECONCILED)
    assert "≠ NOT equal" in unequal and "Blocked:" in unequal


@pytest.mark.parametrize(
    ("given", "mark", "words_"),
    [
        (approval(), "✓", "applied by the agent 00:58:02 (ledger #9)"),
        (approval(applied_at=None), "…", "with the agent since 00:58:01, not applied yet"),
        (approval(applied_at=None, delivered_at=None), "…", "on its way to the agent"),
        (approval(evidence="9" * 64), "-", "void, it was about earlier evidence"),
        (approval(refusal=Refusal.OWN_EVIDENCE, applied_at=None), "✗", "Another operator must decide"),
        (approval(expires_at=NOW, applied_at=None), "-", "expired 01:12:00 before the agent applied it"),
        (approval(verdict=DecisionVerdict.REJECT), "✗", "reject"),
    ],
)
def test_only_the_agents_own_word_makes_a_decision_count(given: ApprovalView, mark: str, words_: str) -> None:
    text = gate_text(waiting(1, "A", given))
    assert f"{mark} Björk O'Neil: " in text and words_ in text
    assert ("✓ Björk" in text) is (mark == "✓")


def test_a_decision_is_followed_from_here_to_the_ledger() -> None:
    about = waiting().gates[2].evidence_digest or ""
    sent = Sent(waiting().id, Gate.DRY_RUN, DecisionVerdict.APPROVE, about, NOW - 1)
    state = replace(state_of(fleet(waiting())), sent={"d" * 64: sent})
    assert "… Ada (you): approve · sent 01:11:59 · waits for the hub" in gate_text(waiting(), state=state)
    refused = replace(state, sent={"d" * 64: replace(sent, refusal=Refusal.WRONG_POLICY)})
    assert str(words.REFUSALS[Refusal.WRONG_POLICY]) in gate_text(waiting(), state=refused)
    lost = replace(state, sent={"d" * 64: replace(sent, problem="the hub cannot be reached; try again")})
    assert "the hub cannot be reached" in gate_text(waiting(), state=lost)
    applied = waiting(1, "ALDER-7", approval(ME))
    assert "Ada (you): approve · sent 01:11:59 · stored by the hub" in gate_text(applied, state=state)


def test_one_sentence_says_what_to_do_next_on_a_gate() -> None:
    cases = {
        "press a to approve": waiting(),
        "You have approved this": waiting(1, "A", approval(ME)),
        "on its way": waiting(1, "A", approval(ME, applied_at=None)),
        "No evidence yet": practice(1, "A"),
        "An approver said no": practice(1, "A", (gate_of(f"{1:032x}", Gate.DRY_RUN, GateState.REJECTED),)),
        "This gate is open": practice(1, "A", opened(1, Gate.DRY_RUN)),
        "Cannot be approved": practice(1, "A", (gate_of(f"{1:032x}", Gate.DRY_RUN, GateState.CLOSED, failed=True),)),
        "An earlier gate is still closed": practice(1, "A", (gate_of(f"{1:032x}", Gate.DRY_RUN, GateState.CLOSED),)),
    }
    for sentence, view in cases.items():
        assert sentence in gate_page.what_next(gate_subject(view)), sentence


def test_an_operator_is_told_why_they_cannot_decide() -> None:
    approve, reject = DecisionVerdict.APPROVE, DecisionVerdict.REJECT
    failed = practice(1, "A", (gate_of(f"{1:032x}", Gate.DRY_RUN, GateState.CLOSED, failed=True),))
    assert gate_page.why_not(gate_subject(waiting()), approve) is None
    assert "no evidence" in (gate_page.why_not(gate_subject(practice(1, "A")), approve) or "")
    assert "did not pass" in (gate_page.why_not(gate_subject(failed), approve) or "")
    assert gate_page.why_not(gate_subject(failed), reject) is None
    assert "already approved" in (gate_page.why_not(gate_subject(waiting(1, "A", approval(ME))), approve) or "")
    said_no = waiting(1, "A", approval(ME, verdict=reject))
    assert "already said no" in (gate_page.why_not(gate_subject(said_no), reject) or "")
    assert "stands until" in (gate_page.why_not(gate_subject(said_no), approve) or "")
    lost = after(state_of(fleet(waiting())), LinkLost(NOW + 5))
    assert "Not connected" in (gate_page.why_not(gate_subject(waiting(), state=lost), approve) or "")
    viewers = tuple(msgspec.structs.replace(one, role=Role.VIEWER) for one in fleet().operators)
    looking = state_of(msgspec.structs.replace(fleet(waiting()), operators=viewers))
    assert "only looks" in (gate_page.why_not(gate_subject(waiting(), state=looking), approve) or "")


# The practice


def test_a_practice_shows_numbers_words_link_and_findings_with_advice() -> None:
    view = practice(4, "BIRCH-4", opened(4, Gate.STAGED), progress=running())
    text = practice_text(view)
    for part in (
        "Images 59,103 of 118,207",
        "412.0 GB",
        "atlas apple fossil summer",
        "connected, heard 4 s ago",
        "now 58, best 61 images/s",
        "MISSING_FILE 3 to accept",
        "the practice: DEXIS 11 itself has a row and no file",
        "03:50 ±9 min (your clock); opens 07:30 by its own",
    ):
        assert part in text


def test_every_alarm_says_what_to_do() -> None:
    text = practice_text(practice(1, "A", alarms=tuple(Alarm)))
    for alarm in Alarm:
        assert words.ALARMS[alarm][:40] in text


def test_a_pause_is_shown_until_the_agent_obeys() -> None:
    view = practice(1, "A", progress=running())
    asked = after(state_of(fleet(view)), CommandSent(view.id, Verb.PAUSE, NOW))
    assert "Pause asked 01:12:00, on its way to the hub" in practice_text(view, asked)
    stored = after(asked, CommandAnswered(view.id, NOW))
    assert "stored by the hub, waits for the agent" in practice_text(view, stored)
    refused = after(asked, Answered(view.id, NOW, Refusal.ROLE_INSUFFICIENT))
    assert "refused. Your role does not include this" in practice_text(view, refused)


# All pages


def every_page(width: int) -> list[tuple[str, list[str]]]:
    pages = [("help", help_lines(width))]
    alarmed = practice(
        7, "YEW-1", alarms=tuple(Alarm), progress=running(), sas=("wanderer", "umbrella", "triangle", "question")
    )
    for view in (*night().practices, alarmed, waiting(8, "OAK-5", approval(), approval(ME, "e" * 64, applied_at=None))):
        pages.append((view.code, practice_page.practice_lines(practice_subject(view), width)))
        for _, gate in words.ROAD:
            pages.append((f"{view.code} {gate}", gate_page.gate_lines(gate_subject(view, gate), width)))
    for _, lines in pages:
        assert all(width_of(one) <= width for one in lines)
    return [(name, [plain(one) for one in lines]) for name, lines in pages]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen_and_none_is_cut(width: int) -> None:
    for name, lines in every_page(width):
        assert all("…" not in line.replace("… ", "") for line in lines), name


def test_every_word_of_the_vocabulary_has_words_here() -> None:
    assert set(words.REFUSALS) == set(Refusal) and set(words.ALARMS) == set(Alarm)
    assert set(words.CHECKS) == set(Check) and set(words.PHASES) == set(Phase)
    assert {gate for _, gate in words.ROAD} == set(words.GATES)
    assert set(words.STATE_MARKS) == set(GateState) and set(words.OUTCOMES) == set(Outcome)


def test_text_is_wrapped_and_fitted_by_cells_and_not_by_letters() -> None:
    assert fit("東京都", 5) == "東京…" and cell_len(fit("東京都", 10)) == 10
    assert all(cell_len(line) <= 7 for line in wrap("東京都 a practice bbbbbbbbbbbb", 7))


def test_figures_are_short_and_never_round_up_to_done() -> None:
    assert figures.percent(0.9999) == "99%" and figures.bar(0.9999, 4) == "███░" and figures.bar(1.0, 4) == "████"
    assert [figures.age(s) for s in (-5, 4, 840, 9_000, 200_000)] == ["0 s", "4 s", "14 min", "2 h", "2 d"]
    assert figures.clock(NOW - 86_400, NOW, UTC) == "23 Nov 01:12:00"
    assert figures.trend((0.0, 0.0), 5) == "▁▁" and figures.trend((1.0, 8.0), 5) == "▂█"
    assert figures.duration(5) == "5.0 s" and figures.duration(7_300) == "2 h 1 min"
