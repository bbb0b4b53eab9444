"""Every key, and how to read the screens."""

from __future__ import annotations

from textual.widget import Widget

from console.tui.keys import Where, bindings
from console.tui.pages.help import help_lines
from console.tui.screens.base import ConsoleScreen
from console.tui.widgets.bars import Hint
from console.tui.widgets.page import Page


class HelpScreen(ConsoleScreen):
    """One page."""

    WHERE = Where.HELP
    BINDINGS = bindings(Where.HELP)

    def body(self) -> list[Widget]:
        """One page."""
        return [Page(id="help")]

    def on_mount(self) -> None:
        """Arrow keys scroll the page."""
        self.query_one(Page).focus()

    def crumbs(self) -> str:
        """Where this is."""
        return "help"

    def present(self) -> None:
        """The same words, for another width."""
        super().present()
        self.query_one(Page).show(help_lines)
        self.query_one(Hint).tell("Scroll with ↑ ↓; Esc goes back to where you were.")
