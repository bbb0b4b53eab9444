"""Text that people type for the hub to keep, held to the patterns of the wire before it is stored."""

from __future__ import annotations

import msgspec

from console.wire import HourOfDay, OperatorName, PracticeCode
from protocol.errors import UsageProblem


def checked_practice_code(text: str) -> str:
    """The code; UsageProblem when an operator could not type or see it everywhere."""
    advice = "capital letters and digits, one hyphen, such as ALDER-7"
    return _checked(text, PracticeCode, "not a practice code", advice)


def checked_name(text: str) -> str:
    """The operator's name; UsageProblem when it does not fit one line of a screen."""
    return _checked(text, OperatorName, "not an operator's name", "at most 40 letters, digits, spaces and . ' -")


def checked_hour(text: str) -> str:
    """The hour; UsageProblem when it is not HH:MM."""
    return _checked(text, HourOfDay, "not an hour", "write it as HH:MM, such as 07:30")


def _checked(text: str, kind: object, what: str, advice: str) -> str:
    try:
        return str(msgspec.convert(text, type=kind))
    except msgspec.ValidationError:
        raise UsageProblem(f"{what}: {text!r}", next_step=advice) from None
