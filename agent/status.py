"""status.json: what the running agent does, for `status` and for the practice's monitoring. No patient data."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from agent import log
from agent.failures import WHAT_TO_DO
from agent.home import Home
from agent.link import LinkState
from agent.road import AwaitNight
from agent.supervisor import Activity
from agent.words import sentence


def document(at: int, activity: Activity, link: LinkState, pending: int, acked: int) -> dict[str, Any]:
    """Everything `status` shows of a running agent; `at` is UTC seconds."""
    running = activity.running
    return {
        "at": at,
        "pid": os.getpid(),
        "does": sentence(activity.step, at),
        "resumes_at": activity.step.resumes_at if isinstance(activity.step, AwaitNight) else None,
        "phase": running.phase if running else None,
        "images": {"done": running.images_done, "total": running.images_total} if running else None,
        "retry_in": round(activity.retry_in, 1),
        "link": {
            "connected": link.connected,
            "since": link.since,
            "failure": link.failure,
            "what_to_do": WHAT_TO_DO[link.failure] if link.failure and not link.connected else None,
            "retry_in": round(link.retry_in, 1),
        },
        "outbox": {"waiting": pending, "delivered": acked},
    }


def publish(home: Home, status: dict[str, Any]) -> None:
    """Replace status.json as a whole. It is for looking only: nothing is decided by it, so it need not be durable."""
    fresh = home.status.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(status) + b"\n")
        fresh.replace(home.status)
    except OSError as problem:
        log.tell("status-not-written", errno=problem.errno)


def read(home: Home) -> dict[str, Any] | None:
    """What the agent last published, None if there is nothing readable."""
    try:
        found = msgspec.json.decode(home.status.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return found if isinstance(found, dict) else None
