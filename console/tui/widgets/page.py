"""A page of lines that scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from console.tui.lines import Line, Tone

STYLES = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.DIM: "$muted",
    Tone.GOOD: "$text-success",
    Tone.WARN: "$text-warning",
    Tone.BAD: "$text-error",
}


def content(lines: Sequence[Line]) -> Content:
    """Lines as content: what they hold is never read as markup."""
    return Content("\n").join([Content.assemble(*((text, STYLES[tone]) for text, tone in one)) for one in lines])


class Page(VerticalScroll, can_focus=True):
    """Shows what a builder makes for its width; builds again when the width changes."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._build: Callable[[int], list[Line]] = lambda width: []
        self._shown: tuple[int, list[Line]] | None = None

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static()

    def show(self, build: Callable[[int], list[Line]]) -> None:
        """Show what `build` makes of the width in cells."""
        self._build = build
        self._refresh_lines()

    def on_resize(self, event: Resize) -> None:
        """Another width, other lines."""
        self._refresh_lines()

    def _refresh_lines(self) -> None:
        width = self.scrollable_content_region.width
        if width < 1:
            return
        lines = self._build(width)
        if self._shown != (width, lines):
            self._shown = (width, lines)
            self.query_one(Static).update(content(lines))
