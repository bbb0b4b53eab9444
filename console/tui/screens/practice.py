"""One practice: its road with the gates, live numbers, findings, and its agent."""

from __future__ import annotations

from textual.widget import Widget

from console.tui.keys import Where, bindings
from console.tui.lines import Tone
from console.tui.pages import practice as page
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.gate import GateScreen
from console.tui.standing import Standing, focus_gate, standing_of
from console.tui.state import Link, judgement_of
from console.tui.widgets.bars import Hint
from console.tui.widgets.page import Page
from console.tui.widgets.table import Head, Rows, Table
from console.wire import PracticeView, Verb
from protocol.vocabulary import Gate, GateState, Role

_HEADS = (Head("Phase", 11), Head("Gate", 16), Head("State", 8), Head("Evidence", 12), Head("What it stands on", 0))
_ONLY_ADMINS = "Only an admin pauses and resumes. Ask one; nothing was sent."
_TONES = {
    GateState.OPEN: Tone.GOOD,
    GateState.WAITING: Tone.WARN,
    GateState.REJECTED: Tone.BAD,
    GateState.CLOSED: Tone.DIM,
}
_CONFIRM = {
    Verb.PAUSE: "The running phase holds at the next patient; nothing is left half done. It goes on after a resume.",
    Verb.RESUME: "The run goes on where it stands. A phase whose answer was no runs again and makes new evidence.",
}


class PracticeScreen(ConsoleScreen):
    """One practice. If the hub no longer lists it, what was seen last stays on the screen."""

    WHERE = Where.PRACTICE
    BINDINGS = bindings(Where.PRACTICE)

    def __init__(self, practice: PracticeView) -> None:
        super().__init__()
        self._last = practice
        self._gates: list[page.GateRow] = []

    def body(self) -> list[Widget]:
        """The road, and everything else."""
        return [Table(id="road"), Page(id="numbers")]

    def on_mount(self) -> None:
        """Mark the gate that matters now."""
        self.present()
        table = self.query_one(Table)
        table.mark(focus_gate(self._view))
        table.focus()

    @property
    def _view(self) -> PracticeView:
        self._last = self.console_app.state.practices.get(self._last.id, self._last)
        return self._last

    def crumbs(self) -> str:
        """Where this is."""
        return self._view.code

    def present(self) -> None:
        """The newest of this practice."""
        super().present()
        app, now = self.console_app, self.console_app.world.now
        standing = self._standing(now)
        if standing is None:
            return
        subject = page.Subject(app.state, self._view, standing, now, app.world.zone)
        self._fill_road(subject)
        self.query_one(Page).show(lambda width: page.practice_lines(subject, width))
        self.query_one(Hint).tell(standing.sentence)

    def _standing(self, now: int) -> Standing | None:
        view = self._view
        judgement = judgement_of(self.console_app.state, view, focus_gate(view), now)
        return standing_of(view, judgement, now) if judgement else None

    def _fill_road(self, subject: page.Subject) -> None:
        judged = [
            (phase, judgement_of(subject.state, subject.practice, gate, subject.now)) for phase, gate in page.road()
        ]
        rows = [page.gate_row(phase, one, subject) for phase, one in judged if one is not None]
        self._gates = rows
        self.query_one(Table).show(
            Rows(
                heads=_HEADS,
                keys=[row.gate for row in rows],
                cells=lambda index: _cells(rows[index]),
                tone=lambda index: Tone.BAD if rows[index].is_bad else _TONES[rows[index].state],
            )
        )

    def on_table_opened(self, event: Table.Opened) -> None:
        """A click opens what Enter opens."""
        self.action_open()

    def action_open(self) -> None:
        """The marked gate."""
        marked = self.query_one(Table).marked
        if marked is not None:
            self.app.push_screen(GateScreen(self._view, Gate(marked)))

    def action_pause(self) -> None:
        """Ask whether to pause."""
        self._ask(Verb.PAUSE)

    def action_resume(self) -> None:
        """Ask whether to resume."""
        self._ask(Verb.RESUME)

    def _ask(self, verb: Verb) -> None:
        state = self.console_app.state
        if state.role is not Role.ADMIN:
            return self.say(_ONLY_ADMINS)
        if state.link is not Link.LIVE:
            return self.say("Not connected to the hub, so nothing can be sent. Wait until the connection is back.")
        title = f"{verb.capitalize()} {self._view.code}?"
        self.app.push_screen(ConfirmScreen(title, _CONFIRM[verb]), lambda yes: self._order(verb, bool(yes)))
        return None

    def _order(self, verb: Verb, yes: bool) -> None:
        if yes:
            self.console_app.command(self._last.id, verb)


def _cells(row: page.GateRow) -> list[str]:
    return [row.phase, page.road_title(row), row.state, row.produced, row.says]
