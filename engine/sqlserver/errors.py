"""Reads what a pyodbc error means by its numbers. Its text may quote a patient's data and goes no further."""

from __future__ import annotations

import re
from typing import Final

from engine.meanings.meaning import Meaning
from engine.sqlserver.meanings import BY_NUMBER, BY_STATE, UNREACHABLE, UNTRUSTED

# Each diagnostic is "[SQLSTATE] [maker][driver][SQL Server]text (number) (function)"; several follow each other.
_NUMBER: Final = re.compile(r"\((-?\d{1,9})\) \(SQL[A-Za-z0-9]+\)")
_STATE: Final = re.compile(r"[0-9A-Z]{5}")
# Words of the driver's errors before a login, which have no number. No row of a database can be in them.
_HANDSHAKE: Final = ("certificate", "SSL Provider", "TLS Provider", "self-signed", "self signed")
_LOGIN_TIMED_OUT: Final = "Login timeout expired"


def meaning_of(error: BaseException) -> Meaning | None:
    """What a pyodbc error means; None where only its class is known. The server's numbers count before the SQLSTATE."""
    for number in numbers_of(error):
        if number in BY_NUMBER:
            return BY_NUMBER[number]
    state, text = state_of(error), _text(error)
    if state in ("08001", "HYT00") and any(word in text for word in _HANDSHAKE):
        return UNTRUSTED
    if state == "HYT00" and _LOGIN_TIMED_OUT in text:
        return UNREACHABLE
    return BY_STATE.get(state)


def numbers_of(error: BaseException) -> tuple[int, ...]:
    """The server's error numbers, in the driver's order. Those from 0 down are the driver's own and left out."""
    return tuple(number for text in _NUMBER.findall(_text(error)) if (number := int(text)) > 0)


def state_of(error: BaseException) -> str:
    """The SQLSTATE; empty where there is none."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) and _STATE.fullmatch(first) else ""


def label_of(error: BaseException) -> str:
    """SQLSTATE and numbers, for messages; never the text."""
    numbers = " ".join(str(number) for number in dict.fromkeys(numbers_of(error)))
    return " ".join(part for part in (state_of(error), numbers) if part)


def _text(error: BaseException) -> str:
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], str) else ""
