"""The registry of keys: what binds them, names them in the footer, and explains them on the help screen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Where(StrEnum):
    """The screens that have keys of their own."""

    FLEET = "Fleet"
    PRACTICE = "Practice"
    GATE = "Gate"
    HELP = "Help"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `label` is for the footer, `meaning` for people who read the help."""

    key: str
    shown: str
    action: str
    label: str
    meaning: str
    where: frozenset[Where]


def _key(key: str, shown: str, action: str, label: str, meaning: str, *where: Where) -> Key:
    return Key(key, shown, action, label, meaning, frozenset(where or Where))


_F, _P, _G, _H = Where.FLEET, Where.PRACTICE, Where.GATE, Where.HELP

KEYS: tuple[Key, ...] = (
    _key("enter", "Enter", "open", "open", "Open the marked practice or gate.", _F, _P),
    _key("a", "a", "approve", "approve", "Approve this evidence: asks the practice's code and your passphrase.", _G),
    _key("r", "r", "reject", "reject", "Say no to this evidence: asks the same. Its phase must then run again.", _G),
    _key("p", "p", "pause", "pause", "Hold the running phase at the next patient (admins; asks first).", _P),
    _key("r", "r", "resume", "resume", "Go on after a pause, or try again after a no (admins; asks first).", _P),
    _key("n", "n", "needs_me", "needs me", "Show only what waits for your decision; again shows all.", _F),
    _key("f", "f", "faults", "faults", "Show only what is silent or failing; again shows all.", _F),
    _key("s", "s", "sort", "sort", "Sort by the next order: what needs me, code, finish, last heard.", _F),
    _key("slash", "/", "filter", "filter", "Show only practices that contain the words you type; Esc ends it.", _F),
    _key("left", "←", "previous", "before", "Show the gate before this one.", _G),
    _key("right", "→", "next", "after", "Show the gate after this one.", _G),
    _key("escape", "Esc", "back", "back", "Go back one screen, or end the filter.", _F, _P, _G, _H),
    _key("t", "t", "app.theme", "theme", "Next theme: dark, light, high contrast.", _F, _P, _G, _H),
    _key("question_mark", "?", "app.help", "help", "Every key, and how to read the screens.", _F, _P, _G),
    _key("q", "q", "app.quit", "quit", "Leave the console. Nothing stops: agents work on.", _F, _P, _G, _H),
)
"""In the order of the footer: what does something first."""


def keys_of(where: Where) -> tuple[Key, ...]:
    """The keys of one screen."""
    return tuple(one for one in KEYS if where in one.where)


def bindings(where: Where) -> list[BindingType]:
    """The same keys, bound."""
    return [Binding(one.key, one.action, one.label) for one in keys_of(where)]
