"""The help page: how to read the screens, and every key from the registry that binds it."""

from __future__ import annotations

from console.tui.keys import Where, keys_of
from console.tui.lines import Line, Tone, fit, paragraph, section

_READING = (
    ("Fleet", "One line for each practice. What needs your decision stands on top, then what is in trouble."),
    ("Practice", "The road of one practice: five phases, each ended by a gate. Below it, live numbers and findings."),
    ("Gate", "What was checked, what that proves, and who approved it. Here you decide."),
)
_MARKS = (
    ("!", "needs your decision, or a finding to accept"),
    ("✗", "in trouble: silent during a run, failed, rejected or refused"),
    ("▸", "running"),
    ("✓", "open, passed, or applied by the agent"),
    ("●", "a gate that waits for approvals"),
    ("·", "a gate that is closed: its phase has not ended yet"),
    ("…", "on its way: it does not count yet"),
)
_RULES = (
    "A gate opens at the practice, never here. A decision counts once the practice's agent says that it applied it.",
    "Nothing happens if you do nothing: a gate that is not open stays closed, and the practice keeps DEXIS 11.",
    "Times are by your own clock; only 'opens' is by the practice's.",
)


def help_lines(width: int) -> list[Line]:
    """The whole page."""
    lines = section("Screens")[1:]
    for name, text in _READING:
        lines += paragraph(text, width, indent=10, first=name)
    lines += section("Marks")
    for mark, text in _MARKS:
        lines += paragraph(text, width, indent=3, first=mark)
    lines += section("What to rely on")
    for text in _RULES:
        lines += paragraph(text, width, indent=2, first="·")
    for where in (Where.FLEET, Where.PRACTICE, Where.GATE):
        lines += section(f"Keys: {where}")
        for key in keys_of(where):
            lines += paragraph(key.meaning, width, indent=8, first=fit(key.shown, 7))
    lines += section("Everywhere")
    lines += paragraph("Scroll a long page. A click does what the key below it does.", width, indent=8, first="↑ ↓")
    return [*lines, *paragraph("Every command, by name.", width, Tone.PLAIN, indent=8, first="Ctrl+P")]
