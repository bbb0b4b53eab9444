"""The door out: patient data planted in every text field of every engine event; none in any encoded frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from agent import boundary
from engine.events import Event as EngineEvent
from engine.events import EvidenceProduced, Finding, FindingsCounted, PhaseEnded, PhaseStarted, Progress
from engine.gates import Standing
from protocol import limits
from protocol.codec import decode_from_agent, encode
from protocol.messages import AlarmReport, Event, PhaseProgress
from protocol.statements import SignedEvidence
from protocol.vocabulary import Alarm, FindingCode, Gate, GateState, Outcome, Phase, PhaseState, Refusal
from tests.engine.statements import evidence

CANARY = "Lindqvist-Øberg^Marit 1957-03-14 00412 C:/DTX/patients/00412.dcm"
LAST = Progress(Phase.CONVERT, 1, 2, 3, 4, 5, 1.5, 10.0, 20.0)
SIGNED = evidence(Gate.STAGED)
EVENTS: tuple[EngineEvent | Finding, ...] = (
    PhaseStarted(Phase.STAGE),
    LAST,
    Progress(Phase.DRY_RUN, 1, 2, 3, 4, 5, None, None, None, paused=True),
    FindingsCounted(Phase.CONVERT, {FindingCode.TRUNCATED: 2, FindingCode.MISSING_FILE: 1}),
    EvidenceProduced(SIGNED),
    PhaseEnded(Phase.CONVERT, Outcome.DONE, 12.5),
    Finding(Phase.CONVERT, FindingCode.TRUNCATED, CANARY, CANARY, CANARY, CANARY),
)


def poisoned(value: Any) -> Iterator[Any]:
    """The value with the canary in one place at a time: every field, element and key, whatever its type."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            for bad in (CANARY, *poisoned(getattr(value, name))):
                copy = msgspec.structs.replace(value)
                msgspec.structs.force_setattr(copy, name, bad)
                yield copy
    elif isinstance(value, dict):
        for key in value:
            yield {**value, CANARY: 1}
            yield {**value, key: CANARY}
    elif isinstance(value, tuple):
        for place, element in enumerate(value):
            for bad in (CANARY, *poisoned(element)):
                yield (*value[:place], bad, *value[place + 1 :])


def frames(outgoing: tuple[boundary.Outgoing, ...]) -> list[bytes]:
    """The frames in which these bodies would leave."""
    return [encode(boundary.event(1, limits.EARLIEST, each.body)) for each in outgoing]


def clean(frame: bytes) -> bool:
    """Whether the other side would accept the frame, and no piece of the canary is in it."""
    decode_from_agent(frame)
    return not any(piece.encode() in frame for piece in CANARY.replace("^", " ").split()) and b"00412" not in frame


@pytest.mark.canary
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_no_text_planted_in_an_engine_event_leaves(event: EngineEvent | Finding) -> None:
    tried = 0
    for bad in itertools.chain((event,), poisoned(event)):
        tried += 1
        made = boundary.of_event(bad, LAST)
        assert all(clean(frame) for frame in frames(made))
        assert all(CANARY not in (outgoing.slot or "") for outgoing in made)
    assert tried > len(type(event).__struct_fields__)


@pytest.mark.canary
def test_no_text_planted_in_evidence_leaves() -> None:
    poisons = list(poisoned(SIGNED))
    assert len(poisons) > 40
    for bad in poisons:
        assert all(clean(frame) for frame in frames((boundary.evidence(bad),)))


@pytest.mark.canary
def test_no_text_planted_anywhere_else_leaves() -> None:
    bad: Any = CANARY
    standing = Standing(Gate.STAGED, GateState.WAITING, 1, SIGNED, "0" * 64, ("a" * 32,), None, 4)
    fields = [name for name in standing.__slots__ if name not in ("evidence", "approvals", "refusal")]
    made = [boundary.gate(_replaced(standing, name, bad)) for name in fields]
    made += [
        boundary.heartbeat(bad, False),
        boundary.heartbeat(None, bad),
        boundary.alarm(bad),
        boundary.result(bad, Outcome.DONE, None, None),
        boundary.result("a" * 32, bad, None, None),
        boundary.result("a" * 32, Outcome.DONE, bad, None),
        boundary.result("a" * 32, Outcome.DONE, None, bad),
    ]
    for frame in frames(tuple(made)):
        assert clean(frame)
        assert b"egress-refused" in frame


def _replaced(standing: Standing, name: str, value: Any) -> Standing:
    import dataclasses

    return dataclasses.replace(standing, **{name: value})


@pytest.mark.canary
def test_a_refused_body_becomes_an_alarm_and_nothing_else() -> None:
    bad = msgspec.structs.replace(LAST, images_done=-1)
    (made,) = boundary.of_event(bad, LAST)
    event = decode_from_agent(frames((made,))[0])
    assert event == Event(1, limits.EARLIEST, AlarmReport(Alarm.EGRESS_REFUSED))


@pytest.mark.attack
@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"type":"phase-progress"}', CANARY.encode(), b'{"type":"note","text":"x"}']
)
def test_a_body_changed_in_the_outbox_file_leaves_as_an_alarm(body: bytes) -> None:
    assert boundary.event(7, limits.EARLIEST, body) == Event(7, limits.EARLIEST, AlarmReport(Alarm.EGRESS_REFUSED))


@pytest.mark.parametrize("at", [0, -5, 2**60])
def test_a_clock_that_is_off_by_decades_does_not_stop_reports(at: int) -> None:
    (made,) = boundary.of_event(LAST, LAST)
    frame = encode(boundary.event(1, at, made.body))
    sent = decode_from_agent(frame)
    assert isinstance(sent, Event)
    assert isinstance(sent.body, PhaseProgress)


def test_a_slow_start_does_not_stop_reports() -> None:
    slow = Progress(Phase.CONVERT, 0, 10, 1, 10**9, 0, 0.0001, 1e13, 2e13)
    (made,) = boundary.of_event(slow, slow)
    sent = decode_from_agent(frames((made,))[0])
    assert isinstance(sent, Event)
    assert isinstance(sent.body, PhaseProgress)
    assert sent.body.seconds_left_high == limits.MAX_SECONDS


@pytest.mark.parametrize(
    ("event", "state", "outcome"),
    [
        (PhaseStarted(Phase.STAGE), PhaseState.RUNNING, None),
        (LAST, PhaseState.RUNNING, None),
        (msgspec.structs.replace(LAST, paused=True), PhaseState.PAUSED, None),
        (PhaseEnded(Phase.CONVERT, Outcome.ANSWER_IS_NO, 1.0), PhaseState.ENDED, Outcome.ANSWER_IS_NO),
    ],
)
def test_progress_tells_state_and_outcome(event: EngineEvent, state: PhaseState, outcome: Outcome | None) -> None:
    (made,) = boundary.of_event(event, LAST)
    sent = decode_from_agent(frames((made,))[0])
    assert isinstance(sent, Event)
    assert isinstance(sent.body, PhaseProgress)
    assert (sent.body.state, sent.body.outcome) == (state, outcome)


def test_evidence_leaves_only_by_way_of_the_ledger() -> None:
    assert boundary.of_event(EvidenceProduced(SIGNED), LAST) == ()
    assert isinstance(SIGNED, SignedEvidence)


def test_a_refusal_leaves_as_a_code() -> None:
    made = boundary.result("a" * 32, Outcome.REFUSED, Refusal.DECISION_EXPIRED, None)
    assert b'"refusal":"decision-expired"' in frames((made,))[0]
