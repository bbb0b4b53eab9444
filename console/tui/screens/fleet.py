"""The fleet: a row for each practice, what needs me on top."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from console.tui.keys import Where, bindings
from console.tui.pages import fleet as page
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.practice import PracticeScreen
from console.tui.standing import Urgency
from console.tui.state import FaultsToggled, Link, NeedsMeToggled, OrderTurned, State, WordsTyped
from console.tui.widgets.bars import Hint
from console.tui.widgets.table import Head, Rows, Table

_NOBODY = "The hub knows no practice yet. On the hub: bitewing-console --home DIR practice add CODE"

_TABLE_MARGIN = 2
"""Cells beside the table: its indent and its scrollbar. A hidden table has no width to ask for."""


class FleetScreen(ConsoleScreen):
    """Sorted, filtered, and with everything about the marked practice below the table."""

    WHERE = Where.FLEET
    BINDINGS = bindings(Where.FLEET)

    def __init__(self) -> None:
        super().__init__()
        self._judges = page.Judges()
        self._rows: list[page.Row] = []

    def body(self) -> list[Widget]:
        """Summary, filter, table, and the marked practice in full."""
        words = Input(placeholder="words to look for; Enter keeps them, Esc ends the filter", id="filter")
        return [Static(id="summary"), words, Table(id="fleet"), Static(id="empty"), Static(id="detail")]

    def on_mount(self) -> None:
        """Keys go to the table."""
        self.query_one(Table).focus()

    def crumbs(self) -> str:
        """Where this is."""
        return "fleet"

    def present(self) -> None:
        """Rows from the newest state."""
        super().present()
        state, now = self.console_app.state, self.console_app.world.now
        everything = page.all_rows(state, self._judges, now)
        self._rows = page.shown_rows(state, everything)
        self.query_one("#summary", Static).update(Content(_summary(state, everything)))
        self._fill_table(now)
        self._tell_empty(state, bool(everything))
        self._tell_marked()

    def _fill_table(self, now: int) -> None:
        rows, zone, table = self._rows, self.console_app.world.zone, self.query_one(Table)
        columns = page.columns(self.size.width - _TABLE_MARGIN, (one.practice.code for one in rows))
        table.show(
            Rows(
                heads=[Head(one.title, one.width, one.right) for one in columns],
                keys=[row.practice.id for row in rows],
                cells=lambda index: [one.says(rows[index], now, zone) for one in columns],
                tone=lambda index: page.TONES[rows[index].standing.urgency],
            )
        )

    def _tell_empty(self, state: State, any_practice: bool) -> None:
        empty = self.query_one("#empty", Static)
        self.query_one(Table).display = bool(self._rows)
        empty.display = not self._rows
        empty.update(Content(_why_empty(state, any_practice)))

    def _tell_marked(self) -> None:
        row, hint, detail = self._marked(), self.query_one(Hint), self.query_one("#detail", Static)
        detail.display = row is not None
        if row is None:
            hint.tell(_what_next(self._rows))
            return
        world = self.console_app.world
        told = page.details(row, world.now, world.zone)
        detail.update(Content(f"{row.practice.code}: {row.standing.sentence}\n{told}"))
        hint.tell(_what_next(self._rows))

    def _marked(self) -> page.Row | None:
        key = self.query_one(Table).marked
        return next((row for row in self._rows if row.practice.id == key), None)

    def on_table_marked(self, event: Table.Marked) -> None:
        """Tell about the practice that is marked now."""
        self._tell_marked()

    def on_table_opened(self, event: Table.Opened) -> None:
        """A click opens what Enter opens."""
        self.action_open()

    def action_open(self) -> None:
        """The marked practice."""
        row = self._marked()
        if row is not None:
            self.app.push_screen(PracticeScreen(row.practice))

    def action_needs_me(self) -> None:
        """Only what needs me, or everything."""
        self.console_app.happen(NeedsMeToggled())

    def action_faults(self) -> None:
        """Only what is in trouble, or everything."""
        self.console_app.happen(FaultsToggled())

    def action_sort(self) -> None:
        """The next order."""
        self.console_app.happen(OrderTurned())

    def action_filter(self) -> None:
        """Ask for words."""
        words = self.query_one("#filter", Input)
        words.add_class("-shown")
        words.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the words are being typed."""
        self.console_app.happen(WordsTyped(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the words, go to the rows."""
        self.query_one(Table).focus()

    def action_back(self) -> None:
        """End the filter: this is the first screen."""
        words = self.query_one("#filter", Input)
        words.value = ""
        words.remove_class("-shown")
        self.query_one(Table).focus()


def _summary(state: State, rows: list[page.Row]) -> str:
    parts = [page.summary(rows), f"sorted by {state.order}"]
    if state.needs_me_only:
        parts.append("ONLY what needs me (n)")
    if state.faults_only:
        parts.append("ONLY faults (f)")
    if state.words.strip():
        parts.append(f"ONLY '{state.words.strip()}' (Esc)")
    return " · ".join(parts)


def _what_next(rows: list[page.Row]) -> str:
    waiting = [row for row in rows if row.standing.urgency is Urgency.NEEDS_ME]
    if waiting:
        return f"{waiting[0].practice.code} needs your decision: mark it (↑ ↓), press Enter, read, decide."
    troubled = [row for row in rows if row.standing.trouble]
    if troubled:
        return f"Nothing waits for you. {troubled[0].practice.code} is in trouble: what to do stands below."
    return "Nothing needs you now. A practice that does comes to the top, marked with !"


def _why_empty(state: State, any_practice: bool) -> str:
    if any_practice:
        return "No practice passes the filters. Esc ends the words; n and f switch theirs off."
    if state.fleet is not None:
        return _NOBODY
    return "Waiting for the hub's first answer." if state.link is not Link.ENDED else "Nothing to show."
