"""What the agent does and waits for, in one sentence each: for the practice's IT, who have read nothing."""

from __future__ import annotations

from datetime import datetime

from agent.road import (
    Arrived,
    AwaitApprovals,
    AwaitNight,
    AwaitResume,
    GaveUp,
    Held,
    LedgerUnreadable,
    RunPhase,
    Step,
)


def sentence(step: Step | None, now: int = 0) -> str:
    """What goes on at `now` (UTC seconds)."""
    text = "starts"
    match step:
        case RunPhase(phase):
            text = f"runs {phase}"
        case AwaitApprovals(gate, have, needed):
            text = f"waits for the firm's decision on {gate}: {have} of {needed} approvals"
        case AwaitResume(gate, rejected=False, newer=True):
            text = f"waits at {gate}: DEXIS 11 went on since the backup; stage a newer one, and it goes on by itself"
        case AwaitResume(gate, rejected):
            why = "was rejected" if rejected else "did not pass"
            text = f"waits: the evidence for {gate} {why}; once that is settled, the firm orders resume"
        case AwaitNight(None):
            text = "waits: conversion stopped at the deadline; when the practice is closed, the firm orders resume"
        case AwaitNight(int(resumes_at)):
            when = datetime.fromtimestamp(resumes_at)  # noqa: DTZ006 - the practice's own clock is meant
            text = f"waits until the practice closes: conversion goes on at {when:%H:%M}, in {_span(resumes_at - now)}"
        case Held(hold):
            text = f"is {hold} by the firm, until it orders resume"
        case GaveUp(phase):
            text = f"waits: {phase} ended too often; see engine.log and crash.txt here, then the firm orders resume"
        case LedgerUnreadable():
            text = "waits: ledger.jsonl is lost, or something else changed it; bitewing-engine status says what to do"
        case Arrived():
            text = "has nothing left to do: every gate on this road is open"
    return text


def _span(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
